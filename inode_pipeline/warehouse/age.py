"""How old a walk is beside the walks loaded before it, and what it may therefore do to the table.

Age is judged against the newest loaded walk, never against a row's own stamp: that is why any order of loads ends in
the same rows. Loaded means: has a committed load; of several loads of one walk the newest counts.
Keep out: the rows (`present.py`, `past.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, exists, func, select
from sqlalchemy.sql import ColumnElement

from inode_pipeline.warehouse.tables import LOADS


@dataclass(frozen=True, slots=True)
class Age:
    """`at` is the walk's snapshot_at, `newest` that of the newest walk loaded before this load; None if none was.

    `may_remove`: links missing from the walk are gone. `next_remover`: the earliest later loaded walk that may remove.
    """

    at: datetime
    newest: datetime | None
    may_remove: bool
    next_remover: datetime | None

    @property
    def is_present(self) -> bool:
        """No newer walk is loaded: every row may change."""
        return self.newest is None or self.at >= self.newest

    @property
    def is_first(self) -> bool:
        """No walk of the endpoint is loaded."""
        return self.newest is None


def age_of(connection: Connection, endpoint: str, walk_id: str, at: datetime, *, may_remove: bool) -> Age:
    """The walk's age as of now; ask inside the locked transaction, or it may be another by the time it is used."""
    newest = connection.scalar(select(func.max(LOADS.c.snapshot_at)).where(LOADS.c.endpoint == endpoint))
    next_remover = connection.scalar(removers(endpoint, walk_id, after=at))
    return Age(at=at, newest=newest, may_remove=may_remove, next_remover=next_remover)


def removers(endpoint: str, walk_id: str, *, after: datetime | ColumnElement[datetime | None]) -> Select[datetime]:
    """The earliest loaded walk later than `after` that may remove, as one row or none; the walk itself left out.

    Written as ORDER BY and LIMIT, which stops at the first row of the index: a warehouse has many thousand loads.
    """
    later = LOADS.alias("later")
    newer_load = exists().where(later.c.walk_id == LOADS.c.walk_id, later.c.started_at > LOADS.c.started_at)
    return (
        select(LOADS.c.snapshot_at)
        .where(
            LOADS.c.endpoint == endpoint,
            LOADS.c.snapshot_at > after,
            LOADS.c.walk_id != walk_id,
            LOADS.c.may_remove,
            ~newer_load,
        )
        .order_by(LOADS.c.snapshot_at)
        .limit(1)
    )
