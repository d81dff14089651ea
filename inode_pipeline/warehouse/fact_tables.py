"""The tables of the past: each configuration a link had, the links of each date, what was measured and when.

They belong to an endpoint whose records are measured; `facts/` fills them with each load.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.warehouse.types import METADATA, count, date, endpoint_column, measure, text, time

VALUES = ("travel_time_s", "speed_kmh", "sample_count")
"""What one observation may hold, in this order; at least one of them is not NULL."""


@dataclass(frozen=True, slots=True)
class FactTables:
    """The fact tables of one endpoint. The first column of each key but `snapshots`' is the endpoint's key."""

    versions: Table
    snapshots: Table
    observations: Table
    corrections: Table
    bins: Table


def _key() -> Column[str]:
    return text("link_id", "The link, as in links.")


def _measured() -> Sequence[Column[Any]]:
    """One set of values of a link at a time, and the walk that showed it."""
    return (
        _key(),
        time("observed_at", "When the interval was measured, in UTC."),
        measure("travel_time_s", "The mean travel time of the interval; NULL if the API gave none.", nullable=True),
        measure("speed_kmh", "The mean speed of the interval; NULL if the API gave none.", nullable=True),
        count("sample_count", "How many vehicles the values rest on; NULL if the API gave none.", nullable=True),
        time(
            "snapshot_at", "The earliest loaded walk that showed these values; it leads to its rows in walks and loads."
        ),
    )


# Narrow tables read by their key are WITHOUT ROWID on SQLite: half the pages for each row.
_BY_KEY: dict[str, Any] = {"sqlite_with_rowid": False}


def _versions(endpoint: Endpoint) -> Table:
    configuration = (column for column in endpoint.columns if column.kind == "configuration")
    return Table(
        "link_versions",
        METADATA,
        _key(),
        text("content_hash", "Of the columns that follow; a link has one row for each it ever had."),
        *(endpoint_column(column) for column in configuration),
        PrimaryKeyConstraint("link_id", "content_hash"),
        comment="Each configuration a link ever had, once. Plumbing: link_history shows from when until when.",
    )


def _snapshots() -> Table:
    return Table(
        "link_snapshots",
        METADATA,
        date("snapshot_date", "The date in the warehouse's time zone."),
        _key(),
        text("content_hash", "Its configuration in link_versions; NULL where its record was rejected.", nullable=True),
        PrimaryKeyConstraint("snapshot_date", "link_id"),
        comment="The links that the newest loaded walk of a date held. Plumbing: link_history is made for reading.",
        **_BY_KEY,
    )


def _observations() -> Table:
    return Table(
        "link_observations",
        METADATA,
        *_measured(),
        PrimaryKeyConstraint("link_id", "observed_at"),
        # A walk that is loaded again looks up what it was the earliest to show.
        Index(None, "snapshot_at"),
        comment="One row per link and time of measurement: what was measured, as last corrected by the API.",
        **_BY_KEY,
    )


def _corrections() -> Table:
    return Table(
        "observation_corrections",
        METADATA,
        *_measured(),
        PrimaryKeyConstraint("link_id", "observed_at", "snapshot_at"),
        Index(None, "snapshot_at"),
        comment="Values that an observation had before the API corrected it, so that old figures can be explained.",
        **_BY_KEY,
    )


def _bins() -> Table:
    return Table(
        "link_bins",
        METADATA,
        _key(),
        time("bin_start_at", "The quarter of an hour that begins at this time, in UTC; half-open."),
        measure(
            "mean_travel_time_s",
            "The mean travel time of the bin's observations, weighted by their sample counts; one whose count is not "
            "known weighs as the average of those that are. All weigh equally if no count is known or all are 0.",
        ),
        count("n_observations", "How many observations the mean rests on: those with a travel time (see the table)."),
        count(
            "sample_count",
            "The sum of their known sample counts (0 to a thousand million); NULL if none is known.",
            nullable=True,
        ),
        PrimaryKeyConstraint("link_id", "bin_start_at"),
        comment="One row per link and quarter of an hour with a travel time (above 0 and below 1,000,000 s).",
        **_BY_KEY,
    )


LINK_FACTS = FactTables(
    versions=_versions(LINKS),
    snapshots=_snapshots(),
    observations=_observations(),
    corrections=_corrections(),
    bins=_bins(),
)

FACTS = {LINKS.name: LINK_FACTS}
"""The fact tables by the endpoint's name; an endpoint that is not here has none."""

ZONE_OFFSETS = Table(
    "zone_offsets",
    METADATA,
    time("from_utc", "The first instant of the interval, in UTC."),
    time("to_utc", "The instant at which it is over, in UTC: half-open."),
    count("offset_min", "What to add to UTC, in minutes, to have local time in the warehouse's time zone."),
    PrimaryKeyConstraint("from_utc"),
    comment="The offsets of the warehouse's time zone from UTC, 2015 to 2050; each interval begins where one ends.",
)
