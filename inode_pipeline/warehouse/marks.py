"""The words in which `present.py` and `past.py` say what a load does to a row.

`Rows` is the table beside what the walk holds; `Marks` and `NewMarks` are the answers, as SQL expressions.
Keep out: the rules themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Subquery, Text, and_, literal, or_, select, union_all

from inode_pipeline.warehouse.staging import Staging

Expression = ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Marks:
    """What becomes of an existing row; `writes_values` is true or false, never NULL."""

    writes_values: Expression
    first_seen_at: Expression
    last_seen_at: Expression
    deleted_at: Expression


@dataclass(frozen=True, slots=True)
class NewMarks:
    """How a new row begins."""

    first_seen_at: Expression
    last_seen_at: Expression
    deleted_at: Expression


class Rows:
    """Every row of the table, each beside its typed record and whether a rejected one has its key.

    A walk that `is_compared` holds, beside the staged records, those whose rows are neither gone nor `dropped`: they
    are typed and equal. It has no rejected ones.
    """

    def __init__(self, staging: Staging, *, is_compared: bool = False) -> None:
        target, records = staging.target, staging.records
        self.key: Expression = target.c[staging.key]
        self.is_gone: Expression = target.c.last_seen_at.is_not(None)
        beside = target.outerjoin(records, records.c[staging.key] == self.key)
        is_staged = records.c[staging.key].is_not(None)
        differs = records.c.record_hash != target.c.record_hash
        self.source: FromClause
        self.is_typed: Expression
        self.is_held: Expression
        self.is_changed: Expression
        if is_compared:
            dropped = staging.dropped.c[staging.key]
            self.source = beside.outerjoin(staging.dropped, dropped == self.key)
            self.is_typed = or_(is_staged, and_(target.c.last_seen_at.is_(None), dropped.is_(None)))
            self.is_held = self.is_typed
            self.is_changed = and_(is_staged, differs)
        else:
            rejects = staging.held_by_rejects()
            self.source = beside.outerjoin(rejects, rejects.c[0] == self.key)
            self.is_typed = is_staged
            self.is_held = or_(is_staged, rejects.c[0].is_not(None))
            self.is_changed = differs
        self.first_seen_at = target.c.first_seen_at
        self.last_seen_at = target.c.last_seen_at
        self.deleted_at = target.c.deleted_at


def rows_held(staging: Staging, *, is_compared: bool = False) -> Subquery:
    """The links that the walk holds, link_id and content_hash: the typed ones, and the rejected ones without a typed.

    Ask after the rows were brought to what the walk says: the rows that are not gone are then all that a walk holds
    which `is_compared`.
    """
    if is_compared:
        target = staging.target.c
        present = select(target[staging.key].label("link_id"), target.content_hash)
        return present.where(target.last_seen_at.is_(None)).subquery("held")
    records, rejects = staging.records.c, staging.held_by_rejects()
    key = records[staging.key]
    is_typed = select(key).where(key == rejects.c[0]).exists()
    return union_all(
        select(key.label("link_id"), records.content_hash.label("content_hash")),
        select(rejects.c[0], literal(None, Text)).where(~is_typed),
    ).subquery("held")
