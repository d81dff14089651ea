"""What a present load does to the table: no newer walk is loaded, so it may change every row.

The expressions are the column "present load" of the table in `docs/architecture.md`, one field for one column.
Keep out: how they are applied (`apply.py`).
"""

from __future__ import annotations

from sqlalchemy import and_, case, false, literal, null, or_

from inode_pipeline.warehouse.age import Age
from inode_pipeline.warehouse.marks import Marks, NewMarks, Rows
from inode_pipeline.warehouse.types import UtcTimestamp


def existing(rows: Rows, age: Age) -> Marks:
    """What becomes of a row that is there."""
    at = literal(age.at, UtcTimestamp)
    vanishes = rows.deleted_at.is_(None) if age.may_remove else false()
    # The same walk, loaded before with the right to remove, has lost it: its own marks go.
    is_taken_back = false() if age.may_remove else rows.deleted_at == at
    return Marks(
        writes_values=and_(rows.is_typed, or_(rows.is_changed, rows.is_gone)),
        first_seen_at=rows.first_seen_at,
        last_seen_at=case(
            (rows.is_held, null()),
            (rows.is_gone, rows.last_seen_at),
            else_=literal(age.newest, UtcTimestamp),
        ),
        deleted_at=case(
            (rows.is_held, null()),
            (vanishes, at),
            (is_taken_back, null()),
            else_=rows.deleted_at,
        ),
    )


def new(age: Age) -> NewMarks:
    """How a row begins."""
    return NewMarks(first_seen_at=literal(age.at, UtcTimestamp), last_seen_at=null(), deleted_at=null())
