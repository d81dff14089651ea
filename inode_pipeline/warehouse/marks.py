"""The words in which `present.py` and `past.py` say what a load does to a row.

`Rows` is the table beside what the walk holds; `Marks` and `NewMarks` are the answers, as SQL expressions.
Keep out: the rules themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Subquery, Text, literal, or_, select, union_all

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
    """Every row of the table, each beside its typed record and whether a rejected one has its key."""

    def __init__(self, staging: Staging) -> None:
        target, records, rejects = staging.target, staging.records, staging.held_by_rejects()
        self.key: Expression = target.c[staging.key]
        self.is_gone: Expression = target.c.last_seen_at.is_not(None)
        beside = target.outerjoin(records, records.c[staging.key] == self.key)
        self.source: FromClause = beside.outerjoin(rejects, rejects.c[0] == self.key)
        self.is_typed: Expression = records.c[staging.key].is_not(None)
        self.is_held: Expression = or_(self.is_typed, rejects.c[0].is_not(None))
        self.is_changed: Expression = records.c.record_hash != target.c.record_hash
        self.first_seen_at = target.c.first_seen_at
        self.last_seen_at = target.c.last_seen_at
        self.deleted_at = target.c.deleted_at


def rows_held(staging: Staging) -> Subquery:
    """The links that the walk holds (link_id, content_hash): those typed, and those with a rejected record only."""
    records, rejects = staging.records.c, staging.held_by_rejects()
    key = records[staging.key]
    is_typed = select(key).where(key == rejects.c[0]).exists()
    return union_all(
        select(key.label("link_id"), records.content_hash.label("content_hash")),
        select(rejects.c[0], literal(None, Text)).where(~is_typed),
    ).subquery("held")
