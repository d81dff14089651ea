"""The table `walks`: finding, refusing, allowing, sweeping and purging landed walks.

Not here: pages, see `landing.py`; why a walk is refused, see `merge.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Row, Select, delete, exists, func, select, update

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.warehouse.engine import Warehouse, reading, transaction
from inode_pipeline.warehouse.runs import is_gone
from inode_pipeline.warehouse.tables import LOADS, RAW_PAGES, RUNS, WALKS, endpoint_table

if TYPE_CHECKING:
    from inode_pipeline.api.walk import Known


@dataclass(frozen=True, slots=True)
class LandedWalk:
    """A row of `walks`: one complete reading of an endpoint, whose pages are kept until `purged_at`."""

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
        """Whether it must not be loaded until a person allows it."""
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
    """The newest walk of the date that one of these runs landed and that is not loaded; None if there is none.

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
    """Mark the walk as refused, in a transaction of its own because the load's is rolled back."""
    with transaction(warehouse) as connection:
        connection.execute(
            update(WALKS)
            .where(WALKS.c.walk_id == walk_id)
            .values(refused_at=datetime.now(UTC), refused_reason=reason, allow_shrink=False)
        )


def allow_shrink(warehouse: Warehouse, walk_id: str) -> None:
    """Record that a person accepts missing links in this walk; later loads of it need no permission."""
    with transaction(warehouse) as connection:
        record_permission(connection, walk_id)


def record_permission(connection: Connection, walk_id: str) -> None:
    """The same within an open transaction."""
    connection.execute(update(WALKS).where(WALKS.c.walk_id == walk_id).values(allow_shrink=True))


def landed_walk(row: Row[tuple[object, ...]]) -> LandedWalk:
    """A row of `walks` as its dataclass."""
    return LandedWalk(**row._mapping)  # noqa: SLF001 - the documented name of a row's mapping


def _walks(warehouse: Warehouse, wanted: Select[tuple[object, ...]]) -> list[LandedWalk]:
    with reading(warehouse) as connection:
        return [landed_walk(row) for row in connection.execute(wanted.order_by(WALKS.c.snapshot_at))]


def _last(walks: Sequence[LandedWalk]) -> LandedWalk | None:
    return walks[-1] if walks else None


CHUNK = 10_000


def known_keys(warehouse: Warehouse, endpoint: Endpoint) -> Known:
    """Whether any walk is loaded, and the keys whose `deleted_at` is NULL."""
    from inode_pipeline.api.walk import Known  # imports the HTTP client, which most commands do not need

    table = endpoint_table(endpoint)
    keys = select(table.c[endpoint.key.name]).where(table.c.deleted_at.is_(None))
    any_load = select(exists().where(LOADS.c.endpoint == endpoint.name))
    with reading(warehouse) as connection:
        any_loaded = bool(connection.scalar(any_load))
        return Known(any_loaded, frozenset(connection.execution_options(yield_per=CHUNK).scalars(keys)))


PATIENCE = timedelta(days=1)
"""A run whose state is unknown is presumed dead after this long."""


def sweep(warehouse: Warehouse, *, now: datetime | None = None) -> int:
    """Remove the pages of incomplete walks whose run is dead, and return how many.

    A run is dead when each of its attempts is finished or its process gone, or a day after its last page was landed.
    The pages of a walk that is being landed right now, here or on another machine, are left alone.
    """
    now = now or datetime.now(UTC)
    with reading(warehouse) as connection:
        whole = select(WALKS.c.walk_id)
        # In two steps, so that only the narrow key of raw_pages is read for the many complete walks.
        unfinished = list(
            connection.scalars(select(RAW_PAGES.c.walk_id).where(RAW_PAGES.c.walk_id.not_in(whole)).distinct())
        )
        dead = [walk_id for walk_id in unfinished if _is_dead(connection, walk_id, now)]
    return sum(_remove(warehouse, walk_id) for walk_id in dead)


def purge(warehouse: Warehouse, retention_days: int, *, now: datetime | None = None) -> list[str]:
    """Remove the pages of walks older than the retention, never of the newest walk of an endpoint.

    Returns the ids of the purged walks; their rows stay and record when. 0 days: nothing is ever removed.
    """
    if retention_days == 0:
        return []
    now = now or datetime.now(UTC)
    newest = select(func.max(WALKS.c.snapshot_at)).group_by(WALKS.c.endpoint)
    old = select(WALKS.c.walk_id).where(
        WALKS.c.snapshot_at < now - timedelta(days=retention_days),
        WALKS.c.purged_at.is_(None),
        WALKS.c.snapshot_at.not_in(newest),
    )
    with reading(warehouse) as connection:
        walk_ids = list(connection.scalars(old.order_by(WALKS.c.snapshot_at)))
    for walk_id in walk_ids:
        with transaction(warehouse) as connection:
            connection.execute(update(WALKS).where(WALKS.c.walk_id == walk_id).values(purged_at=now))
            connection.execute(delete(RAW_PAGES).where(RAW_PAGES.c.walk_id == walk_id))
    return walk_ids


def _is_dead(connection: Connection, walk_id: str, now: datetime) -> bool:
    pages = select(RAW_PAGES.c.run_id, RAW_PAGES.c.fetched_at).where(RAW_PAGES.c.walk_id == walk_id)
    page = connection.execute(pages.order_by(RAW_PAGES.c.page.desc()).limit(1)).one()
    if page.fetched_at < now - PATIENCE:
        return True
    attempts = connection.execute(select(RUNS.c.process, RUNS.c.finished_at).where(RUNS.c.run_id == page.run_id)).all()
    return bool(attempts) and all(
        attempt.finished_at is not None or is_gone(attempt.process) is True for attempt in attempts
    )


def _remove(warehouse: Warehouse, walk_id: str) -> int:
    """Remove the pages of a walk, unless it has been completed in the meantime."""
    whole = select(WALKS.c.walk_id).where(WALKS.c.walk_id == walk_id)
    with transaction(warehouse) as connection:
        return connection.execute(delete(RAW_PAGES).where(RAW_PAGES.c.walk_id == walk_id, ~whole.exists())).rowcount
