"""When a snapshot is due."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from inode_pipeline.analysis.check import newest_tick, scheduled_dates

BERLIN = ZoneInfo("Europe/Berlin")
NIGHTLY = "30 4 * * *"


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        ("2026-11-23T03:29:59Z", "2026-11-22T04:30:00+01:00"),
        ("2026-11-23T03:30:00Z", "2026-11-23T04:30:00+01:00"),
        ("2026-03-29T02:30:00Z", "2026-03-29T04:30:00+02:00"),
    ],
)
def test_the_newest_tick_is_computed_in_the_zone(until: str, expected: str) -> None:
    """A tick counts from its exact second, in the zone's local time, also in summer time."""
    assert newest_tick(NIGHTLY, BERLIN, datetime.fromisoformat(until)) == datetime.fromisoformat(expected)


def test_a_schedule_that_hardly_ever_ticks_has_no_tick() -> None:
    """Such as one on the 29th of February."""
    assert newest_tick("0 4 29 2 *", ZoneInfo("UTC"), datetime(2027, 11, 1, tzinfo=UTC)) is None


def test_only_the_dates_of_ticks_are_scheduled() -> None:
    """A schedule for weekdays has no dates on weekends, and a date with two ticks counts once."""
    since, until = datetime(2026, 11, 19, 12, tzinfo=UTC), datetime(2026, 11, 24, 6, tzinfo=UTC)
    days = scheduled_dates("30 4,5 * * 1-5", BERLIN, since, until)
    assert days == [date(2026, 11, 20), date(2026, 11, 23), date(2026, 11, 24)]
