"""Local time: the days on which the clocks change have 92, 94, 98 or 100 quarter hours, and none is lost."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

QUARTER = timedelta(minutes=15)

# zone, the local day, its quarter hours, the local hours that occur twice or never and how many quarters they have
NIGHTS = [
    ("America/New_York", "2026-03-08", 92, {2: 0}),
    ("America/New_York", "2026-11-01", 100, {1: 8}),
    ("America/St_Johns", "2026-03-08", 92, {2: 0}),
    ("America/St_Johns", "2026-11-01", 100, {1: 8}),
    ("Australia/Lord_Howe", "2026-10-04", 94, {2: 2}),
    ("Australia/Lord_Howe", "2026-04-05", 98, {1: 6}),
]


@pytest.fixture(params=NIGHTS, ids=lambda night: f"{night[0]} {night[1]}")
def night(request, world):
    """Bins of the day of a clock change and of the days before and after, in a zone; now is two days later."""
    zone, day, length, odd = request.param
    world.live_in(zone)
    world.link("a", first_seen_at=world.utc("2025-06-01"))
    start = world.local(f"{day} 00:00") - timedelta(days=1)
    world.load(start + timedelta(days=3))
    moments = [start + n * QUARTER for n in range(3 * 96)]
    world.bins("a", ((at, 60.0) for at in moments))
    return world, day, length, odd, moments


def clock(world, at):
    return at.astimezone(world.zone).replace(tzinfo=None)


def test_a_day_has_its_real_length(night):
    """The calendar has exactly the quarter hours that the local clock went through."""
    world, day, length, _, moments = night
    assert length == sum(1 for at in moments if str(clock(world, at).date()) == day)
    found = world.one(f"SELECT bins_expected, starts_at, ends_at FROM internal_days WHERE local_date = '{day}'")
    assert found == {
        "bins_expected": length,
        "starts_at": world.local(f"{day} 00:00"),
        "ends_at": world.local(f"{day} 00:00") + length * QUARTER,
    }


def test_every_bin_has_the_time_of_the_local_clock(night):
    """The same as by zoneinfo, which the views do not use; nothing is lost or doubled."""
    world, _, _, _, moments = night
    rows = world.read("SELECT bin_start_at, bin_start_local, local_date, local_hour, weekday FROM link_bins_local")
    assert sorted(moments) == sorted(row["bin_start_at"] for row in rows)
    for row in rows:
        local: datetime = clock(world, row["bin_start_at"])
        expected = (local, local.date(), local.hour, local.isoweekday())
        assert expected == (row["bin_start_local"], row["local_date"], row["local_hour"], row["weekday"])


def test_an_hour_that_occurs_twice_counts_twice_and_a_skipped_one_is_not_missed(night):
    """Hour by hour, the quarter hours expected are those with a bin; every other hour has four."""
    world, day, _, odd, _ = night
    expected = {hour: quarters for hour in range(24) if (quarters := odd.get(hour, 4))}
    hours = f"SELECT local_hour, CAST(sum(bins_expected) AS bigint) AS n FROM internal_hours WHERE local_date = '{day}'"
    assert expected == {row["local_hour"]: row["n"] for row in world.read(f"{hours} GROUP BY local_hour")}
    measured = f"SELECT local_hour, count(*) AS n FROM link_bins_local WHERE local_date = '{day}' GROUP BY local_hour"
    assert expected == {row["local_hour"]: row["n"] for row in world.read(measured)}


def test_a_full_day_is_covered_whatever_its_length(night):
    """With every bin there, coverage is 100 % and the longest gap is 0."""
    world, day, length, _, _ = night
    select = "SELECT bins_expected, bins_with_data, coverage_pct, longest_gap_min FROM coverage_daily"
    found = world.one(f"{select} WHERE local_date = '{day}'")
    assert found == {
        "bins_expected": length,
        "bins_with_data": length,
        "coverage_pct": 100.0,
        "longest_gap_min": 0,
    }


def test_a_period_across_the_change_has_the_bins_of_the_clock(night):
    """A period of 00:00 to 06:00 on that day has every bin whose local hour is below 6, once."""
    world, day, length, _, _ = night
    world.execute("INSERT INTO time_periods VALUES ('night', 'weekend', 0, 360, 'own')")
    periods = f"FROM internal_periods WHERE local_date = '{day}' AND period_name = 'night'"
    assert length - 72 == world.one(f"SELECT CAST(sum(bins_expected) AS bigint) AS n {periods}")["n"]
    within = "b.link_id = p.link_id AND b.bin_start_at >= p.starts_at AND b.bin_start_at < p.ends_at"
    counts = "SELECT count(*) AS n, count(DISTINCT b.bin_start_at) AS d FROM internal_link_periods AS p"
    bins = f"{counts} JOIN link_bins AS b ON {within} WHERE local_date = '{day}'"
    assert world.one(f"{bins} AND period_name = 'night'") == {"n": length - 72, "d": length - 72}
