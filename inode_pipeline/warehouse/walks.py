"""Landed walks: asking for them, refusing one, and allowing a refused one after all.

Keep out: pages (`landing.py`), and what decides that a walk is refused (`shrink.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Connection, Row, Select, exists, func, select, update

from inode_pipeline.warehouse.engine import Warehouse, reading, transaction
from inode_pipeline.warehouse.tables import LOADS, WALKS


@dataclass(frozen=True, slots=True)
class LandedWalk:
    """A row of `walks`: a whole reading of an endpoint, whose pages are kept until `purged_at`."""

    walk_id: str
    endpoint: str
    run_id: str
    snapshot_at: datetime
    snapshot_date: date
    finished_at: datetime
    verdict: str
    pages: int
    received: int
    requests: int
    retries: int
    logins: int
    refused_at: datetime | None = None
    refused_reason: str | None = None
    allow_shrink: bool = False
    purged_at: datetime | None = None

    @property
    def is_refused(self) -> bool:
        """Whether nothing may load it until a person allows it."""
        return self.refused_at is not None and not self.allow_shrink


def walks_on(warehouse: Warehouse, endpoint: str, snapshot_date: date) -> list[LandedWalk]:
    """The walks landed for a date, purged and refused ones included, oldest `snapshot_at` first."""
    return _walks(warehouse, select(WALKS).where(WALKS.c.endpoint == endpoint, WALKS.c.snapshot_date == snapshot_date))


def dates_landed(warehouse: Warehouse, endpoint: str, first: date, last: date) -> list[date]:
    """The dates from `first` to `last` of which pages are kept, oldest first."""
    kept = select(WALKS.c.snapshot_date).where(
        WALKS.c.endpoint == endpoint, WALKS.c.snapshot_date.between(first, last), WALKS.c.purged_at.is_(None)
    )
    with reading(warehouse) as connection:
        return list(connection.scalars(kept.distinct().order_by(WALKS.c.snapshot_date)))


def first_date(warehouse: Warehouse) -> date | None:
    """The first date with a landed walk of any endpoint, purged or not; None before the first."""
    first = select(func.min(WALKS.c.snapshot_date, type_=WALKS.c.snapshot_date.type))
    with reading(warehouse) as connection:
        found: date | None = connection.scalar(first)
    return found


def walk_by_id(warehouse: Warehouse, walk_id: str) -> LandedWalk | None:
    """The walk of that id; None if there is none."""
    return _last(_walks(warehouse, select(WALKS).where(WALKS.c.walk_id == walk_id)))


def newest_walk(warehouse: Warehouse, endpoint: str) -> LandedWalk | None:
    """The walk with the newest `snapshot_at`, refused or not; None before the first."""
    newest = select(WALKS).where(WALKS.c.endpoint == endpoint).order_by(WALKS.c.snapshot_at.desc()).limit(1)
    return _last(_walks(warehouse, newest))


def unloaded_walk(
    warehouse: Warehouse, endpoint: str, snapshot_date: date, run_ids: Sequence[str]
) -> LandedWalk | None:
    """The newest walk that one of these runs landed for the date and nobody has loaded; None if there is none.

    This is what an automatic retry loads instead of fetching again.
    """
    loaded = exists().where(LOADS.c.walk_id == WALKS.c.walk_id)
    landed = select(WALKS).where(
        WALKS.c.endpoint == endpoint,
        WALKS.c.snapshot_date == snapshot_date,
        WALKS.c.run_id.in_(run_ids),
        WALKS.c.purged_at.is_(None),
        ~loaded,
    )
    return _last(_walks(warehouse, landed))


def refuse(warehouse: Warehouse, walk_id: str, reason: str) -> None:
    """Keep every later load away from the walk, in a transaction of its own since the load's is undone."""
    with transaction(warehouse) as connection:
        connection.execute(
            update(WALKS)
            .where(WALKS.c.walk_id == walk_id)
            .values(refused_at=datetime.now(UTC), refused_reason=reason, allow_shrink=False)
        )


def allow_shrink(warehouse: Warehouse, walk_id: str) -> None:
    """Record a person's permission that links are missing from the walk; later loads of it need none."""
    with transaction(warehouse) as connection:
        record_permission(connection, walk_id)


def record_permission(connection: Connection, walk_id: str) -> None:
    """The same within a transaction that is there already."""
    connection.execute(update(WALKS).where(WALKS.c.walk_id == walk_id).values(allow_shrink=True))


def landed_walk(row: Row[tuple[object, ...]]) -> LandedWalk:
    """A row of `walks` as its dataclass."""
    return LandedWalk(**row._mapping)  # noqa: SLF001 - the documented name of a row's mapping


def _walks(warehouse: Warehouse, wanted: Select[tuple[object, ...]]) -> list[LandedWalk]:
    with reading(warehouse) as connection:
        return [landed_walk(row) for row in connection.execute(wanted.order_by(WALKS.c.snapshot_at))]


def _last(walks: Sequence[LandedWalk]) -> LandedWalk | None:
    return walks[-1] if walks else None
