"""From the rules to the rows: find what a load changes, insert and update exactly that, and verify it.

Both databases run the same statements. The changes are determined first, by joins that only read: an unchanged row is
never touched, so it costs PostgreSQL no WAL. The rules are in `rules.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Connection,
    Insert,
    Select,
    Update,
    and_,
    case,
    delete,
    false,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    true,
    update,
)

from inode_pipeline.warehouse import rules
from inode_pipeline.warehouse.rules import Age, Rows
from inode_pipeline.warehouse.staging import REJECTED_KEY, Staging
from inode_pipeline.warehouse.statements import count_of, require_written
from inode_pipeline.warehouse.tables import REJECTED_RECORDS
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
    """What was written: rows inserted, rows whose values were updated, and how many rows came back or vanished.

    `reopened` are the updated ones whose `deleted_at` now is NULL, `vanished` those whose `deleted_at` was NULL.
    """

    inserted: int
    updated: int
    reopened: int
    vanished: int


def take_census(connection: Connection, rows: Rows) -> Census:
    """Compare the table with what the walk holds. Writes nothing."""
    is_there = rows.deleted_at.is_(None)
    counts = select(
        _count(is_there), _count(is_there & ~rows.is_held), _count(rows.is_typed)
    ).select_from(rows.source)  # fmt: skip
    return Census(*connection.execute(counts).one())


def apply(connection: Connection, staging: Staging, rows: Rows, walk: LandedWalk, age: Age) -> Applied:
    """Apply the rules to the endpoint's table. Changed rows are locked in the order of their keys.

    Raises:
        SchemaConflictError: the table does not keep what is written into it.

    """
    changes = staging.changes
    names = list(changes.c.keys())
    connection.execute(insert(changes).from_select(names, _changed(rows, age)))
    connection.execute(insert(changes).from_select(names, _added(staging, walk, age)))
    applied = Applied(*connection.execute(_counts(staging)).one())
    _lock_changed(connection, staging)
    for statement in (_insert_new(staging, walk), _update_values(staging, walk), _update_marks(staging)):
        connection.execute(statement)
    require_written(staging.target, count_of(connection, _not_as_written(staging, walk)))
    return applied


def _count(condition: Any) -> Any:
    return func.count(case((condition, 1)))


def _changed(rows: Rows, age: Age) -> Select[Any]:
    """The rows of the table that change, with their new values."""
    proposed = (
        select(
            rows.key.label("row_key"),
            *(rule.label(name) for name, rule in rules.existing(rows, age).items()),
            *(getattr(rows, name).label(f"was_{name}") for name in MARKS),
        )
        .select_from(rows.source)
        .subquery("proposed")
    )
    names = ("writes_values", *MARKS, "was_deleted_at")
    return select(proposed.c.row_key, false(), *(proposed.c[name] for name in names)).where(
        or_(
            proposed.c.writes_values,
            *(proposed.c[name].is_distinct_from(proposed.c[f"was_{name}"]) for name in MARKS),
        )
    )


def _added(staging: Staging, walk: LandedWalk, age: Age) -> Select[Any]:
    """The typed records that have no row yet, with the initial marks of their rows."""
    target, key = staging.target, staging.records.c[staging.key]
    has_row = select(target.c[staging.key]).where(target.c[staging.key] == key).exists()
    rejected_at = _time(rules.newest_reject(target.name, key, age)).label("rejected_at")
    fresh = select(key.label("row_key"), rejected_at).where(~has_row).subquery("fresh")
    marks = rules.new(target.name, walk.walk_id, age, fresh.c.rejected_at)
    return select(fresh.c.row_key, true(), true(), *(_time(marks[name]) for name in MARKS), _time(null()))


def _counts(staging: Staging) -> Select[Any]:
    """The figures of `Applied`, in its order."""
    changes = staging.changes.c
    is_old = ~changes.is_new
    returns = changes.writes_values & changes.was_deleted_at.is_not(None) & changes.deleted_at.is_(None)
    vanishes = is_old & changes.was_deleted_at.is_(None) & changes.deleted_at.is_not(None)
    return select(_count(changes.is_new), _count(is_old & changes.writes_values), _count(returns), _count(vanishes))


def _lock_changed(connection: Connection, staging: Staging) -> None:
    """On PostgreSQL, take the row locks in the order of the keys, so that two sessions that do so cannot deadlock."""
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


def _insert_new(staging: Staging, walk: LandedWalk) -> Insert:
    records, changes = staging.records, staging.changes
    names = [staging.key, *staging.values]
    selected = (
        select(
            *(records.c[name] for name in names),
            *(changes.c[name] for name in MARKS),
            *_bookkeeping(walk).values(),
        )
        .join_from(changes, records, records.c[staging.key] == changes.c[staging.key])
        .where(changes.c.is_new)
    )
    return insert(staging.target).from_select([*names, *MARKS, *_bookkeeping(walk)], selected)


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
            ~changes.c.is_new,
        )
    )


def _update_marks(staging: Staging) -> Update:
    target, changes = staging.target, staging.changes
    return (
        update(target)
        .values({name: changes.c[name] for name in MARKS})
        .where(target.c[staging.key] == changes.c[staging.key], ~changes.c.writes_values)
    )


def _not_as_written(staging: Staging, walk: LandedWalk) -> Select[Any]:
    """The changed rows that are missing from the table or differ from what was written."""
    target, records, changes = staging.target.c, staging.records, staging.changes
    key = changes.c[staging.key]
    expected = {name: records.c[name] for name in staging.values} | _bookkeeping(walk)
    differs = or_(*(target[name].is_distinct_from(value) for name, value in expected.items()))
    has_other_marks = or_(*(target[name].is_distinct_from(changes.c[name]) for name in MARKS))
    beside = changes.outerjoin(staging.target, target[staging.key] == key).outerjoin(
        records, records.c[staging.key] == key
    )
    return (
        select(key)
        .select_from(beside)
        .where(or_(target[staging.key].is_(None), has_other_marks, and_(changes.c.writes_values, differs)))
    )


def _bookkeeping(walk: LandedWalk) -> dict[str, Any]:
    """Which walk wrote the values."""
    return {
        "snapshot_at": literal(walk.snapshot_at, UtcTimestamp),
        "snapshot_date": literal(walk.snapshot_date, CalendarDate),
    }


def _time(expression: Any) -> Any:
    """Cast, so that a bare NULL still has a type."""
    return func.coalesce(expression, literal(None, UtcTimestamp))


_PLACE = ("page", "position")
_SAID = (REJECTED_KEY, "field", "reason")


def replace_rejects(connection: Connection, staging: Staging, walk_id: str) -> None:
    """Make the walk's rows of `rejected_records` those that are staged. An equal row is not touched.

    Raises:
        SchemaConflictError: the table does not keep what is written into it.

    """
    kept, staged = REJECTED_RECORDS.c, staging.rejected.c
    is_same_place = and_(kept.walk_id == walk_id, *(kept[name] == staged[name] for name in _PLACE))
    is_staged = select(staged.page).where(is_same_place).exists()
    connection.execute(delete(REJECTED_RECORDS).where(kept.walk_id == walk_id, ~is_staged))
    differs = or_(*(kept[name].is_distinct_from(staged[name]) for name in _SAID))
    connection.execute(
        update(REJECTED_RECORDS).values({name: staged[name] for name in _SAID}).where(is_same_place, differs)
    )
    is_kept = select(kept.page).where(is_same_place).exists()
    names = (*_PLACE, *_SAID)
    missing = select(literal(walk_id), literal(staging.target.name), *(staged[name] for name in names)).where(~is_kept)
    connection.execute(insert(REJECTED_RECORDS).from_select(["walk_id", "endpoint", *names], missing))
    is_right = select(kept.page).where(is_same_place, ~differs).exists()
    rows, wanted = select(kept.page).where(kept.walk_id == walk_id), select(staged.page)
    extra = count_of(connection, rows) - count_of(connection, wanted)
    require_written(REJECTED_RECORDS, max(extra, count_of(connection, wanted.where(~is_right))))
