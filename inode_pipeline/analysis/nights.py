"""When the schedule ticks (cron arithmetic), and whether the last scheduled night was missed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim
from sqlalchemy import select

from inode_pipeline.analysis.check import CheckContext
from inode_pipeline.warehouse.engine import reading
from inode_pipeline.warehouse.tables import LOADS, RUNS

MAX_GAP = timedelta(days=400)
"""A schedule that ticks less than once a year is treated as one that never ticks."""


def ticks(schedule: str, zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[datetime]:
    """Each tick after one instant and not after the other, oldest first, in the zone."""
    for tick in CronSim(schedule, after.astimezone(zone)):
        if tick > until:
            return
        yield tick


def newest_tick(schedule: str, zone: ZoneInfo, until: datetime) -> datetime | None:
    """The last tick that is not after this instant; None if there was none in more than a year."""
    tick: datetime = next(CronSim(schedule, (until + timedelta(seconds=1)).astimezone(zone), reverse=True))
    return tick if tick > until - MAX_GAP else None


def scheduled_dates(schedule: str, zone: ZoneInfo, after: datetime, until: datetime) -> list[date]:
    """The dates on which the schedule ticks after one instant and not after the other, oldest first."""
    return list(dict.fromkeys(tick.date() for tick in ticks(schedule, zone, after, until)))


def newest_missed_night(context: CheckContext, watched_since: datetime) -> datetime | None:
    """The newest due tick for whose date nothing is loaded; None if there is none since `watched_since`.

    A night whose own run failed or was skipped is not reported here: that run has reported the reason already.
    """
    tick = newest_tick(context.settings.sync_schedule, context.zone, context.now - context.grace)
    if tick is None or tick < watched_since:
        return None
    loaded = select(LOADS.c.load_id).where(
        LOADS.c.endpoint == context.endpoint.name, LOADS.c.snapshot_date == tick.date()
    )
    reported = select(RUNS.c.run_id).where(
        RUNS.c.snapshot_date == tick.date(), RUNS.c.started_at >= tick, RUNS.c.outcome.in_(("failed", "skipped"))
    )
    with reading(context.warehouse) as connection:
        is_known = any(connection.execute(rows.limit(1)).first() is not None for rows in (loaded, reported))
    return None if is_known else tick
