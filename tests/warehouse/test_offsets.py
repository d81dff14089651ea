"""Local time from the table of offsets alone: nothing is lost or doubled when the clocks change."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select, update

from inode_pipeline.warehouse.engine import Warehouse, reading, transaction
from inode_pipeline.warehouse.stored import offsets_of, store
from inode_pipeline.warehouse.tables import ZONE_OFFSETS

ZONES = ("America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca", "UTC")


def rows(warehouse: Warehouse) -> list[tuple[object, ...]]:
    with reading(warehouse) as connection:
        return [tuple(row) for row in connection.execute(select(ZONE_OFFSETS).order_by(ZONE_OFFSETS.c.from_utc))]


@pytest.mark.parametrize("zone", ZONES)
def test_the_intervals_are_those_of_the_zone(zone: str) -> None:
    """They begin where one ends, cover 2015 to 2050, and give at every half hour what the zone gives."""
    intervals = offsets_of(zone)
    assert (intervals[0][0].year, intervals[-1][1]) == (2015, datetime(2051, 1, 1, tzinfo=UTC))
    assert all(one[1] == next_one[0] for one, next_one in itertools.pairwise(intervals))
    assert all(one[2] != next_one[2] for one, next_one in itertools.pairwise(intervals))
    for begin, end, minutes in intervals[:6]:
        for instant in (begin, begin + (end - begin) / 2, end - timedelta(microseconds=1)):
            assert instant.astimezone(ZoneInfo(zone)).utcoffset() == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("zone", "day", "quarters"),
    [
        ("America/New_York", "2026-03-08", 92),
        ("America/New_York", "2026-11-01", 100),
        ("America/New_York", "2026-06-01", 96),
        ("America/St_Johns", "2026-03-08", 92),
        ("America/St_Johns", "2026-11-01", 100),
        ("Australia/Lord_Howe", "2026-04-05", 98),
        ("Australia/Lord_Howe", "2026-10-04", 94),
    ],
)
def test_a_day_has_the_quarters_of_an_hour_that_it_has(zone: str, day: str, quarters: int) -> None:
    """92, 94, 96, 98 or 100, counted through the intervals in UTC."""
    begins = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(days=1)
    instants = [begins + number * timedelta(minutes=15) for number in range(3 * 96)]
    local = [
        instant + timedelta(minutes=minutes)
        for instant in instants
        for begin, end, minutes in offsets_of(zone)
        if begin <= instant < end
    ]
    assert len(instants) == len(local)
    assert quarters == sum(time.date().isoformat() == day for time in local)


def test_the_offsets_come_with_the_zone(warehouse: Warehouse) -> None:
    """They are there once it is stored; a rule that a government has changed is corrected, and nothing else written."""
    assert rows(warehouse) == []
    for _ in range(2):
        with transaction(warehouse) as connection:
            store(connection, zone="America/New_York", base_url=None)
        assert list(offsets_of("America/New_York")) == rows(warehouse)
    for change in (update(ZONE_OFFSETS).values(offset_min=0), delete(ZONE_OFFSETS)):
        with transaction(warehouse) as connection:
            connection.execute(change)
        with transaction(warehouse) as connection:
            store(connection, zone="America/New_York", base_url=None)
        assert list(offsets_of("America/New_York")) == rows(warehouse)
