"""Which nights a schedule promises: when a snapshot is due, and which dates should have one.

Pure reckoning with a cron expression and a zone. Keep out: what the warehouse holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

LONGEST_GAP = timedelta(days=400)
"""A schedule that ticks less than once a year promises nothing that anybody waits for."""


def ticks(schedule: str, zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[datetime]:
    """Each tick after one instant and not after the other, oldest first, in the zone."""
    for tick in CronSim(schedule, after.astimezone(zone)):
        if tick > until:
            return
        yield tick


def newest_tick(schedule: str, zone: ZoneInfo, until: datetime) -> datetime | None:
    """The last tick that is not after this instant; None if there was none in more than a year."""
    tick: datetime = next(CronSim(schedule, (until + timedelta(seconds=1)).astimezone(zone), reverse=True))
    return tick if tick > until - LONGEST_GAP else None


def promised_dates(schedule: str, zone: ZoneInfo, after: datetime, until: datetime) -> list[date]:
    """The dates on which the schedule ticks after one instant and not after the other, oldest first."""
    return list(dict.fromkeys(tick.date() for tick in ticks(schedule, zone, after, until)))
