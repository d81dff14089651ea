"""What a load does to a row of `links`: the table of `docs/architecture.md`, one function for each of its columns.

A load is *present* if no newer walk is loaded: it may change every row. Otherwise it is *past*, and adds only what
newer walks cannot know. Age is judged against the newest loaded walk, never against a row's own stamp, which is why any
order of loads ends in the same rows. *t* is the walk's `snapshot_at`, *W* the newest loaded before it; a row is *gone*
if its `last_seen_at` is not NULL; a walk *holds* a link if its record is typed, or rejected with a readable id.
The rules are SQL expressions; `apply.py` runs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Subquery,
    Text,
    and_,
    case,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from inode_pipeline.warehouse.receipt import newest_load
from inode_pipeline.warehouse.staging import REJECTED_KEY, Staging
from inode_pipeline.warehouse.tables import LOADS, REJECTED_RECORDS, WALKS
from inode_pipeline.warehouse.types import UtcTimestamp

Expression = ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Age:
    """The age of a walk against those loaded before it. `t` and `newest` (W) are instants; W is None on a first load.

    `may_remove`: links missing from the walk are gone. `next_remover`: the earliest later loaded walk that may remove.
    """

    t: datetime
    newest: datetime | None
    may_remove: bool
    next_remover: datetime | None

    @property
    def is_present(self) -> bool:
        """No newer walk is loaded: every row may change."""
        return self.newest is None or self.t >= self.newest

    @property
    def is_first(self) -> bool:
        """No walk of the endpoint is loaded."""
        return self.newest is None


def age_of(connection: Connection, endpoint: str, walk_id: str, t: datetime, *, may_remove: bool) -> Age:
    """The walk's age as of now; call it inside the locked transaction, or it may change before it is used."""
    newest = connection.scalar(newest_load(endpoint, LOADS.c.snapshot_at))
    next_remover = connection.scalar(removers(endpoint, walk_id, after=t))
    return Age(t=t, newest=newest, may_remove=may_remove, next_remover=next_remover)


def removers(endpoint: str, walk_id: str, *, after: datetime | ColumnElement[datetime | None]) -> Select[datetime]:
    """The earliest loaded walk later than `after` that may remove, as one row or none; the walk itself left out.

    Of several loads of one walk the newest counts. Written as ORDER BY and LIMIT, which stops at the first row of the
    index: a warehouse has many thousand loads.
    """
    later = LOADS.alias("later")
    newer_load = exists().where(later.c.walk_id == LOADS.c.walk_id, later.c.started_at > LOADS.c.started_at)
    return (
        select(LOADS.c.snapshot_at)
        .where(
            LOADS.c.endpoint == endpoint,
            LOADS.c.snapshot_at > after,
            LOADS.c.walk_id != walk_id,
            LOADS.c.may_remove,
            ~newer_load,
        )
        .order_by(LOADS.c.snapshot_at)
        .limit(1)
    )


class Rows:
    """Every row of the table, joined with its typed record, and with a rejected record of the same key."""

    def __init__(self, staging: Staging) -> None:
        target, records = staging.target, staging.records
        rejects = staging.held_by_rejects()
        self.key: Expression = target.c[staging.key]
        self.source = target.outerjoin(records, records.c[staging.key] == self.key).outerjoin(
            rejects, rejects.c[0] == self.key
        )
        self.is_typed: Expression = records.c[staging.key].is_not(None)
        self.is_held: Expression = or_(self.is_typed, rejects.c[0].is_not(None))
        self.is_changed: Expression = records.c.record_hash != target.c.record_hash
        self.is_gone: Expression = target.c.last_seen_at.is_not(None)
        self.first_seen_at = target.c.first_seen_at
        self.last_seen_at = target.c.last_seen_at
        self.deleted_at = target.c.deleted_at


def rows_held(staging: Staging) -> Subquery:
    """The links that the walk holds, link_id and content_hash: typed, or rejected and not typed as well."""
    records, rejects = staging.records.c, staging.held_by_rejects()
    key = records[staging.key]
    is_typed = select(key).where(key == rejects.c[0]).exists()
    return union_all(
        select(key.label("link_id"), records.content_hash.label("content_hash")),
        select(rejects.c[0], literal(None, Text)).where(~is_typed),
    ).subquery("held")


def existing(rows: Rows, age: Age) -> Mapping[str, Expression]:
    """The new values of an existing row; `writes_values` is true or false, never NULL."""
    return {
        "writes_values": _writes_values(rows, age),
        "first_seen_at": _first_seen_at(rows, age),
        "last_seen_at": _last_seen_at(rows, age),
        "deleted_at": _deleted_at(rows, age),
    }


def _writes_values(rows: Rows, age: Age) -> Expression:
    """The values are those of the newest loaded walk that gave a typed record."""
    if age.is_present:
        return and_(rows.is_typed, or_(rows.is_changed, rows.is_gone))
    # This walk was the last to hold it, and is read differently now: by another field map, or typed after a rejection.
    is_repaired = and_(rows.is_gone, rows.last_seen_at == _time(age.t), rows.is_changed)
    return and_(rows.is_typed, or_(_is_seen_later(rows, age), is_repaired))


def _first_seen_at(rows: Rows, age: Age) -> Expression:
    """The earliest loaded walk with a typed record of it."""
    if age.is_present:
        return rows.first_seen_at
    t = _time(age.t)
    return case((and_(rows.is_typed, rows.first_seen_at > t), t), else_=rows.first_seen_at)


def _last_seen_at(rows: Rows, age: Age) -> Expression:
    """NULL while the newest loaded walk holds it; else the newest that does."""
    if age.is_present:
        return case((rows.is_held, null()), (rows.is_gone, rows.last_seen_at), else_=_time(age.newest))
    return case((_is_seen_later(rows, age), _time(age.t)), else_=rows.last_seen_at)


def _deleted_at(rows: Rows, age: Age) -> Expression:
    """The earliest loaded walk after `last_seen_at` that may remove; NULL if none."""
    t, next_remover = _time(age.t), _time(age.next_remover)
    # The same walk was loaded before with the right to remove, and has lost it: its mark passes to the next remover.
    is_taken_back = false() if age.may_remove else rows.deleted_at == t
    if age.is_present:
        vanishes = rows.deleted_at.is_(None) if age.may_remove else false()
        return case((rows.is_held, null()), (vanishes, t), (is_taken_back, null()), else_=rows.deleted_at)
    vanished = and_(rows.is_gone, rows.last_seen_at < t, or_(rows.deleted_at.is_(None), rows.deleted_at > t))
    return case(
        (_is_seen_later(rows, age), next_remover),
        (and_(~rows.is_held, vanished if age.may_remove else false()), t),
        (and_(~rows.is_held, is_taken_back), next_remover),
        else_=rows.deleted_at,
    )


def _is_seen_later(rows: Rows, age: Age) -> Expression:
    """A past walk holds a gone row, later than its `last_seen_at`."""
    return and_(rows.is_held, rows.is_gone, rows.last_seen_at < _time(age.t))


def new(endpoint: str, walk_id: str, age: Age, rejected_at: Expression) -> Mapping[str, Expression]:
    """The marks of a new row: from a past load it is gone at once, unless the newest walk holds its record as rejected.

    `rejected_at`: the newest loaded walk that holds it so (`newest_reject`).
    """
    t = _time(age.t)
    if age.is_present:
        return {"first_seen_at": t, "last_seen_at": null(), "deleted_at": null()}
    is_held_now = rejected_at == _time(age.newest)
    next_remover = removers(endpoint, walk_id, after=rejected_at).scalar_subquery()
    return {
        "first_seen_at": t,
        "last_seen_at": case((is_held_now, null()), (rejected_at > t, rejected_at), else_=t),
        "deleted_at": case((is_held_now, null()), (rejected_at > t, next_remover), else_=_time(age.next_remover)),
    }


def newest_reject(endpoint: str, key: Expression, age: Age) -> Expression:
    """The newest loaded walk that holds the key as a rejected record; NULL if there is none, and in a present load."""
    if age.is_present:
        return null()
    return (
        select(func.max(WALKS.c.snapshot_at))
        .select_from(REJECTED_RECORDS.join(WALKS, WALKS.c.walk_id == REJECTED_RECORDS.c.walk_id))
        .where(REJECTED_RECORDS.c.endpoint == endpoint, REJECTED_RECORDS.c[REJECTED_KEY] == key)
        .scalar_subquery()
    )


def _time(instant: datetime | None) -> Expression:
    return literal(instant, UtcTimestamp)
