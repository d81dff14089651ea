"""What a staged walk shows of measurements: a set of values for a link and a time.

A record without a time, or with none of the values, shows nothing; nor does a rejected or a repeated one, which is not
among the staged records.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, ColumnElement, FromClause, Subquery, and_, literal, or_, select

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.warehouse.fact_tables import VALUES
from inode_pipeline.warehouse.staging import Staging

PLACE = ("link_id", "observed_at")
"""Of which a link has one observation."""


def sightings_of(endpoint: Endpoint, staging: Staging) -> Subquery | None:
    """The walk's sightings, at most one a link: link_id, observed_at and the values. None if nothing is measured."""
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
