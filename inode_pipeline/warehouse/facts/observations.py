"""What was measured, and the values that the API later corrected.

For a place (a link and a time) each distinct set of values is kept once, with the earliest loaded walk that showed it.
The set whose earliest walk is latest is in `link_observations`, the others in `observation_corrections`: so no
order of loads ends differently. A walk loaded again under another field map takes back the sets that only it had shown.

Nearly every sighting is of a new place or shows what is stored already. The few others, the disputed ones, are resolved
in a temporary table, and only rows that differ from it are written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Connection,
    Executable,
    FromClause,
    Insert,
    Select,
    Subquery,
    Table,
    and_,
    delete,
    false,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    tuple_,
    union,
    union_all,
    update,
)

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.warehouse.fact_tables import VALUES
from inode_pipeline.warehouse.staging import Scratch, Staging
from inode_pipeline.warehouse.statements import count_of, require_written, rows_written
from inode_pipeline.warehouse.tables import LOADS
from inode_pipeline.warehouse.types import UtcTimestamp
from inode_pipeline.warehouse.walks import LandedWalk

PLACE = ("link_id", "observed_at")
"""The key of an observation."""

STORED = (*PLACE, *VALUES, "snapshot_at")
"""The columns of both tables."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The receipt's figures: new observations, and those that got other values.

    Values that replace the same walk's own, under another field map, are neither.
    """

    inserted: int = 0
    corrected: int = 0


def sightings_of(endpoint: Endpoint, staging: Staging) -> Subquery | None:
    """The measurements of a staged walk, at most one row a link: link_id, observed_at and the values.

    None if nothing is measured. A record without a time, or with none of the values, shows nothing; nor does a rejected
    or a repeated one, which is not among the staged records.
    """
    if endpoint.observed_at is None or endpoint.measured is None:
        return None
    records = staging.records.c
    counts = (column.name for column in endpoint.columns if column.kind == "measurement" and column.type == "bigint")
    sources = (endpoint.measured.time, endpoint.measured.speed, next(counts, None))
    found = (records[source] if source else literal(None, BigInteger) for source in sources)
    measured = [value.label(name) for name, value in zip(VALUES, found, strict=True)]
    observed_at = records[endpoint.observed_at.name]
    return (
        select(records[staging.key].label("link_id"), observed_at.label("observed_at"), *measured)
        .where(observed_at.is_not(None), or_(*(value.is_not(None) for value in measured)))
        .subquery("shown")
    )


def is_same_place(one: FromClause, other: FromClause) -> ColumnElement[bool]:
    """The same link at the same time."""
    return and_(*(one.c[name] == other.c[name] for name in PLACE))


def has_same_values(one: FromClause, other: FromClause) -> ColumnElement[bool]:
    """The same set of values, NULLs included; true or false, never NULL."""
    return and_(*(one.c[name].is_not_distinct_from(other.c[name]) for name in VALUES))


class Places:
    """The places that one walk shows, and what is stored for them."""

    def __init__(self, scratch: Scratch, shown: Subquery, walk: LandedWalk) -> None:
        self.scratch = scratch
        self.walk = walk
        self.shown = shown
        self.at = literal(walk.snapshot_at, UtcTimestamp)
        self.disputed, self.sets = scratch.disputed, scratch.sets
        self.observations, self.corrections = scratch.tables.observations, scratch.tables.corrections

    def are_disputed(self, connection: Connection) -> bool:
        """Whether any stored place cannot stay as it is; then `resolve` needs the tables `disputed` and `sets`."""
        return connection.execute(self._find_disputed(connection).limit(1)).first() is not None

    def resolve(self, connection: Connection, *, are_disputed: bool) -> Kept:
        """Bring both tables in line with the loaded walks and this one."""
        corrected = self._settle_disputed(connection) if are_disputed else 0
        inserted = rows_written(connection, self._insert_new())
        require_written(self.observations, count_of(connection, self._not_stored()))
        return Kept(inserted=inserted, corrected=corrected)

    def _settle_disputed(self, connection: Connection) -> int:
        connection.execute(insert(self.disputed).from_select(list(PLACE), self._find_disputed(connection)))
        self.scratch.analyze(connection, self.disputed)
        corrected = connection.scalar(self._count_corrected()) or 0
        for statement in self._fill_sets():
            connection.execute(statement)
        self.scratch.analyze(connection, self.sets)
        for statement in self._settle():
            connection.execute(statement)
        self._require_settled(connection)
        return corrected

    def _require_settled(self, connection: Connection) -> None:
        """Check that the disputed places of both tables have their sets and nothing else."""
        sets = self.sets
        for table, is_there in ((self.observations, sets.c.is_latest), (self.corrections, ~sets.c.is_latest)):
            wanted, rows = select(sets.c.link_id).where(is_there), select(table.c.link_id)
            is_same = is_same_place(sets, table), sets.c.snapshot_at == table.c.snapshot_at
            missing = wanted.where(~rows.where(*is_same, has_same_values(sets, table)).exists())
            extra = count_of(connection, rows.where(self._is_disputed(table))) - count_of(connection, wanted)
            require_written(table, max(extra, count_of(connection, missing)))

    def _find_disputed(self, connection: Connection) -> CompoundSelect[Any]:
        """The stored places that must change."""
        shown, current, earlier = self.shown, self.observations, self.corrections
        is_known_from_before = (
            select(earlier.c.link_id)
            .where(is_same_place(earlier, shown), has_same_values(earlier, shown), earlier.c.snapshot_at <= self.at)
            .exists()
        )
        differing = (
            select(*_place(shown))
            .join(current, is_same_place(current, shown))
            .where(or_(not_(has_same_values(current, shown)), current.c.snapshot_at > self.at), ~is_known_from_before)
        )
        loads = select(LOADS.c.load_id).where(LOADS.c.walk_id == self.walk.walk_id).limit(1)
        was_loaded = connection.scalar(loads) is not None
        return union(differing, *(self._taken_back(table) for table in (current, earlier) if was_loaded))

    def _taken_back(self, table: Table) -> Select[Any]:
        """The places with a set of values that this walk was the earliest to show, and no longer shows."""
        shown = self.shown
        is_shown = select(shown.c.link_id).where(is_same_place(shown, table), has_same_values(shown, table)).exists()
        return select(*_place(table)).where(table.c.snapshot_at == self.at, ~is_shown)

    def _insert_new(self) -> Insert:
        """The places of which nothing is stored yet, in the order of the key, in which rows are cheapest to insert."""
        shown, current = self.shown, self.observations
        is_stored = select(current.c.link_id).where(is_same_place(current, shown)).exists()
        added = self._as_stored().where(~is_stored).order_by(shown.c.link_id)
        return insert(current).from_select(STORED, added)

    def _not_stored(self) -> Select[Any]:
        """The sightings that neither table has, which after `resolve` is none."""
        shown = self.shown
        is_stored = (
            select(table.c.link_id).where(is_same_place(table, shown), has_same_values(table, shown)).exists()
            for table in (self.observations, self.corrections)
        )
        return select(shown.c.link_id).where(not_(or_(*is_stored)))

    def _as_stored(self) -> Select[Any]:
        shown = self.shown
        return select(*(shown.c[name] for name in (*PLACE, *VALUES)), self.at).select_from(shown)

    def _count_corrected(self) -> Select[int]:
        """How many stored places get another set of values that does not replace one of the same walk."""
        shown = self.shown

        def is_stored(table: Table) -> ColumnElement[bool]:
            is_equal_or_its_own = or_(has_same_values(table, shown), table.c.snapshot_at == self.at)
            return select(table.c.link_id).where(is_same_place(table, shown), is_equal_or_its_own).exists()

        return (
            select(func.count())
            .select_from(shown)
            .join(self.disputed, is_same_place(self.disputed, shown))
            .where(~is_stored(self.observations), ~is_stored(self.corrections))
        )

    def _fill_sets(self) -> Iterator[Executable]:
        """Every set of values of the disputed places, each with the earliest walk that shows it."""
        shown, disputed, sets = self.shown, self.disputed, self.sets
        both = (self.observations, self.corrections)
        every = (select(*_stored(table)).where(self._is_disputed(table)) for table in both)
        stored = union_all(*every).subquery("stored")
        is_shown = shown.c.link_id.is_not(None)
        # What this walk was the earliest to show, if it shows it still; what a later one was, unless this one shows it.
        stays = or_(
            stored.c.snapshot_at < self.at,
            and_(stored.c.snapshot_at == self.at, is_shown),
            and_(stored.c.snapshot_at > self.at, ~is_shown),
        )
        beside = stored.outerjoin(shown, and_(is_same_place(shown, stored), has_same_values(shown, stored)))
        yield insert(sets).from_select(
            [*STORED, "is_latest"], select(*_stored(stored), false()).select_from(beside).where(stays)
        )
        is_there = select(sets.c.link_id).where(is_same_place(sets, shown), has_same_values(sets, shown)).exists()
        added = self._as_stored().join(disputed, is_same_place(disputed, shown)).where(~is_there)
        yield insert(sets).from_select([*STORED, "is_latest"], added.add_columns(false()))
        newer = sets.alias("newer")
        has_newer = select(newer.c.link_id).where(
            is_same_place(newer, sets), newer.c.snapshot_at > sets.c.snapshot_at
        ).exists()  # fmt: skip
        yield update(sets).values(is_latest=True).where(~has_newer)

    def _is_disputed(self, table: Table) -> ColumnElement[bool]:
        """Written as IN, so that SQLite looks up the few places; for a join it might read the whole table."""
        return tuple_(*_place(table)).in_(select(*_place(self.disputed)))

    def _settle(self) -> Iterator[Executable]:
        """Bring the disputed places of both tables to their sets; a row that is right already is not touched."""
        sets, current, earlier = self.sets, self.observations, self.corrections

        def is_same(table: Table) -> ColumnElement[bool]:
            return and_(is_same_place(sets, table), sets.c.snapshot_at == table.c.snapshot_at)

        has_set = select(sets.c.link_id).where(is_same_place(sets, current)).exists()
        yield delete(current).where(self._is_disputed(current), ~has_set)
        differs = or_(sets.c.snapshot_at != current.c.snapshot_at, not_(has_same_values(sets, current)))
        yield (
            update(current)
            .values({name: sets.c[name] for name in STORED if name not in PLACE})
            .where(is_same_place(sets, current), sets.c.is_latest, differs)
        )
        is_right = (
            select(sets.c.link_id).where(is_same(earlier), has_same_values(sets, earlier), ~sets.c.is_latest).exists()
        )
        yield delete(earlier).where(self._is_disputed(earlier), ~is_right)
        is_kept = select(earlier.c.link_id).where(is_same(earlier)).exists()
        yield insert(earlier).from_select(STORED, select(*_stored(sets)).where(~sets.c.is_latest, ~is_kept))


def _place(table: FromClause) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in PLACE]


def _stored(table: FromClause) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in STORED]
