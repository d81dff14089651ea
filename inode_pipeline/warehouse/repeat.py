"""What the newest loaded walk tells of a newer one that is read in the same way.

A record that is equal to one of its records has the row that this one has. If all pages are equal, byte for byte, the
records are the rows that are not gone, and nothing needs to be typed, staged or compared to know that.
Keep out: what such a load does (`merge.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Table, and_, func, select

from inode_pipeline.warehouse.receipt import LoadFacts
from inode_pipeline.warehouse.tables import LOADS, RAW_PAGES
from inode_pipeline.warehouse.walks import LandedWalk


@dataclass(frozen=True, slots=True)
class Earlier:
    """The newest loaded walk, its load, what that knew, and whether the walk that is compared with it repeats it."""

    walk_id: str
    load_id: str
    facts: LoadFacts
    is_repeated: bool

    @property
    def has_a_row_for_each(self) -> bool:
        """Whether each of its records has its own row: none repeated the id of another and lost to it."""
        return self.facts.duplicate == 0


def earlier_load(connection: Connection, target: Table, walk: LandedWalk, reading_hash: str) -> Earlier | None:
    """The newest loaded walk, if the walk is newer, is read in the same way, and may be compared with it.

    None where records of it were set aside, and where rows went missing from the table since.
    """
    newest = connection.execute(
        select(LOADS)
        .where(LOADS.c.endpoint == walk.endpoint)
        .order_by(LOADS.c.snapshot_at.desc(), LOADS.c.started_at.desc())
        .limit(1)
    ).first()
    if newest is None or newest.snapshot_at >= walk.snapshot_at or newest.reading_hash != reading_hash:
        return None
    if newest.rejected or not newest.received:
        return None
    present = connection.scalar(select(func.count()).select_from(target).where(target.c.last_seen_at.is_(None)))
    if present != newest.received - newest.duplicate:
        return None
    facts = LoadFacts(
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
    is_repeated = newest.pages == walk.pages == _equal_pages(connection, newest.walk_id, walk)
    return Earlier(newest.walk_id, newest.load_id, facts, is_repeated)


def _equal_pages(connection: Connection, earlier_walk_id: str, walk: LandedWalk) -> int:
    page, earlier = RAW_PAGES, RAW_PAGES.alias("earlier")
    is_equal = and_(
        *(page.c[name] == earlier.c[name] for name in ("page", "sha256", "size_bytes")), page.c.run_id == walk.run_id
    )
    both = page.join(earlier, is_equal)
    count = select(func.count()).select_from(both)
    return connection.scalar(count.where(page.c.walk_id == walk.walk_id, earlier.c.walk_id == earlier_walk_id)) or 0
