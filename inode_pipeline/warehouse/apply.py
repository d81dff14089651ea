"""From the rules to the rows: find what a load changes, then insert and update exactly that.

Both databases run the same statements. The changes are worked out first, by joins that only read: a row that stays as
it is is never touched, so it costs PostgreSQL no WAL.
Keep out: the rules (`present.py`, `past.py`) and everything beside the endpoint's own table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Insert, Update, case, func, insert, literal, null, or_, select, update

from inode_pipeline.errors import SchemaConflictError
from inode_pipeline.warehouse import past, present
from inode_pipeline.warehouse.age import Age
from inode_pipeline.warehouse.marks import Marks, NewMarks, Rows
from inode_pipeline.warehouse.staging import Staging
from inode_pipeline.warehouse.types import CalendarDate, UtcTimestamp
from inode_pipeline.warehouse.walks import LandedWalk

MARKS = ("first_seen_at", "last_seen_at", "deleted_at")


@dataclass(frozen=True, slots=True)
class Census:
    """The table before the load: rows not deleted, how many of them the walk lacks, typed records that have a row."""

    not_deleted: int
    lacking: int
    existing: int


@dataclass(frozen=True, slots=True)
class Applied:
    """What was written: rows inserted, rows whose values were written, and of all rows touched those that came or went.

    `reopened` are the updated ones whose `deleted_at` now is NULL, `vanished` those whose `deleted_at` was NULL.
    """

    inserted: int
    updated: int
    reopened: int
    vanished: int


def take_census(connection: Connection, rows: Rows) -> Census:
    """Count the table against what the walk holds. Writes nothing."""
    is_there = rows.deleted_at.is_(None)
    counts = select(
        _count(is_there), _count(is_there & ~rows.is_held), _count(rows.is_typed)
    ).select_from(rows.source)  # fmt: skip
    return Census(*connection.execute(counts).one())


def apply(connection: Connection, staging: Staging, rows: Rows, walk: LandedWalk, age: Age) -> Applied:
    """Bring the endpoint's table to what the rules say. Changed rows are locked in the order of their keys."""
    connection.execute(_insert_changes(staging, rows, age))
    updated, reopened, vanished = connection.execute(_counts_of_changes(staging)).one()
    _lock_changed(connection, staging)
    inserted = _rows_written(connection, _insert_new(staging, walk, age))
    written = _rows_written(connection, _update_values(staging, walk))
    connection.execute(_update_marks(staging))
    if written != updated:
        raise SchemaConflictError(
            f"{updated} rows of {staging.target.name} were to be updated, but {written} were.",
            remedy="A trigger, rule or policy on the table keeps rows from being written; remove it.",
        )
    return Applied(inserted=inserted, updated=updated, reopened=reopened, vanished=vanished)


def _count(condition: Any) -> Any:
    return func.count(case((condition, 1)))


def _insert_changes(staging: Staging, rows: Rows, age: Age) -> Insert:
    """The rows of the table that will not stay as they are, with what they become."""
    marks: Marks = present.existing(rows, age) if age.is_present else past.existing(rows, age)
    proposed = (
        select(
            rows.key.label("row_key"),
            marks.writes_values.label("writes_values"),
            *(getattr(marks, name).label(name) for name in MARKS),
            *(getattr(rows, name).label(f"was_{name}") for name in MARKS),
        )
        .select_from(rows.source)
        .subquery("proposed")
    )
    names = ("row_key", "writes_values", *MARKS, "was_deleted_at")
    changed = select(*(proposed.c[name] for name in names)).where(
        or_(
            proposed.c.writes_values,
            *(proposed.c[name].is_distinct_from(proposed.c[f"was_{name}"]) for name in MARKS),
        )
    )
    return insert(staging.changes).from_select(list(staging.changes.c.keys()), changed)


def _counts_of_changes(staging: Staging) -> Any:
    changes = staging.changes.c
    returns = changes.writes_values & changes.was_deleted_at.is_not(None) & changes.deleted_at.is_(None)
    vanishes = changes.was_deleted_at.is_(None) & changes.deleted_at.is_not(None)
    return select(_count(changes.writes_values), _count(returns), _count(vanishes))


def _lock_changed(connection: Connection, staging: Staging) -> None:
    """On PostgreSQL, take the row locks in the order of the keys, so that two who do so cannot deadlock."""
    if staging.is_postgresql:
        key = staging.target.c[staging.key]
        locked = (
            select(key)
            .join(staging.changes, staging.changes.c[staging.key] == key)
            .order_by(key)
            .with_for_update(of=staging.target)
            .subquery("locked")
        )
        connection.execute(select(func.count()).select_from(locked))


def _insert_new(staging: Staging, walk: LandedWalk, age: Age) -> Insert:
    """The typed records that have no row yet."""
    records, target = staging.records, staging.target
    names = [staging.key, *staging.values]
    has_row = select(target.c[staging.key]).where(target.c[staging.key] == records.c[staging.key]).exists()
    rejected_at = null() if age.is_present else past.newest_reject(target.name, records.c[staging.key])
    fresh = (
        select(*(records.c[name] for name in names), _time(rejected_at).label("rejected_at"))
        .where(~has_row)
        .subquery("fresh")
    )
    marks: NewMarks = (
        present.new(age) if age.is_present else past.new(target.name, walk.walk_id, age, fresh.c.rejected_at)
    )
    selected = select(
        *(fresh.c[name] for name in names),
        *(_time(getattr(marks, name)) for name in MARKS),
        *_bookkeeping(walk).values(),
    )
    return insert(target).from_select([*names, *MARKS, *_bookkeeping(walk)], selected)


def _update_values(staging: Staging, walk: LandedWalk) -> Update:
    target, records, changes = staging.target, staging.records, staging.changes
    return (
        update(target)
        .values({name: records.c[name] for name in staging.values})
        .values({name: changes.c[name] for name in MARKS})
        .values(_bookkeeping(walk))
        .where(
            target.c[staging.key] == changes.c[staging.key],
            records.c[staging.key] == changes.c[staging.key],
            changes.c.writes_values,
        )
    )


def _update_marks(staging: Staging) -> Update:
    target, changes = staging.target, staging.changes
    return (
        update(target)
        .values({name: changes.c[name] for name in MARKS})
        .where(target.c[staging.key] == changes.c[staging.key], ~changes.c.writes_values)
    )


def _bookkeeping(walk: LandedWalk) -> dict[str, Any]:
    """Which walk wrote the values."""
    return {
        "snapshot_at": literal(walk.snapshot_at, UtcTimestamp),
        "snapshot_date": literal(walk.snapshot_date, CalendarDate),
    }


def _time(expression: Any) -> Any:
    """Of a known type even where it is nothing but NULL."""
    return func.coalesce(expression, literal(None, UtcTimestamp))


def _rows_written(connection: Connection, statement: Insert | Update) -> int:
    return connection.execute(statement.execution_options(preserve_rowcount=True)).rowcount
