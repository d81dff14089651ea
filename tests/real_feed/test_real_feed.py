"""A recorded feed of a real city, with its real dirt, ends in the warehouse as an independent reading says.

The recording lies beside the project and is not part of it; without it these tests are skipped and say so.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from inode_pipeline.config import Settings
from inode_pipeline.emulator import EmulatorConfig, EmulatorServer
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import SuspiciousShrinkError
from inode_pipeline.sync import Attempt, sync_date
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.receipt import Receipt
from inode_pipeline.warehouse.tables import LINKS_TABLE
from tests.invariants import assert_invariants

HERE = Path(__file__).parent
RECORDING = HERE.parents[2] / "shared/data/nyc_dot_links/snapshots.ndjson.gz"
API_KEY = "recorded-feed-key"
SHRINKING = 12  # the snapshot that lacks 36 of the 153 links before it

pytestmark = [
    pytest.mark.skipif(not RECORDING.is_file(), reason="the recorded feed does not lie beside the project"),
]


def snapshots() -> list[list[dict[str, Any]]]:
    with gzip.open(RECORDING) as lines:
        return [json.loads(line)["records"] for line in lines]


def expected_row(record: dict[str, Any]) -> tuple[object, ...]:
    """What one record of the feed means, read without any of the pipeline's code."""
    has_data = str(record["Status"]) != "-101"
    local = datetime.strptime(record["DataAsOf"], "%m/%d/%Y %H:%M:%S").replace(tzinfo=ZoneInfo("America/New_York"))
    return (
        str(record["linkId"]),
        record["linkName"],
        str(record["Status"]),
        pytest.approx(float(record["Speed"]) * 1.609344) if has_data else None,
        float(record["TravelTime"]) if has_data else None,
        local.astimezone(UTC) if local.year >= 2000 else None,  # 1978 stands for no date
        record["Borough"],
    )


def rows(warehouse: Warehouse) -> dict[str, tuple[object, ...]]:
    table = LINKS_TABLE.c
    with reading(warehouse) as connection:
        found = connection.execute(
            select(
                table.link_id,
                table.name,
                table.status,
                table.last_speed_kmh,
                table.last_travel_time_s,
                table.last_observed_at,
                table.extra,
            )
        ).all()
    return {row[0]: (*row[:6], as_json(row[6])["Borough"]) for row in found}


def as_json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def gone(warehouse: Warehouse) -> set[str]:
    table = LINKS_TABLE.c
    with reading(warehouse) as connection:
        return set(connection.scalars(select(table.link_id).where(table.deleted_at.is_not(None))))


@pytest.fixture
def feed(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[tuple[EmulatorServer, Settings]]:
    """The recording behind an API key, and settings whose field map knows the feed's names and units."""
    with EmulatorServer(EmulatorConfig(recording=RECORDING, pagination="none", api_key=API_KEY)) as server:
        monkeypatch.setenv("INODE_BASE_URL", server.base_url)
        monkeypatch.setenv("INODE_API_KEY", API_KEY)
        monkeypatch.setenv("INODE_TIMEZONE", "America/New_York")
        monkeypatch.setenv("INODE_FIELD_MAP_FILE", str(HERE / "field_map.toml"))
        yield server, Settings.load(dotenv=False)
    assert_invariants(warehouse, request)


def sync(warehouse: Warehouse, settings: Settings, *, allow_shrink: bool = False) -> Receipt:
    today = datetime.now(settings.zone).date()
    endpoint = settings.endpoint(LINKS)
    attempt = Attempt(run_id=f"real-feed-{datetime.now(UTC):%H%M%S%f}", trigger="person")
    (receipt,) = sync_date(settings, warehouse, endpoint, today, attempt=attempt, allow_shrink=allow_shrink)
    return receipt


def test_the_recorded_feed_ends_as_an_independent_reading_says(
    warehouse: Warehouse, feed: tuple[EmulatorServer, Settings]
) -> None:
    """After each of the 14 snapshots every link has the values of the newest snapshot that holds it."""
    server, settings = feed
    expected: dict[str, tuple[object, ...]] = {}
    for number, records in enumerate(snapshots()):
        if number:
            server.state.next_snapshot()
        if number == SHRINKING:
            before = rows(warehouse)
            with pytest.raises(SuspiciousShrinkError, match="36 of the 153"):
                sync(warehouse, settings)
            assert before == rows(warehouse)
        receipt = sync(warehouse, settings, allow_shrink=number == SHRINKING)
        expected |= {str(record["linkId"]): expected_row(record) for record in records}
        held = {str(record["linkId"]) for record in records}
        assert expected == rows(warehouse)
        assert set(expected) - held == gone(warehouse)
        assert (len(records), 0) == (receipt.received, receipt.rejected)
    again = sync(warehouse, settings)
    assert (0, 0, 0) == (again.inserted, again.updated, again.vanished)
