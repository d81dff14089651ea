"""A warehouse filled by two real syncs of an emulated account, for tests to break."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from inode_pipeline.analysis.check import CheckContext, Result
from inode_pipeline.analysis.checks import CHECKS
from inode_pipeline.config import Settings
from inode_pipeline.emulator import EmulatorConfig, EmulatorServer
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.sync import Attempt, sync_date
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse, transaction
from inode_pipeline.warehouse.migrate import migrate

DAY = timedelta(days=1)
TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="session")
def server() -> Iterator[EmulatorServer]:
    """An account of 25 links, each measured just now."""
    with EmulatorServer(EmulatorConfig(links=25, page_size=10, max_page_size=10)) as server:
        yield server


@pytest.fixture(scope="session")
def good_records(server: EmulatorServer) -> list[dict[str, Any]]:
    server.state.freeze()
    measured = next(record for record in server.state.records if record["last_speed"])
    names = ("last_updated", "sample_size")
    for record in server.state.records:
        record.update({name: measured[name] for name in names})
        record["last_travel_time"] = 3.6 * record["distance"] / measured["last_speed"]
        record["last_speed"] = measured["last_speed"]
    return copy.deepcopy(server.state.records)


def account(server: EmulatorServer, url: str) -> Settings:
    environment = {"base_url": server.base_url, "api_key": "demo-api-key", "warehouse_url": url}
    return Settings(_env_file=None, **environment)


def two_nights(settings: Settings) -> None:
    with open_warehouse(settings) as warehouse:
        migrate(warehouse)
        for day in (TODAY - DAY, TODAY):
            sync_date(settings, warehouse, LINKS, day, today=day, attempt=Attempt(f"run of {day}", "person"))


@pytest.fixture(scope="session")
def _migrated_file(
    server: EmulatorServer, good_records: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The SQLite file that each test copies: yesterday's and today's snapshot of the same 25 links."""
    path = tmp_path_factory.mktemp("two nights") / "inode.db"
    server.state.records = copy.deepcopy(good_records)  # an earlier test may have changed them
    two_nights(account(server, f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def _migrated_database(server: EmulatorServer, good_records: list[dict[str, Any]], postgresql_server: Any) -> str:
    """The same on PostgreSQL."""
    name: str = postgresql_server.new_database()
    server.state.records = copy.deepcopy(good_records)
    two_nights(account(server, postgresql_server.prepare(name)))
    return name


class Synced:
    """A copy of the filled warehouse, with methods to break it."""

    def __init__(self, server: EmulatorServer, warehouse: Warehouse, settings: Settings) -> None:
        self.records: list[dict[str, Any]] = server.state.records
        self.settings, self.warehouse = settings, warehouse
        self.now = datetime.now(UTC)

    def sync(self, day: date = TODAY, **options: Any) -> None:
        attempt = Attempt(f"run of {day}", "person")
        sync_date(self.settings, self.warehouse, LINKS, day, today=day, attempt=attempt, **options)

    def change(self, *statements: Any) -> None:
        with transaction(self.warehouse) as connection:
            for statement in statements:
                connection.execute(statement)

    def examine(self, name: str) -> Result:
        (check,) = (check for check in CHECKS if check.name == name)
        return check.examine(CheckContext(self.warehouse, LINKS, self.settings, self.now))


@pytest.fixture
def synced(
    server: EmulatorServer, good_records: list[dict[str, Any]], migrated_url: str, warehouse: Warehouse
) -> Synced:
    """Yesterday's and today's snapshot of the same 25 links."""
    server.state.records = copy.deepcopy(good_records)
    return Synced(server, warehouse, account(server, migrated_url))
