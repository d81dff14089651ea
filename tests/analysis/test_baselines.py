"""Baselines are frozen from iNode's configuration or from measurements, and never change afterwards."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select, update

from inode_pipeline.analysis.baselines import LINKS_AT_A_TIME, FrozenVersion, freeze
from inode_pipeline.errors import ConfigError
from inode_pipeline.warehouse.analyst_tables import CALENDAR, LINK_BASELINES
from inode_pipeline.warehouse.baselines import freeze_missing
from inode_pipeline.warehouse.engine import Warehouse, reading, transaction
from inode_pipeline.warehouse.tables import LINK_FACTS, LINKS_TABLE, PIPELINE_SETTINGS

ZONE = ZoneInfo("America/Toronto")
FIRST, LAST = date(2026, 3, 2), date(2026, 3, 15)  # two weeks; the clocks go forward on the 8th


def stored(warehouse: Warehouse, method: str = "configured") -> list[tuple[Any, ...]]:
    baselines = LINK_BASELINES.c
    columns = (baselines.version, baselines.link_id, baselines.free_flow_travel_time_s, baselines.n_bins)
    with reading(warehouse) as connection:
        chosen = select(*columns, baselines.from_date, baselines.to_date).where(baselines.method == method)
        return [tuple(row) for row in connection.execute(chosen.order_by("version", "link_id"))]


def set_free_flow(warehouse: Warehouse, link_id: str, seconds: float) -> None:
    with transaction(warehouse) as connection:
        change = update(LINKS_TABLE).where(LINKS_TABLE.c.link_id == link_id)
        connection.execute(change.values(free_flow_travel_time_s=seconds))


def test_a_link_gets_its_configured_baseline_once(books, noon: datetime) -> None:
    """Editing a free flow in iNode has no effect; a new link joins the newest version unless it has no time."""
    books.link("1", free_flow_travel_time_s=60.0)
    books.link("2")
    assert 0 == freeze_missing(books.warehouse)  # before the first load there is no date
    books.loaded("night")
    assert 1 == freeze_missing(books.warehouse)
    set_free_flow(books.warehouse, "1", 50.0)
    assert 0 == freeze_missing(books.warehouse)
    day = noon.date()
    assert [(1, "1", 60.0, 0, day, day)] == stored(books.warehouse)
    set_free_flow(books.warehouse, "2", 30.0)
    assert 1 == freeze_missing(books.warehouse)
    assert [(1, "1", 60.0, 0, day, day), (1, "2", 30.0, 0, day, day)] == stored(books.warehouse)


def test_freezing_the_configured_times_adds_a_version(books, noon: datetime) -> None:
    """With every link that has a time; the old version does not change."""
    books.loaded("night")
    books.link("1", free_flow_travel_time_s=60.0)
    books.link("2", free_flow_travel_time_s=0.0)
    assert FrozenVersion("configured", 1, 1) == freeze(books.warehouse, "configured")
    set_free_flow(books.warehouse, "1", 50.0)
    assert FrozenVersion("configured", 2, 1) == freeze(books.warehouse, "configured")
    day = noon.date()
    assert [(1, "1", 60.0, 0, day, day), (2, "1", 50.0, 0, day, day)] == stored(books.warehouse)
    books.link("3", free_flow_travel_time_s=30.0)
    freeze_missing(books.warehouse)
    assert (2, "3", 30.0, 0, day, day) == stored(books.warehouse)[-1]


def measure(warehouse: Warehouse, link_id: str, days: int, seconds: dict[int, float], other: float = 500.0) -> None:
    """Add bins for every quarter hour from FIRST on: `seconds` by local hour, `other` in all other hours."""
    start = datetime.combine(FIRST, datetime.min.time(), ZONE).astimezone(UTC)
    end = datetime.combine(FIRST + timedelta(days), datetime.min.time(), ZONE).astimezone(UTC)
    bins = []
    while start < end:
        hour = start.astimezone(ZONE).hour
        mean = seconds.get(hour, other) + start.minute / 15
        bins.append({"link_id": link_id, "bin_start_at": start, "mean_travel_time_s": mean, "n_observations": 1})
        start += timedelta(minutes=15)
    with transaction(warehouse) as connection:
        connection.execute(insert(LINK_FACTS.bins), bins)


@pytest.fixture
def measured(books) -> Warehouse:
    """A warehouse in Toronto with more links than are read at a time, last loaded on the day after two weeks."""
    for link_id in (*range(LINKS_AT_A_TIME), "without-bins"):
        books.link(str(link_id))
    books.loaded("night", datetime(2026, 3, 16, 8, 30, tzinfo=UTC))
    with transaction(books.warehouse) as connection:
        connection.execute(insert(PIPELINE_SETTINGS), {"name": "timezone", "value": "America/Toronto"})
    return books.warehouse


def percentile_85(speeds: list[float]) -> float:
    """The percentile by linear interpolation."""
    ordered = sorted(speeds)
    rank = 0.85 * (len(ordered) - 1)
    low = int(rank)
    return ordered[low] + (rank - low) * (ordered[min(low + 1, len(ordered) - 1)] - ordered[low])


WEEKDAY = [*range(9, 16), *range(19, 22)]
WEEKEND = list(range(6, 22))


def test_the_measured_free_flow_is_length_over_the_85th_percentile_of_off_peak_speeds(measured: Warehouse) -> None:
    """On weekdays 09-16 and 19-22, on weekends 06-22 local time; the peak and the night do not count."""
    by_hour = {hour: 60.0 + hour for hour in range(24)}
    measure(measured, "1", 14, by_hour, other=0.5)
    assert FrozenVersion("p85_offpeak_speed", 1, 1) == freeze(measured, "p85_offpeak_speed", FIRST, LAST)
    speeds = [1 / (by_hour[hour] + quarter) for hour in WEEKDAY * 10 + WEEKEND * 4 for quarter in range(4)]
    [(version, link_id, seconds, n_bins, *dates)] = stored(measured, "p85_offpeak_speed")
    assert (1, "1", len(speeds), [FIRST, LAST]) == (version, link_id, n_bins, dates)
    assert 1 / percentile_85(speeds) == pytest.approx(seconds, rel=1e-12)


def test_holidays_from_monday_to_friday_and_excluded_days_do_not_count(measured: Warehouse) -> None:
    """A holiday on a weekend counts as weekend; each day left out removes its off-peak bins."""
    measure(measured, "1", 14, {}, other=60.0)
    days = [(date(2026, 3, 3), True, False), (date(2026, 3, 7), True, False), (date(2026, 3, 14), False, True)]
    with transaction(measured) as connection:
        rows = [dict(zip(("local_date", "is_holiday", "is_excluded"), day, strict=True)) for day in days]
        connection.execute(insert(CALENDAR), rows)
    freeze(measured, "p85_offpeak_speed")
    [(_, _, _, n_bins, first, last)] = stored(measured, "p85_offpeak_speed")
    assert (4 * (9 * len(WEEKDAY) + 3 * len(WEEKEND)), LAST) == (n_bins, last)
    assert first == LAST - timedelta(days=90)


def test_links_with_few_days_or_another_length_are_left_out(measured: Warehouse) -> None:
    """The result has their number for each reason; dates outside the given ones are not read."""
    measure(measured, "1", 14, {}, other=60.0)
    measure(measured, "2", 9, {}, other=60.0)
    measure(measured, "3", 14, {}, other=60.0)
    with transaction(measured) as connection:
        for content_hash, length, day in (("a", 500.0, FIRST), ("b", 600.0, LAST)):
            version = {"link_id": "3", "content_hash": content_hash, "length_m": length}
            connection.execute(insert(LINK_FACTS.versions), version)
            snapshot = {"snapshot_date": day, "link_id": "3", "content_hash": content_hash}
            connection.execute(insert(LINK_FACTS.snapshots), snapshot)
    expected = FrozenVersion("p85_offpeak_speed", 1, 1, too_few_days=1, changed_configuration=1)
    assert expected == freeze(measured, "p85_offpeak_speed", FIRST, LAST)
    assert FrozenVersion("p85_offpeak_speed", 2, 2, too_few_days=1) == freeze(
        measured, "p85_offpeak_speed", FIRST, LAST - timedelta(days=1)
    )
    assert ["1", "1", "3"] == [row[1] for row in stored(measured, "p85_offpeak_speed")]


def test_what_cannot_be_frozen_is_reported(books) -> None:
    """Nothing loaded, nothing measured, or invalid dates; no version is added."""
    with pytest.raises(ConfigError, match="No link has a free-flow travel time"):
        freeze(books.warehouse, "configured")
    with pytest.raises(ConfigError, match="Nothing is loaded yet"):
        freeze(books.warehouse, "p85_offpeak_speed")
    with pytest.raises(ConfigError, match="takes no dates"):
        freeze(books.warehouse, "configured", FIRST)
    books.loaded("night")
    with pytest.raises(ConfigError, match="No link has off-peak measurements on 10 days from 2026-08-22 to 2026-11-20"):
        freeze(books.warehouse, "p85_offpeak_speed", last=date(2026, 11, 20))
    with pytest.raises(ConfigError, match="is after"):
        freeze(books.warehouse, "p85_offpeak_speed", LAST, FIRST)
    assert [] == stored(books.warehouse) + stored(books.warehouse, "p85_offpeak_speed")
