"""How a check of the tables is defined and run, and when a sync is due.

    @check("table", "warning", "Every record of the newest loaded walk could be typed.")
    def nothing_is_set_aside(context: CheckContext, walk: Walk) -> Result: ...

The nine checks are in `checks.py`. Before the first load each returns `not checked`; one that compares two walks
returns `not yet` until there are two.

A check only reports. Whatever must stop a load does so inside the load's transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim
from sqlalchemy import Row, func, select

from inode_pipeline.config import LocalSettings
from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.stored import stored_zone
from inode_pipeline.warehouse.tables import LOADS, RUNS

Outcome = Literal["passed", "failed", "not yet", "not checked"]
"""`not yet` is a pass: there is no earlier load to compare with. `not checked` is not: the data it needs is missing."""

Subject = Literal["pages", "table"]
Severity = Literal["error", "warning"]

ATTEMPTS = 3

MAX_GAP = timedelta(days=400)
"""A schedule that ticks less than once a year counts as one that never ticks."""

Walk = Row[Any]
"""A loaded walk with the receipt of its latest load: a row of `loads`."""


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a check in one sentence, with the figures behind it.

    `about` lists what a failure is about, such as the silent links; a new entry causes a new alert.
    """

    outcome: Outcome
    text: str
    figures: Mapping[str, int | float | str] = field(default_factory=dict)
    about: Sequence[str] = ()

    @property
    def is_pass(self) -> bool:
        """Whether the check is shown as passed."""
        return self.outcome in ("passed", "not yet")


NOTHING_LOADED = Result("not checked", "Not checked: nothing is loaded yet.")
NOT_YET = Result("not yet", "Not yet: this is the first loaded walk, so there is none before it to compare with.")


@dataclass(frozen=True)
class CheckContext:
    """One endpoint's tables at a point in time. `grace` is how long a scheduled sync may take before it is late."""

    warehouse: Warehouse
    endpoint: Endpoint
    settings: LocalSettings
    now: datetime
    grace: timedelta = timedelta(hours=2)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the snapshot dates, as stored by the first load."""
        return ZoneInfo(stored_zone(self.warehouse) or self.settings.zone.key)

    def due_tick(self) -> datetime | None:
        """The last tick of INODE_SYNC_SCHEDULE whose sync has had time to finish."""
        return newest_tick(self.settings.sync_schedule, self.zone, self.now - self.grace)

    def loaded_walks(self, limit: int) -> list[Walk]:
        """The newest loaded walks, newest first."""
        of_walk = func.row_number().over(partition_by=LOADS.c.walk_id, order_by=LOADS.c.started_at.desc())
        numbered = select(LOADS, of_walk.label("of_walk")).where(LOADS.c.endpoint == self.endpoint.name).subquery()
        newest = select(numbered).where(numbered.c.of_walk == 1).order_by(numbered.c.snapshot_at.desc()).limit(limit)
        with reading(self.warehouse) as connection:
            return list(connection.execute(newest))

    def latest_load(self) -> str | None:
        """The id of the load that was committed last; None before the first."""
        latest = select(LOADS.c.load_id).where(LOADS.c.endpoint == self.endpoint.name)
        with reading(self.warehouse) as connection:
            return connection.scalar(latest.order_by(LOADS.c.started_at.desc()).limit(1))


@dataclass(frozen=True, slots=True)
class Check:
    """A check of the landed `pages` or of the `table`, and how severe a failure is.

    `function` gets the context and the newest loaded walks, as many as `walks` says.
    """

    name: str
    subject: Subject
    severity: Severity
    description: str
    function: Callable[..., Result]
    walks: int = 0

    def examine(self, context: CheckContext) -> Result:
        """Check the tables as they are now."""
        walks = context.loaded_walks(self.walks)
        if len(walks) < self.walks:
            return NOT_YET if walks else NOTHING_LOADED
        return self.function(context, *walks)

    def run(self, context: CheckContext) -> Result:
        """Check the tables while no load is committed; `not checked` if one was committed during every attempt.

        A check reads in several transactions, so a load in between could make it fail by mistake.
        """
        for _ in range(ATTEMPTS):
            before = context.latest_load()
            result = self.examine(context)
            if result.outcome != "failed" or context.latest_load() == before:
                return result
        return Result("not checked", "Not checked: a load was committed during each attempt.")


def check(
    subject: Subject, severity: Severity, description: str, *, walks: int = 1
) -> Callable[[Callable[..., Result]], Check]:
    """Turn a function into a check of the same name."""

    def made(function: Callable[..., Result]) -> Check:
        return Check(function.__name__, subject, severity, description, function, walks)

    return made


def some(things: Iterable[str], limit: int = 10) -> str:
    """The first few, and how many more there are: `a, b and 3 more`."""
    every = list(things)
    more = f" and {len(every) - limit} more" if len(every) > limit else ""
    return ", ".join(every[:limit]) + more


def ticks(schedule: str, zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[datetime]:
    """Each tick later than `after` and not later than `until`, oldest first, in the zone."""
    for tick in CronSim(schedule, after.astimezone(zone)):
        if tick > until:
            return
        yield tick


def newest_tick(schedule: str, zone: ZoneInfo, until: datetime) -> datetime | None:
    """The last tick not later than `until`; None if there was none in more than a year."""
    tick: datetime = next(CronSim(schedule, (until + timedelta(seconds=1)).astimezone(zone), reverse=True))
    return tick if tick > until - MAX_GAP else None


def scheduled_dates(schedule: str, zone: ZoneInfo, after: datetime, until: datetime) -> list[date]:
    """The dates of the ticks later than `after` and not later than `until`, oldest first."""
    return list(dict.fromkeys(tick.date() for tick in ticks(schedule, zone, after, until)))


def newest_missed_night(context: CheckContext, watched_since: datetime) -> datetime | None:
    """The newest tick that is due and whose date has no load; None if there is none since `watched_since`.

    A night whose run failed or was skipped is left out, because that run has already reported the reason.
    """
    tick = context.due_tick()
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
