"""A past for a demonstration: nights and samples of a synthetic iNode, each read with the clock set back to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from inode_pipeline.endpoints.links import LINKS

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from inode_pipeline.config import Settings
    from inode_pipeline.sync import Trigger
    from inode_pipeline.warehouse.engine import Warehouse
    from inode_pipeline.warehouse.receipt import Receipt

NIGHT = time(4, 30)
SAMPLED_DAYS = 2
SAMPLE_EVERY = timedelta(minutes=15)
GAP_DAYS_AGO = 5
"""The night on which nothing was read, as on one when the machine was off."""


@dataclass
class Clock:
    """A clock that is set by hand, shared by the synthetic iNode and the sync that reads it."""

    at: datetime

    def __call__(self) -> datetime:
        """Return the time that was set last."""
        return self.at


def readings(now: datetime, zone: ZoneInfo, days: int) -> list[tuple[datetime, Trigger]]:
    """When the links were read and why, oldest first: each night before today but one, and samples until now."""
    today = now.astimezone(zone).date()
    nights = [today - timedelta(days=ago) for ago in range(days, 0, -1) if ago != GAP_DAYS_AGO]
    last_sample = now - timedelta(seconds=now.timestamp() % SAMPLE_EVERY.total_seconds())
    samples = min(days, SAMPLED_DAYS) * timedelta(days=1) // SAMPLE_EVERY
    found: list[tuple[datetime, Trigger]] = [(datetime.combine(day, NIGHT, zone), "schedule") for day in nights]
    found += [(last_sample - ago * SAMPLE_EVERY, "sample") for ago in range(samples)]
    return sorted(found)


def read_the_past(settings: Settings, warehouse: Warehouse, clock: Clock, days: int) -> Iterator[Receipt]:
    """Sync once for each reading of the last days; the clock ends where it was.

    `settings` lead to a synthetic iNode that shows what was measured at the clock's time.
    """
    from inode_pipeline.sync import Attempt, sync_date

    now = clock.at
    for at, trigger in readings(now, settings.zone, days):
        clock.at = at
        attempt = Attempt(f"{trigger} {at:%Y-%m-%d %H:%M}", trigger)
        yield from sync_date(
            settings, warehouse, LINKS, at.astimezone(settings.zone).date(), attempt=attempt, clock=clock
        )
    clock.at = now
