"""What leaves the landing: pages of walks that never became whole, and pages older than the retention.

Keep out: rows of `walks`, which stay for ever.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, select, update

from inode_pipeline.warehouse.engine import Warehouse, reading, transaction
from inode_pipeline.warehouse.process import is_gone
from inode_pipeline.warehouse.tables import RAW_PAGES, RUNS, WALKS

PATIENCE = timedelta(days=1)
"""After this long a run of which nothing can be known is taken for dead."""


def sweep(warehouse: Warehouse, *, now: datetime | None = None) -> int:
    """Remove the pages of walks without a row whose run is dead, and return how many.

    A run is dead when all its attempts are finished or their processes gone, or a day after its page was landed. The
    pages of a walk that is being landed at this moment, here or on another machine, are left alone.
    """
    now = now or datetime.now(UTC)
    with reading(warehouse) as connection:
        whole = select(WALKS.c.walk_id)
        # Two steps, so that only the narrow key of raw_pages is read for the many walks that are whole.
        unfinished = list(
            connection.scalars(select(RAW_PAGES.c.walk_id).where(RAW_PAGES.c.walk_id.not_in(whole)).distinct())
        )
        dead = [walk_id for walk_id in unfinished if _is_dead(connection, walk_id, now)]
    return sum(_remove(warehouse, walk_id) for walk_id in dead)


def purge(warehouse: Warehouse, retention_days: int, *, now: datetime | None = None) -> list[str]:
    """Remove the pages of walks older than the retention, never of the newest walk of an endpoint.

    Returns the ids of the purged walks; their rows stay and say when. 0 days: nothing is ever removed.
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
    """A walk that has become whole in the meantime is kept."""
    whole = select(WALKS.c.walk_id).where(WALKS.c.walk_id == walk_id)
    with transaction(warehouse) as connection:
        return connection.execute(delete(RAW_PAGES).where(RAW_PAGES.c.walk_id == walk_id, ~whole.exists())).rowcount
