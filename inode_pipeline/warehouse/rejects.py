"""The rejected records of a walk: those of its newest load, written where they differ and nowhere else.

Keep out: why a record is rejected (`normalise/`).
"""

from __future__ import annotations

from sqlalchemy import Connection, and_, delete, insert, literal, or_, select, update

from inode_pipeline.warehouse.staging import REJECTED_KEY, Staging
from inode_pipeline.warehouse.tables import REJECTED_RECORDS

_PLACE = ("page", "position")
_TOLD = (REJECTED_KEY, "field", "reason")


def replace_rejects(connection: Connection, staging: Staging, walk_id: str) -> None:
    """Make the walk's rows of `rejected_records` those that are staged. An equal row is not touched."""
    kept, staged = REJECTED_RECORDS.c, staging.rejected.c
    is_same_place = and_(kept.walk_id == walk_id, *(kept[name] == staged[name] for name in _PLACE))
    is_staged = select(staged.page).where(is_same_place).exists()
    connection.execute(delete(REJECTED_RECORDS).where(kept.walk_id == walk_id, ~is_staged))
    differs = or_(*(kept[name].is_distinct_from(staged[name]) for name in _TOLD))
    connection.execute(
        update(REJECTED_RECORDS).values({name: staged[name] for name in _TOLD}).where(is_same_place, differs)
    )
    is_kept = select(kept.page).where(is_same_place).exists()
    names = (*_PLACE, *_TOLD)
    missing = select(literal(walk_id), literal(staging.target.name), *(staged[name] for name in names)).where(~is_kept)
    connection.execute(insert(REJECTED_RECORDS).from_select(["walk_id", "endpoint", *names], missing))
