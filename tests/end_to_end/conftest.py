"""An account on the emulator and a warehouse: what a whole sync needs."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from inode_pipeline.config import Settings
from inode_pipeline.emulator import EmulatorConfig, EmulatorServer
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.sync import Attempt, sync_date
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.receipt import Receipt
from inode_pipeline.warehouse.tables import LINKS_TABLE
from tests.invariants import assert_invariants

NOW = datetime(2026, 5, 12, 13, 2, 30, tzinfo=UTC)
"""The instant whose traffic the emulator shows: a Tuesday."""

BESIDE = {"walks", "raw_pages", "loads", "runs", "pipeline_settings"}
"""The tables of which nobody speaks who says that the warehouse is unchanged."""

LOGIN = {
    "INODE_USERNAME": "demo",
    "INODE_PASSWORD": "demo-password",
    "INODE_CLIENT_ID": "demo-client",
    "INODE_CLIENT_SECRET": "demo-client-secret",
}


@dataclass
class Account:
    """An emulated account, the settings that reach it, and the warehouse they fill."""

    server: EmulatorServer
    settings: Settings
    warehouse: Warehouse
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def today(self) -> date:
        return datetime.now(self.settings.zone).date()

    def sync(self, *, allow_shrink: bool = False) -> Receipt:
        attempt = Attempt(run_id=f"run-{next(self.numbers)}", trigger="person")
        (receipt,) = sync_date(
            self.settings, self.warehouse, LINKS, self.today, attempt=attempt, allow_shrink=allow_shrink
        )
        return receipt

    def serve(self, records: list[dict[str, Any]]) -> None:
        self.server.state.records = copy.deepcopy(records)

    def expected(self) -> dict[str, dict[str, Any]]:
        """What `links` must hold of what the server serves now."""
        rows = map(expected_row, self.server.state.records)
        return {row["link_id"]: row for row in rows}

    def present(self) -> dict[str, dict[str, Any]]:
        """The rows of `links` that are not deleted, in the columns that come from the record."""
        names = [column.name for column in LINKS.columns if column.name != "extra"]
        return {key: {name: row[name] for name in names} for key, row in self.rows().items() if not row["deleted_at"]}

    def rows(self) -> dict[str, dict[str, Any]]:
        """Every row of `links` by its id."""
        with reading(self.warehouse) as connection:
            return {row["link_id"]: dict(row) for row in connection.execute(select(LINKS_TABLE)).mappings()}


@pytest.fixture
def account(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Any]]:
    """What opens an account: a context manager that takes the fields of `EmulatorConfig`.

    Whatever was loaded of it, the invariants hold at the end.
    """

    @contextmanager
    def opened(*, with_key: bool = False, settings: dict[str, str] | None = None, **config: Any) -> Iterator[Account]:
        with EmulatorServer(EmulatorConfig(now=lambda: NOW, **config)) as server:
            server.state.freeze()
            monkeypatch.setenv("INODE_BASE_URL", server.base_url)
            credentials = {"INODE_API_KEY": "demo-api-key"} if with_key else LOGIN
            for name, value in (credentials | (settings or {})).items():
                monkeypatch.setenv(name, value)
            yield Account(server, Settings.load(dotenv=False), warehouse)

    yield opened
    assert_invariants(warehouse, request)


def expected_row(record: dict[str, Any]) -> dict[str, Any]:
    """What a record of the emulator means, read without any of the pipeline's code."""
    length_m, speed_kmh = record["distance"], record["free_flow_speed"]
    observed = record["last_updated"]
    origin, destination = record["origin"] or {}, record["destination"] or {}
    return {
        "link_id": str(record["id"]),
        "name": record["name"],
        "status": record["status"],
        "data_source": record["data_source"],
        "grid": record["grid"],
        "origin_sensor_id": None if not origin else str(origin["id"]),
        "origin_sensor_name": origin.get("name"),
        "destination_sensor_id": None if not destination else str(destination["id"]),
        "destination_sensor_name": destination.get("name"),
        "length_m": float(length_m),
        "free_flow_speed_kmh": float(speed_kmh),
        "free_flow_travel_time_s": pytest.approx(3.6 * float(length_m) / float(speed_kmh), rel=1e-12),
        "last_speed_kmh": None if record["last_speed"] is None else float(record["last_speed"]),
        "last_travel_time_s": None if record["last_travel_time"] is None else float(record["last_travel_time"]),
        "last_sample_count": record["sample_size"],
        "last_observed_at": None if observed is None else datetime.fromisoformat(observed),
        "geometry": record["geometry"],
    }
