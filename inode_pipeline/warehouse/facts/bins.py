"""The quarter-hour means of the observations, worked out again for every bin in which one changed.

An observation without a travel time, or with one that cannot be true, is not in a bin; a count that cannot be true is
one that is not known. Such numbers would otherwise spoil a month's mean, or overflow and stop the load.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Delete,
    Double,
    Insert,
    Subquery,
    Table,
    and_,
    case,
    cast,
    delete,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
    union,
)
from sqlalchemy.dialects import postgresql, sqlite

from inode_pipeline.warehouse.facts.quarters import quarter_last, quarter_start
from inode_pipeline.warehouse.facts.scratch import Scratch
from inode_pipeline.warehouse.facts.sightings import PLACE
from inode_pipeline.warehouse.types import UtcTimestamp

LONGEST_S = 1_000_000.0
MOST_SAMPLES = 1_000_000_000

_MEANS = ("mean_travel_time_s", "n_observations", "sample_count")


def recompute_bins(connection: Connection, scratch: Scratch, at: datetime, *, are_disputed: bool) -> None:
    """Bring the bins to the observations that this load has written or removed; an equal row is not touched."""
    if are_disputed:
        connection.execute(_delete_empty(scratch))
    connection.execute(_write_changed(scratch, at, are_disputed=are_disputed))


def _delete_empty(scratch: Scratch) -> Delete:
    """Of the bins of disputed places, those in which no observation is left."""
    bins = scratch.tables.bins
    link_id, start, _ = _bin_of(scratch.disputed)
    is_in = _is_in_bin(
        scratch.tables.observations, bins.c.link_id, bins.c.bin_start_at, quarter_last(bins.c.bin_start_at)
    )
    has_one = select(scratch.tables.observations.c.link_id).where(is_in).exists()
    return delete(bins).where(tuple_(bins.c.link_id, bins.c.bin_start_at).in_(select(link_id, start)), ~has_one)


def _write_changed(scratch: Scratch, at: datetime, *, are_disputed: bool) -> Insert:
    """The bins of every place that was written or disputed, as the observations now say; those that differ."""
    bins, dialect = scratch.tables.bins, postgresql if scratch.is_postgresql else sqlite
    places = _places(scratch, at, are_disputed=are_disputed)
    # Never the other way round: there are few bins, and observations without end. SQLite keeps to this order.
    beside = places.outerjoin(
        scratch.tables.observations,
        _is_in_bin(scratch.tables.observations, places.c.link_id, places.c.bin_start_at, places.c.bin_last_at),
    )
    mean, n_observations, samples = _means(scratch)
    computed = (
        select(places.c.link_id, places.c.bin_start_at, mean, n_observations, samples)
        .select_from(beside)
        .group_by(places.c.link_id, places.c.bin_start_at)
        .having(n_observations > 0)
    )
    statement = dialect.insert(bins).from_select(["link_id", "bin_start_at", *_MEANS], computed)
    new = statement.excluded
    written: Insert = statement.on_conflict_do_update(
        index_elements=["link_id", "bin_start_at"],
        set_={name: new[name] for name in _MEANS},
        where=or_(*(bins.c[name].is_distinct_from(new[name]) for name in _MEANS)),
    )
    return written


def _places(scratch: Scratch, at: datetime, *, are_disputed: bool) -> Subquery:
    """The bin of each place that was written or disputed, each once."""
    observations = scratch.tables.observations
    written = select(*_bin_of(observations)).where(observations.c.snapshot_at == literal(at, UtcTimestamp))
    # A walk has one observation a link, so that the bins of what was written need no sorting to be distinct.
    return (union(written, select(*_bin_of(scratch.disputed))) if are_disputed else written).subquery("places")


def _is_in_bin(observations: Table, link_id: Any, start: Any, last: Any) -> ColumnElement[bool]:
    """Whether an observation counts in a bin."""
    return and_(
        observations.c.link_id == link_id,
        observations.c.observed_at.between(start, last),
        observations.c.travel_time_s > 0,
        observations.c.travel_time_s < LONGEST_S,
    )


def _bin_of(places: Any) -> list[ColumnElement[Any]]:
    link_id, observed_at = (places.c[name] for name in PLACE)
    return [
        link_id,
        quarter_start(observed_at).label("bin_start_at"),
        quarter_last(observed_at).label("bin_last_at"),
    ]


def _means(scratch: Scratch) -> tuple[ColumnElement[Any], ...]:
    """The columns of a bin. The sum over one that does not know its count is weighted with the average of the others.

    With C the sum of the n' known counts, the weights of n observations add up to C + (n - n') C / n' = n C / n'.
    """
    observations = scratch.tables.observations.c
    time = observations.travel_time_s
    count = case((observations.sample_count.between(0, MOST_SAMPLES), observations.sample_count), else_=null())

    def total(values: ColumnElement[Any]) -> ColumnElement[Any]:
        """In the order of time: the last digit of a sum depends on it. SQLite reads the observations in that order."""
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
