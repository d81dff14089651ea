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
    Double,
    Insert,
    Select,
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


def recompute_bins(connection: Connection, scratch: Scratch, at: datetime, load_id: str, *, are_disputed: bool) -> None:
    """Bring the bins to the observations that this load has written or removed; an equal row is not touched."""
    connection.execute(_insert_changed(scratch, at, load_id, are_disputed=are_disputed))
    bins, changed = scratch.tables.bins, scratch.bins
    if are_disputed:
        empty = select(changed.c.link_id, changed.c.bin_start_at).where(changed.c.n_observations == 0)
        connection.execute(delete(bins).where(tuple_(bins.c.link_id, bins.c.bin_start_at).in_(empty)))
    connection.execute(_write_changed(scratch))


def _insert_changed(scratch: Scratch, at: datetime, load_id: str, *, are_disputed: bool) -> Insert:
    """The bins of every place that was written or disputed, with what the observations now say."""
    observations, disputed = scratch.tables.observations, scratch.disputed
    # By the walk, for which there is an index; by the load, because a walk may be loaded again.
    is_written = observations.c.snapshot_at == literal(at, UtcTimestamp), observations.c.load_id == load_id
    written = select(*_bin_of(observations)).where(*is_written)
    # A walk has one observation a link, so that the bins of what was written need no sorting to be distinct.
    places = (union(written, select(*_bin_of(disputed))) if are_disputed else written).subquery("places")
    # Never the other way round: there are few bins, and observations without end. SQLite keeps to this order.
    beside = places.outerjoin(
        observations,
        and_(
            observations.c.link_id == places.c.link_id,
            observations.c.observed_at.between(places.c.bin_start_at, places.c.bin_last_at),
            observations.c.travel_time_s > 0,
            observations.c.travel_time_s < LONGEST_S,
        ),
    )
    means = (
        select(places.c.link_id, places.c.bin_start_at, *_means(scratch))
        .select_from(beside)
        .group_by(places.c.link_id, places.c.bin_start_at)
    )
    return insert(scratch.bins).from_select(["link_id", "bin_start_at", *_MEANS], means)


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


def _write_changed(scratch: Scratch) -> Insert:
    bins, changed = scratch.tables.bins, scratch.bins
    dialect = postgresql if scratch.is_postgresql else sqlite
    names = ["link_id", "bin_start_at", *_MEANS]
    computed: Select[Any] = select(*(changed.c[name] for name in names)).where(changed.c.n_observations > 0)
    statement = dialect.insert(bins).from_select(names, computed)
    new = statement.excluded
    written: Insert = statement.on_conflict_do_update(
        index_elements=["link_id", "bin_start_at"],
        set_={name: new[name] for name in _MEANS},
        where=or_(*(bins.c[name].is_distinct_from(new[name]) for name in _MEANS)),
    )
    return written
