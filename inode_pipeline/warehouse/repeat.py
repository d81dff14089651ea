"""Whether a walk is the newest loaded one over again, byte for byte, and read in the same way.

Its records are then the rows that are not gone, and nothing needs to be typed, staged or compared to know that.
Keep out: what such a load does (`merge.py`).
"""

from __future__ import annotations

from sqlalchemy import Connection, Table, and_, func, select

from inode_pipeline.warehouse.receipt import LoadFacts
from inode_pipeline.warehouse.tables import LOADS, RAW_PAGES
from inode_pipeline.warehouse.walks import LandedWalk


def repeated_load(connection: Connection, target: Table, walk: LandedWalk, reading_hash: str) -> LoadFacts | None:
    """What the load of the newest loaded walk knew, if the walk is newer and repeats that one; else None.

    None as well where records of it were set aside, and where rows went missing from the table since.
    """
    newest = connection.execute(
        select(LOADS)
        .where(LOADS.c.endpoint == walk.endpoint)
        .order_by(LOADS.c.snapshot_at.desc(), LOADS.c.started_at.desc())
        .limit(1)
    ).first()
    if newest is None or newest.snapshot_at >= walk.snapshot_at or newest.reading_hash != reading_hash:
        return None
    if newest.rejected or not newest.received or newest.pages != walk.pages:
        return None
    if _equal_pages(connection, newest.walk_id, walk) != walk.pages:
        return None
    present = connection.scalar(select(func.count()).select_from(target).where(target.c.last_seen_at.is_(None)))
    if present != newest.received - newest.duplicate:
        return None
    return LoadFacts(
        received=newest.received,
        duplicate=newest.duplicate,
        unreadable=0,
        no_data=newest.no_data,
        fields=newest.fields,
        pages=walk.pages,
        normaliser_version=newest.normaliser_version,
        reading_hash=reading_hash,
        notes=tuple(newest.notes or ()),
    )


def _equal_pages(connection: Connection, earlier_walk_id: str, walk: LandedWalk) -> int:
    page, earlier = RAW_PAGES, RAW_PAGES.alias("earlier")
    is_equal = and_(
        *(page.c[name] == earlier.c[name] for name in ("page", "sha256", "size_bytes")), page.c.run_id == walk.run_id
    )
    both = page.join(earlier, is_equal)
    count = select(func.count()).select_from(both)
    return connection.scalar(count.where(page.c.walk_id == walk.walk_id, earlier.c.walk_id == earlier_walk_id)) or 0
