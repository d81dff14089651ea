"""What a check of the tables is: the data it looks at, the result it returns, how it is run. `checks.py` has the nine.

    @check("table", "warning", "Every record of the newest loaded walk could be typed.")
    def nothing_is_set_aside(context: CheckContext) -> Result: ...

A check only reports: what must stop a load has stopped it already, inside its transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import Row, func, select

from inode_pipeline.config import LocalSettings
from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.stored import stored_zone
from inode_pipeline.warehouse.tables import LOADS

Outcome = Literal["passed", "failed", "not yet", "not checked"]
"""`not yet`: a pass, since a first load has nothing before it to be compared with. `not checked`: the data that the
check needs is missing, which is no pass.
"""

ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a check in one sentence, with the figures behind it.

    `about` names what a failure is about, such as the silent links: one more of them is news.
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


@dataclass(frozen=True)
class CheckContext:
    """One endpoint's tables at this moment. `grace` is how long a scheduled sync may take before it is late."""

    warehouse: Warehouse
    endpoint: Endpoint
    settings: LocalSettings
    now: datetime
    grace: timedelta = timedelta(hours=2)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the snapshot dates: the one stored with the first load."""
        return ZoneInfo(stored_zone(self.warehouse) or self.settings.zone.key)

    def loaded_walks(self, limit: int) -> list[Row[Any]]:
        """The newest loaded walks, newest first, each with the receipt of its latest load."""
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


Examine = Callable[[CheckContext], Result]


@dataclass(frozen=True, slots=True)
class Check:
    """A check of the landed `pages` or of the `table`, and how serious a failure is."""

    name: str
    subject: Literal["pages", "table"]
    severity: Literal["error", "warning"]
    description: str
    examine: Examine

    def run(self, context: CheckContext) -> Result:
        """The result for a moment between two loads; `not checked` if a load was committed during every attempt.

        A check reads in several transactions, so a load in between can make it look failed.
        """
        for _ in range(ATTEMPTS):
            before = context.latest_load()
            result = self.examine(context)
            if result.outcome != "failed" or context.latest_load() == before:
                return result
        return Result("not checked", "Not checked: a load was committed during each attempt.")


def check(
    subject: Literal["pages", "table"], severity: Literal["error", "warning"], description: str
) -> Callable[[Examine], Check]:
    """Make a check of a function; the function's name is the check's name."""

    def made(examine: Examine) -> Check:
        return Check(examine.__name__, subject, severity, description, examine)

    return made


def some(things: Iterable[str], limit: int = 10) -> str:
    """The first of them, and how many more there are."""
    every = list(things)
    more = f" and {len(every) - limit} more" if len(every) > limit else ""
    return ", ".join(every[:limit]) + more
