"""The words in which a promise is examined: what is looked at, and what was found. Plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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

Outcome = Literal["kept", "broken", "not checked"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a promise is kept, in one sentence, with the figures behind it."""

    outcome: Outcome
    text: str
    figures: Mapping[str, int | float | str] = field(default_factory=dict)


NEWEST = 31
"""Of how many dates or walks the facts are examined, those that were loaded last: never years of them, each run."""

NOTHING_LOADED = Finding("not checked", "Not checked: nothing is loaded yet.")


@dataclass(frozen=True)
class Copy:
    """The warehouse's copy of one endpoint, looked at now. `grace` is what a scheduled sync may take."""

    warehouse: Warehouse
    endpoint: Endpoint
    settings: LocalSettings
    now: datetime
    grace: timedelta = timedelta(hours=2)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the copy's dates: the one that it was filled with."""
        return ZoneInfo(stored_zone(self.warehouse) or self.settings.zone.key)

    def loaded_walks(self, limit: int) -> list[Row[Any]]:
        """The newest loaded walks, the newest first, each as the newest of its loads."""
        of_walk = func.row_number().over(partition_by=LOADS.c.walk_id, order_by=LOADS.c.started_at.desc())
        numbered = select(LOADS, of_walk.label("of_walk")).where(LOADS.c.endpoint == self.endpoint.name).subquery()
        newest = select(numbered).where(numbered.c.of_walk == 1).order_by(numbered.c.snapshot_at.desc()).limit(limit)
        with reading(self.warehouse) as connection:
            return list(connection.execute(newest))

    def newest_load(self) -> str | None:
        """The id of the load that was committed last; None before the first."""
        newest = select(LOADS.c.load_id).where(LOADS.c.endpoint == self.endpoint.name)
        with reading(self.warehouse) as connection:
            return connection.scalar(newest.order_by(LOADS.c.started_at.desc()).limit(1))

    def walks_loaded_last(self) -> Sequence[datetime]:
        """The instants of the walks that were loaded last: the nights of a month, or the dates of a run."""
        last = func.max(LOADS.c.started_at)
        walks = select(LOADS.c.snapshot_at).where(LOADS.c.endpoint == self.endpoint.name).group_by(LOADS.c.snapshot_at)
        with reading(self.warehouse) as connection:
            return connection.scalars(walks.order_by(last.desc()).limit(NEWEST)).all()


def some(things: Iterator[str] | list[str], limit: int = 10) -> str:
    """The first of them, and how many more there are."""
    every = list(things)
    more = f" and {len(every) - limit} more" if len(every) > limit else ""
    return ", ".join(every[:limit]) + more
