"""The words in which `present.py` and `past.py` say what a load does to a row.

`Rows` is the table beside what the walk holds; `Marks` and `NewMarks` are the answers, as SQL expressions.
Keep out: the rules themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, or_

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
        self.source: FromClause = target.outerjoin(records, records.c[staging.key] == self.key).outerjoin(
            rejects, rejects.c[0] == self.key
        )
        self.is_typed = records.c[staging.key].is_not(None)
        self.is_held = or_(self.is_typed, rejects.c[0].is_not(None))
        self.is_changed = records.c.record_hash != target.c.record_hash
        self.is_gone = target.c.last_seen_at.is_not(None)
        self.first_seen_at = target.c.first_seen_at
        self.last_seen_at = target.c.last_seen_at
        self.deleted_at = target.c.deleted_at
