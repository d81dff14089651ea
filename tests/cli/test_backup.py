"""A backup that is restored elsewhere continues where it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from inode_pipeline.config import LocalSettings
from inode_pipeline.emulator import EmulatorServer
from inode_pipeline.warehouse.engine import open_warehouse
from tests.faults.tables import contents
from tests.invariants import violations

Restore = Callable[[str], str]


@pytest.fixture
def restored(warehouse_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Restore]:
    """Back up a warehouse as in docs/postgresql.md, restore it elsewhere, and return the new URL."""
    if warehouse_kind == "sqlite":

        def vacuum_into(url: str) -> str:
            copy = tmp_path / "elsewhere" / "inode.db"
            copy.parent.mkdir(mode=0o700)
            with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
                connection.execute("VACUUM INTO ?", (str(copy),))
            return f"sqlite:///{copy}"

        yield vacuum_into
        return
    server = request.getfixturevalue("postgresql_server")
    elsewhere = server.new_database()

    def dump_and_restore(url: str) -> str:
        where = ("-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres")
        dump = str(server.folder / f"{elsewhere}.dump")
        server.run("pg_dump", *where, "-Fc", "-n", "inode", "-f", dump, url.rpartition("/")[2])
        server.run("pg_restore", *where, "--exit-on-error", "-d", elsewhere, dump)
        return str(server.url(elsewhere))

    yield dump_and_restore
    server.drop(elsewhere)


def tables_of(url: str) -> dict[str, Any]:
    with open_warehouse(LocalSettings(warehouse_url=url, _env_file=None)) as warehouse:
        assert list(violations(warehouse)) == []
        return contents(warehouse)


def test_a_restored_warehouse_is_the_same_and_syncs_go_on(
    run: Callable[..., Any],
    emulator: EmulatorServer,
    account: dict[str, str],
    migrated_url: str,
    restored: Restore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every row is there, a replay of the landed pages writes none, and the next sync continues from it."""
    emulator.state.freeze()
    monkeypatch.setenv("INODE_WAREHOUSE_URL", migrated_url)
    assert run("sync").code == 0
    copy = restored(migrated_url)
    assert tables_of(copy) == tables_of(migrated_url)

    monkeypatch.setenv("INODE_WAREHOUSE_URL", copy)
    today = datetime.now(UTC).date().isoformat()
    (replayed,) = run("replay", "--from", today, "--to", today, "--json").json
    assert (replayed["inserted"], replayed["updated"], replayed["unchanged"]) == (0, 0, 30)
    synced = run("sync", "--json").json
    assert (synced["verdict"], synced["received"], synced["unchanged"]) == ("proven", 30, 30)
    assert run("migrate", "--check").code == 0
    assert list(tables_of(copy))
