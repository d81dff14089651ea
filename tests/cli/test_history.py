"""The past of a demonstration."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from inode_pipeline.cli.history import Clock, read_the_past, readings
from inode_pipeline.config import Settings
from inode_pipeline.emulator import EmulatorConfig, EmulatorServer
from inode_pipeline.warehouse.engine import open_warehouse
from inode_pipeline.warehouse.migrate import migrate

NOON = datetime(2026, 5, 12, 12, 7, tzinfo=UTC)


def test_the_nights_have_one_gap_and_the_last_two_days_are_sampled() -> None:
    """Thirteen of fourteen nights, and a sample for each quarter of an hour until now, oldest first."""
    found = readings(NOON, ZoneInfo("UTC"), 14)
    assert found == sorted(found)
    nights = [at.date() for at, trigger in found if trigger == "schedule"]
    gap = date(2026, 5, 7)
    assert nights == [day for n in range(14, 0, -1) if (day := NOON.date() - timedelta(days=n)) != gap]
    samples = [at for at, trigger in found if trigger == "sample"]
    assert (len(samples), samples[-1]) == (192, datetime(2026, 5, 12, 12, tzinfo=UTC))
    assert gap not in {at.date() for at in samples}


def test_each_reading_has_the_time_and_the_traffic_of_its_instant(tmp_path: Path) -> None:
    """One day: its night, and the samples since; what is measured changes, and the clock ends at the present."""
    clock = Clock(NOON)
    with EmulatorServer(EmulatorConfig(links=5, now=clock)) as server:
        url = f"sqlite:///{tmp_path / 'demo.db'}"
        settings = Settings(base_url=server.base_url, api_key="demo-api-key", warehouse_url=url, _env_file=None)
        with open_warehouse(settings) as warehouse:
            migrate(warehouse)
            receipts = list(read_the_past(settings, warehouse, clock, 1))
    assert [receipt.snapshot_at for receipt in receipts] == [at for at, _ in readings(NOON, ZoneInfo("UTC"), 1)]
    assert {receipt.snapshot_date for receipt in receipts} == {date(2026, 5, 11), date(2026, 5, 12)}
    assert sum(receipt.observations_inserted for receipt in receipts) > 90
    assert clock() == NOON
