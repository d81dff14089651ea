"""What a past load does to the table: a newer walk is loaded, so it may only add what that one cannot know.

The expressions are the column "past load" of the table in `docs/architecture.md`, one field for one column.
Keep out: how they are applied (`apply.py`).
"""

from __future__ import annotations

from sqlalchemy import and_, case, false, func, literal, not_, null, or_, select

from inode_pipeline.warehouse.age import Age, removers
from inode_pipeline.warehouse.marks import Expression, Marks, NewMarks, Rows
from inode_pipeline.warehouse.staging import REJECTED_KEY
from inode_pipeline.warehouse.tables import REJECTED_RECORDS, WALKS
from inode_pipeline.warehouse.types import UtcTimestamp


def existing(rows: Rows, age: Age) -> Marks:
    """What becomes of a row that is there."""
    at = literal(age.at, UtcTimestamp)
    next_remover = literal(age.next_remover, UtcTimestamp)
    # Last seen, as far as was known, before this walk, which holds it.
    was_seen_later = and_(rows.is_held, rows.is_gone, rows.last_seen_at < at)
    # The last walk that held it, read differently than before: with another field map, or rejected then and typed now.
    is_read_anew = and_(rows.is_typed, rows.is_gone, rows.last_seen_at == at, rows.is_changed)
    had_vanished = (
        and_(rows.is_gone, rows.last_seen_at < at, or_(rows.deleted_at.is_(None), rows.deleted_at > at))
        if age.may_remove
        else false()
    )
    # The same walk, loaded before with the right to remove, has lost it: its own marks pass to the next.
    is_taken_back = false() if age.may_remove else rows.deleted_at == at
    return Marks(
        writes_values=or_(and_(rows.is_typed, was_seen_later), is_read_anew),
        first_seen_at=case((and_(rows.is_typed, rows.first_seen_at > at), at), else_=rows.first_seen_at),
        last_seen_at=case((was_seen_later, at), else_=rows.last_seen_at),
        deleted_at=case(
            (was_seen_later, next_remover),
            (and_(not_(rows.is_held), had_vanished), at),
            (and_(not_(rows.is_held), is_taken_back), next_remover),
            else_=rows.deleted_at,
        ),
    )


def newest_reject(endpoint: str, key: Expression) -> Expression:
    """The newest loaded walk that holds the key as a rejected record; NULL if there is none."""
    return (
        select(func.max(WALKS.c.snapshot_at))
        .select_from(REJECTED_RECORDS.join(WALKS, WALKS.c.walk_id == REJECTED_RECORDS.c.walk_id))
        .where(REJECTED_RECORDS.c.endpoint == endpoint, REJECTED_RECORDS.c[REJECTED_KEY] == key)
        .scalar_subquery()
    )


def new(endpoint: str, walk_id: str, age: Age, rejected_at: Expression) -> NewMarks:
    """How a row begins: already gone, unless the newest loaded walk holds its record as a rejected one."""
    at = literal(age.at, UtcTimestamp)
    is_held_now = rejected_at == literal(age.newest, UtcTimestamp)
    return NewMarks(
        first_seen_at=at,
        last_seen_at=case((is_held_now, null()), (rejected_at > at, rejected_at), else_=at),
        deleted_at=case(
            (is_held_now, null()),
            (rejected_at > at, removers(endpoint, walk_id, after=rejected_at).scalar_subquery()),
            else_=literal(age.next_remover, UtcTimestamp),
        ),
    )
