"""Which links the newest loaded walk of a date held, with their configuration: nothing else stands under that date.

Age is judged among the loaded walks of the date, by `snapshot_at`: an older one changes nothing, and the newest one,
loaded again, mends what another field map makes of it.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import ColumnElement, Connection, Subquery, Table, and_, delete, func, insert, literal, select, update

from inode_pipeline.warehouse.tables import LOADS
from inode_pipeline.warehouse.types import CalendarDate
from inode_pipeline.warehouse.walks import LandedWalk


def keep_snapshot(connection: Connection, held: Subquery, snapshots: Table, walk: LandedWalk) -> None:
    """Make the rows of the walk's date those that it holds, touching only what differs, unless a newer is loaded."""
    if _has_newer(connection, walk):
        return
    kept = snapshots.c
    day = literal(walk.snapshot_date, CalendarDate)
    rows = connection.scalar(select(func.count()).select_from(snapshots).where(kept.snapshot_date == day)) or 0
    if rows and rows == _equal_rows(connection, held, snapshots, day) == _count(connection, held):
        return
    is_same = and_(kept.snapshot_date == day, kept.link_id == held.c.link_id)
    if rows:
        is_held = select(held.c.link_id).where(kept.link_id == held.c.link_id).exists()
        connection.execute(delete(snapshots).where(kept.snapshot_date == day, ~is_held))
        differs = kept.content_hash.is_distinct_from(held.c.content_hash)
        connection.execute(update(snapshots).values(content_hash=held.c.content_hash).where(is_same, differs))
    is_kept = select(kept.link_id).where(is_same).exists()
    missing = select(day, held.c.link_id, held.c.content_hash).where(~is_kept)
    connection.execute(insert(snapshots).from_select(["snapshot_date", "link_id", "content_hash"], missing))


def _equal_rows(connection: Connection, held: Subquery, snapshots: Table, day: ColumnElement[date]) -> int:
    """How many rows of the date are as they should be; nearly always all or none of them."""
    kept = snapshots.c
    is_equal = and_(
        kept.snapshot_date == day,
        kept.link_id == held.c.link_id,
        kept.content_hash.is_not_distinct_from(held.c.content_hash),
    )
    return connection.scalar(select(func.count()).select_from(held.join(snapshots, is_equal))) or 0


def _count(connection: Connection, rows: Subquery) -> int:
    return connection.scalar(select(func.count()).select_from(rows)) or 0


def _has_newer(connection: Connection, walk: LandedWalk) -> bool:
    newer = select(LOADS.c.load_id).where(
        LOADS.c.endpoint == walk.endpoint,
        LOADS.c.snapshot_date == walk.snapshot_date,
        LOADS.c.snapshot_at > walk.snapshot_at,
    )
    return connection.execute(newer.limit(1)).first() is not None
