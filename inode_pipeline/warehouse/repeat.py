"""What the newest loaded walk tells of a newer one that is read in the same way.

Its records are the rows that are not gone. So the newer walk's records are these rows, less those that it lacks and
with those that it has instead; a page that is equal byte for byte holds neither.
Keep out: which records these are (`sync/compare.py`), and what such a load does (`merge.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, select, update

from inode_pipeline.warehouse.tables import LOADS, RAW_PAGES
from inode_pipeline.warehouse.walks import LandedWalk


@dataclass(frozen=True, slots=True)
class Earlier:
    """The newest loaded walk and its load, what its records add up to, and the numbers of the pages that are equal."""

    walk_id: str
    load_id: str
    duplicate: int
    fields: Mapping[str, int]
    sums: Mapping[str, Any]
    equal_pages: frozenset[int]


def newest_load(connection: Connection, endpoint: str) -> Row[Any] | None:
    """The load that counts of the newest loaded walk; None if none was loaded."""
    return connection.execute(
        select(LOADS)
        .where(LOADS.c.endpoint == endpoint)
        .order_by(LOADS.c.snapshot_at.desc(), LOADS.c.started_at.desc())
        .limit(1)
    ).first()


def earlier_load(connection: Connection, walk: LandedWalk, reading_hash: str) -> Earlier | None:
    """The newest loaded walk, if the walk is newer, is read in the same way, and may be compared with it.

    None where records of it were set aside, where one lost to another with its id unless all pages are equal, and
    where `forget_newest` has said so.
    """
    newest = newest_load(connection, walk.endpoint)
    if newest is None or newest.snapshot_at >= walk.snapshot_at or newest.reading_hash != reading_hash:
        return None
    if newest.sums is None or newest.rejected or not newest.received:
        return None
    equal = _equal_pages(connection, newest.walk_id, walk)
    if newest.duplicate and not newest.pages == walk.pages == len(equal):
        return None
    return Earlier(newest.walk_id, newest.load_id, newest.duplicate, newest.fields, newest.sums, equal)


def forget_newest(connection: Connection, walk: LandedWalk, reading_hash: str | None) -> None:
    """Have every record of the next walk looked at, if this walk, a past one, was loaded before and read differently.

    Such a load takes back the observations that the walk was the earliest to show. The newest loaded walk may have
    shown them too, of which nothing is kept; so a walk with equal records must be able to show them again.
    """
    another_reading = LOADS.c.walk_id == walk.walk_id, LOADS.c.reading_hash.is_distinct_from(reading_hash)
    if connection.execute(select(LOADS.c.load_id).where(*another_reading).limit(1)).first() is None:
        return
    if (newest := newest_load(connection, walk.endpoint)) is not None:
        connection.execute(update(LOADS).where(LOADS.c.load_id == newest.load_id).values(reading_hash=None))


def _equal_pages(connection: Connection, earlier_walk_id: str, walk: LandedWalk) -> frozenset[int]:
    page, earlier = RAW_PAGES, RAW_PAGES.alias("earlier")
    is_equal = and_(
        *(page.c[name] == earlier.c[name] for name in ("page", "sha256", "size_bytes")), page.c.run_id == walk.run_id
    )
    numbers = select(page.c.page).select_from(page.join(earlier, is_equal))
    return frozenset(
        connection.scalars(numbers.where(page.c.walk_id == walk.walk_id, earlier.c.walk_id == earlier_walk_id))
    )
