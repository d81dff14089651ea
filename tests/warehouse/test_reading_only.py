"""Opening a warehouse for reading only, other programs' databases, and damaged files."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import make_url

from inode_pipeline import errors
from inode_pipeline.cli.commands import commands
from inode_pipeline.config import LocalSettings
from inode_pipeline.emulator import EmulatorConfig, EmulatorServer
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse, reading, transaction
from inode_pipeline.warehouse.migrate import migrate

COUNT = "SELECT count(*) FROM pipeline_settings"
ADD = "INSERT INTO pipeline_settings (name, value) VALUES ('one more', '')"


def opened(path: Path, *, read_only: bool = True, lock_wait_s: float = 1) -> Warehouse:
    settings = LocalSettings(warehouse_url=f"sqlite:///{path}", _env_file=None)
    return open_warehouse(settings, read_only=read_only, lock_wait_s=lock_wait_s)


def count(warehouse: Warehouse) -> int:
    with reading(warehouse) as connection:
        return connection.exec_driver_sql(COUNT).scalar_one()


@pytest.fixture
def shared() -> Iterator[Path]:
    """A migrated file that everybody may read and only its owner may write, in a folder that everybody may enter."""
    folder = Path(tempfile.mkdtemp())
    with opened(folder / "inode.db", read_only=False) as warehouse:
        migrate(warehouse)
    folder.chmod(0o755)
    (folder / "inode.db").chmod(0o644)
    yield folder / "inode.db"
    shutil.rmtree(folder)


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """Root becomes a user without rights; anybody else has nobody to become."""
    if os.geteuid() != 0:
        pytest.skip("only root can act as another user")
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def files(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir())


def test_reading_makes_no_file(tmp_path: Path) -> None:
    """Neither the database nor its folder, and what is there is left as it was, without companions."""
    with pytest.raises(errors.PipelineError):
        opened(tmp_path / "new" / "inode.db")
    with pytest.raises(errors.PipelineError):
        opened(tmp_path / "inode.db")
    assert list(tmp_path.iterdir()) == []
    path = tmp_path / "inode.db"
    with opened(path, read_only=False) as warehouse:
        migrate(warehouse)
    before = path.read_bytes()
    with opened(path) as warehouse:
        assert count(warehouse) > 0
        with pytest.raises(errors.PermissionError), transaction(warehouse) as connection:
            connection.exec_driver_sql(ADD)
    assert (files(path), path.read_bytes()) == (["inode.db"], before)


@pytest.mark.parametrize("mode", [0o755, 0o777], ids=["folder closed", "folder open"])
def test_who_may_not_write_reads_and_leaves_nothing_behind(shared: Path, mode: int) -> None:
    """Companions made by a reader would be files that the owner may not write."""
    shared.parent.chmod(mode)
    before = shared.read_bytes()
    with as_somebody_else(), opened(shared) as warehouse:
        assert count(warehouse) > 0
        assert files(shared) == ["inode.db"]
    assert (files(shared), shared.read_bytes()) == (["inode.db"], before)


def test_who_may_not_write_sees_what_a_process_at_work_has_committed(shared: Path) -> None:
    """What is in the file called -wal counts, so it is read through it."""
    with opened(shared, read_only=False) as writer:
        with transaction(writer) as connection:
            before = connection.exec_driver_sql(COUNT).scalar_one()
            connection.exec_driver_sql(ADD)
        with as_somebody_else(), opened(shared) as warehouse:
            assert count(warehouse) == before + 1


def test_a_file_that_is_written_while_it_is_read_without_a_lock_is_reported(shared: Path) -> None:
    """Its pages could be of two states; trying again may help, and the remedy says how to have a lock."""
    with as_somebody_else(), opened(shared) as warehouse:
        assert count(warehouse) > 0
        os.seteuid(0)
        with opened(shared, read_only=False) as writer, transaction(writer) as connection:
            connection.exec_driver_sql(ADD)
        os.seteuid(65534)
        with pytest.raises(errors.LockedError, match="was written while it was read") as caught:
            count(warehouse)
        assert "folder" in caught.value.remedy


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """The command, with an emulated account."""
    with EmulatorServer(EmulatorConfig(links=3)) as emulator:
        monkeypatch.setenv("INODE_BASE_URL", emulator.base_url)
        monkeypatch.setenv("INODE_API_KEY", emulator.config.api_key)
        yield lambda *arguments: CliRunner().invoke(commands, arguments, prog_name="inode-pipeline")


@pytest.mark.parametrize("foreign", ["orders", "links", "alembic_version"])
def test_the_database_of_another_program_is_refused_by_every_command(
    warehouse_url: str,
    foreign: str,
    run: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """Even one with a table `links`, or one that uses Alembic too: the same sentence, and nothing is made in it."""
    monkeypatch.setenv("INODE_WAREHOUSE_URL", warehouse_url)
    url = make_url(warehouse_url)
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        path.parent.mkdir()
        with sqlite3.connect(path) as connection:
            connection.execute(f"CREATE TABLE {foreign} (version_num text)")
            connection.execute(f"INSERT INTO {foreign} VALUES ('abc')")
        connection.close()
        before = path.read_bytes()
        state = path.read_bytes
    else:
        server = request.getfixturevalue("postgresql_server")
        for statement in (
            "CREATE SCHEMA inode",
            f"CREATE TABLE inode.{foreign} (version_num text)",
            f"INSERT INTO inode.{foreign} VALUES ('abc')",
        ):
            server.execute(statement, url.database)

        def state() -> list[tuple[object, ...]]:
            return server.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'inode'::regnamespace", url.database
            )

        before = state()
    for arguments in (("doctor",), ("migrate",), ("migrate", "--check"), ("status",), ("sync",), ("report",)):
        ended = run(*arguments)
        said = " ".join(ended.output.split())
        assert (arguments, ended.exit_code) == (arguments, 2)
        assert f"holds tables that this program did not make ('{foreign}')" in said
        assert "Name another file in INODE_WAREHOUSE_URL, or another schema" in said
    assert before == state()


@pytest.mark.parametrize("start", [0, 4096], ids=["its head", "its body"])
def test_a_damaged_file_is_named_as_one(
    tmp_path: Path, start: int, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to do; nothing is written to it, so that what is left can be saved."""
    path = tmp_path / "inode.db"
    monkeypatch.setenv("INODE_WAREHOUSE_URL", f"sqlite:///{path}")
    assert run("sync").exit_code == 0
    content = bytearray(path.read_bytes())
    content[start:] = b"\xff" * len(content[start:])
    path.write_bytes(content)
    for command in ("status", "sync", "doctor"):
        ended = run(command)
        said = " ".join(ended.output.split())
        assert (command, "damaged" in said, "backup" in said) == (command, True, True)
        assert ended.exit_code in (1, 2)
    assert path.read_bytes() == content
