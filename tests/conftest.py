"""What every test needs: a clean environment, an own folder, and real databases.

`warehouse` is open, migrated and empty, once on SQLite and once on PostgreSQL; `warehouse_url` is the address of a
database that does not even have tables. PostgreSQL 18 comes out of a wheel; where it cannot start, its tests fail.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from inode_pipeline.config import LocalSettings
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse
from inode_pipeline.warehouse.migrate import migrate
from tests.postgresql import PostgreSQLServer, running_postgresql

pytest_plugins = ["tests.reliability"]

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


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the tests of a migrated PostgreSQL run as a production does: the tables are another role's."""
    parser.addoption("--as-loader", action="store_true", help="use the role inode_loader of sql/roles")


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


@pytest.fixture(scope="session")
def postgresql_server(request: pytest.FixtureRequest) -> Iterator[PostgreSQLServer]:
    """One server for each process of the tests."""
    with running_postgresql() as server:
        if request.config.getoption("as_loader"):
            server.loader = "inode_loader"
        yield server


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
    with open_warehouse(_settings(postgresql_server.prepare(name))) as warehouse:
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
    yield server.url(name, "postgres" if request.node.get_closest_marker("owner") else server.loader)
    server.drop(name)


@pytest.fixture
def warehouse(migrated_url: str) -> Iterator[Warehouse]:
    """An open, migrated, empty warehouse of each kind in turn; it waits 5 seconds for a lock, not 60."""
    with open_warehouse(_settings(migrated_url), lock_wait_s=5) as warehouse:
        yield warehouse


def _settings(url: str) -> LocalSettings:
    return LocalSettings(warehouse_url=url, _env_file=None)
