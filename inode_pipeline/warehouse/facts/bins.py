"""The quarter-hour means of the observations, recomputed for every bin in which an observation changed.

An observation without a travel time, or with an impossible one, is left out; an impossible count is taken as unknown.
Such numbers would spoil a month's mean, or overflow and stop the load.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Double,
    Insert,
    Select,
    Subquery,
    Table,
    and_,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    true,
    tuple_,
    union,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from inode_pipeline.warehouse.facts.observations import PLACE
from inode_pipeline.warehouse.staging import Scratch
from inode_pipeline.warehouse.statements import count_of, require_written
from inode_pipeline.warehouse.types import UtcTimestamp

MAX_TRAVEL_TIME_S = 1_000_000.0
MAX_SAMPLE_COUNT = 1_000_000_000

_MEANS = ("mean_travel_time_s", "n_observations", "sample_count")


def recompute_bins(connection: Connection, scratch: Scratch, at: datetime, *, are_disputed: bool) -> None:
    """Recompute the bins of the observations that this load has written or removed; equal rows are not touched.

    Raises:
        SchemaConflictError: the table does not keep what is written into it.

    """
    bins = scratch.tables.bins
    if are_disputed:
        is_empty = _is_empty(scratch)
        connection.execute(delete(bins).where(is_empty))
        require_written(bins, count_of(connection, select(bins.c.link_id).where(is_empty)))
    with scratch.created(connection, scratch.bins):
        computed = _computed(scratch, _places(scratch, at, are_disputed=are_disputed))
        connection.execute(insert(scratch.bins).from_select(list(bins.c.keys()), computed))
        connection.execute(_write_changed(scratch))
        require_written(bins, count_of(connection, _not_stored(scratch)))


def _is_empty(scratch: Scratch) -> ColumnElement[bool]:
    """Whether a bin belongs to a disputed place and has no observation left."""
    bins = scratch.tables.bins
    link_id, start, _ = _bin_of(scratch.disputed)
    is_in = _is_in_bin(
        scratch.tables.observations, bins.c.link_id, bins.c.bin_start_at, quarter_last(bins.c.bin_start_at)
    )
    has_one = select(scratch.tables.observations.c.link_id).where(is_in).exists()
    return and_(tuple_(bins.c.link_id, bins.c.bin_start_at).in_(select(link_id, start)), ~has_one)


def _write_changed(scratch: Scratch) -> Insert:
    """The computed bins that differ from those stored."""
    bins, dialect = scratch.tables.bins, postgresql if scratch.is_postgresql else sqlite
    # With a WHERE, or SQLite parses ON CONFLICT as the ON of a join.
    statement = dialect.insert(bins).from_select(list(bins.c.keys()), select(scratch.bins).where(true()))
    new = statement.excluded
    written: Insert = statement.on_conflict_do_update(
        index_elements=["link_id", "bin_start_at"],
        set_={name: new[name] for name in _MEANS},
        where=or_(*(bins.c[name].is_distinct_from(new[name]) for name in _MEANS)),
    )
    return written


def _not_stored(scratch: Scratch) -> Select[Any]:
    """The computed bins that are not stored as computed: none after `_write_changed`."""
    bins, computed = scratch.tables.bins.c, scratch.bins.c
    is_same_bin = bins.link_id == computed.link_id, bins.bin_start_at == computed.bin_start_at
    is_stored = select(bins.link_id).where(
        *is_same_bin, *(bins[name].is_not_distinct_from(computed[name]) for name in _MEANS)
    )
    return select(computed.link_id).where(~is_stored.exists())


def _computed(scratch: Scratch, places: Subquery) -> Select[Any]:
    """The bins of these places, from the observations as they are now."""
    # Not the other way round: there are few bins and very many observations. SQLite keeps this join order.
    beside = places.outerjoin(
        scratch.tables.observations,
        _is_in_bin(scratch.tables.observations, places.c.link_id, places.c.bin_start_at, places.c.bin_last_at),
    )
    means = _means(scratch)
    return (
        select(
            places.c.link_id,
            places.c.bin_start_at,
            *(value.label(name) for name, value in zip(_MEANS, means, strict=True)),
        )
        .select_from(beside)
        .group_by(places.c.link_id, places.c.bin_start_at)
        .having(means[1] > 0)
    )


def _places(scratch: Scratch, at: datetime, *, are_disputed: bool) -> Subquery:
    """The bin of each place that was written or disputed, each once."""
    observations = scratch.tables.observations
    written = select(*_bin_of(observations)).where(observations.c.snapshot_at == literal(at, UtcTimestamp))
    # A walk has one observation a link, so the bins of what was written are distinct already.
    return (union(written, select(*_bin_of(scratch.disputed))) if are_disputed else written).subquery("places")


def _is_in_bin(observations: Table, link_id: Any, start: Any, last: Any) -> ColumnElement[bool]:
    """Whether an observation counts in a bin."""
    return and_(
        observations.c.link_id == link_id,
        observations.c.observed_at.between(start, last),
        observations.c.travel_time_s > 0,
        observations.c.travel_time_s < MAX_TRAVEL_TIME_S,
    )


def _bin_of(places: Any) -> list[ColumnElement[Any]]:
    link_id, observed_at = (places.c[name] for name in PLACE)
    return [
        link_id,
        quarter_start(observed_at).label("bin_start_at"),
        quarter_last(observed_at).label("bin_last_at"),
    ]


def _means(scratch: Scratch) -> tuple[ColumnElement[Any], ...]:
    """The columns of a bin. An observation without a count is weighted with the average of the others.

    With C the sum of the n' known counts, the weights of n observations add up to C + (n - n') C / n' = n C / n'.
    """
    observations = scratch.tables.observations.c
    time = observations.travel_time_s
    count = case((observations.sample_count.between(0, MAX_SAMPLE_COUNT), observations.sample_count), else_=null())

    def total(values: ColumnElement[Any]) -> ColumnElement[Any]:
        """In order of time, on which the last digit of a sum depends. SQLite reads the observations in that order."""
        if scratch.is_postgresql:
            return func.sum(postgresql.aggregate_order_by(values, observations.observed_at))
        return func.sum(values)

    n_observations, n_counts, samples = func.count(time), func.count(count), func.sum(count)
    weighted = total(time * cast(count, Double)) * n_counts / cast(samples, Double)
    without_count = func.coalesce(total(case((count.is_(None), time))), 0.0)
    mean = case(
        (func.min(time) == func.max(time), func.min(time)),
        (samples > 0, (weighted + without_count) / n_observations),
        else_=total(time) / n_observations,
    )
    return mean, n_observations, cast(samples, BigInteger)


class quarter_start(GenericFunction[Any]):  # noqa: N801 - a function of SQL
    """The first instant of the quarter of an hour."""

    type = UtcTimestamp()
    inherit_cache = True


class quarter_last(GenericFunction[Any]):  # noqa: N801 - a function of SQL
    """Its last microsecond."""

    type = UtcTimestamp()
    inherit_cache = True


def _time(element: ColumnElement[Any], compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(quarter_start, "postgresql")
def _start_on_postgresql(element: quarter_start, compiler: SQLCompiler, **options: Any) -> str:
    return f"date_bin('15 minutes', {_time(element, compiler, **options)}, timestamptz '0001-01-01 00:00:00+00')"


@compiles(quarter_last, "postgresql")
def _last_on_postgresql(element: quarter_last, compiler: SQLCompiler, **options: Any) -> str:
    start = _start_on_postgresql(element, compiler, **options)  # type: ignore[arg-type]  # it has the same clauses
    return f"({start} + interval '14 minutes 59.999999 seconds')"


@compiles(quarter_start, "sqlite")
def _start_on_sqlite(element: quarter_start, compiler: SQLCompiler, **options: Any) -> str:
    return _on_sqlite(_time(element, compiler, **options), "00153045", "00.000000")


@compiles(quarter_last, "sqlite")
def _last_on_sqlite(element: quarter_last, compiler: SQLCompiler, **options: Any) -> str:
    return _on_sqlite(_time(element, compiler, **options), "14294459", "59.999999")


def _on_sqlite(time: str, minutes: str, seconds: str) -> str:
    """Of the text `YYYY-MM-DD HH:MM:SS.ffffff`: the hour stays, the minutes are one of four."""
    quarter = f"CAST(substr({time}, 15, 2) AS INTEGER) / 15"
    return f"(substr({time}, 1, 14) || substr('{minutes}', {quarter} * 2 + 1, 2) || ':{seconds}')"
