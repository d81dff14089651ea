"""The fact tables beside links: configurations, daily lists, observations, bins, and the zone's offsets.

A migration is frozen: it names its types and comments itself and reads nothing of the package.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002_facts"
down_revision = "0001_links_and_bookkeeping"
branch_labels = None
depends_on = None

TEXT = sa.Text()
DOUBLE = sa.Double()
BIGINT = sa.BigInteger()
TIME = sa.Text().with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")
DATE = sa.Text().with_variant(sa.Date(), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")


def _column(name: str, kind: Any, comment: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable, comment=comment)


def upgrade() -> None:
    _versions()
    _snapshots()
    _observations()
    _bins()
    _zone_offsets()


def _link_id() -> sa.Column[Any]:
    return _column("link_id", TEXT, "The link, as in links.")


def _versions() -> None:
    op.create_table(
        "link_versions",
        _link_id(),
        _column("content_hash", TEXT, "Of the columns that follow; a link has one row for each it ever had."),
        _column("name", TEXT, "The link's name in iNode.", nullable=True),
        _column("data_source", TEXT, "What measures the link: Sensor or Crowdsourced.", nullable=True),
        _column("grid", TEXT, "The grid the link belongs to in iNode.", nullable=True),
        _column("origin_sensor_id", TEXT, "The API's id of the sensor at which the link begins.", nullable=True),
        _column("origin_sensor_name", TEXT, "The name of the sensor at which the link begins.", nullable=True),
        _column("destination_sensor_id", TEXT, "The API's id of the sensor at which the link ends.", nullable=True),
        _column("destination_sensor_name", TEXT, "The name of the sensor at which the link ends.", nullable=True),
        _column("length_m", DOUBLE, "The link's length along the road.", nullable=True),
        _column("free_flow_speed_kmh", DOUBLE, "The free-flow speed configured on the link.", nullable=True),
        _column(
            "free_flow_travel_time_s",
            DOUBLE,
            "The travel time at free flow; where the API gives none, length over free-flow speed.",
            nullable=True,
        ),
        _column("geometry", JSON, "The link's line as GeoJSON, longitude before latitude.", nullable=True),
        sa.PrimaryKeyConstraint("link_id", "content_hash", name="pk_link_versions"),
        comment="Each configuration a link ever had, once. Plumbing: link_history tells from when until when.",
    )


def _snapshots() -> None:
    op.create_table(
        "link_snapshots",
        _column("snapshot_date", DATE, "The date in the warehouse's time zone."),
        _link_id(),
        _column(
            "content_hash",
            TEXT,
            "Its configuration in link_versions; NULL where its record was rejected.",
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("snapshot_date", "link_id", name="pk_link_snapshots"),
        comment="The links that the newest loaded walk of a date held. Plumbing: link_history is made for reading.",
        sqlite_with_rowid=False,
    )


def _observation_columns() -> list[sa.Column[Any]]:
    return [
        _link_id(),
        _column("observed_at", TIME, "When the interval was measured, in UTC."),
        _column(
            "travel_time_s", DOUBLE, "The mean travel time of the interval; NULL if the API gave none.", nullable=True
        ),
        _column("speed_kmh", DOUBLE, "The mean speed of the interval; NULL if the API gave none.", nullable=True),
        _column(
            "sample_count", BIGINT, "How many vehicles the values rest on; NULL if the API gave none.", nullable=True
        ),
        _column("snapshot_at", TIME, "The earliest loaded walk that showed these values."),
        _column("load_id", TEXT, "The load that wrote the row."),
    ]


def _observations() -> None:
    op.create_table(
        "link_observations",
        *_observation_columns(),
        sa.PrimaryKeyConstraint("link_id", "observed_at", name="pk_link_observations"),
        comment="One row per link and time of measurement: what was measured, as last corrected by the API.",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_link_observations_snapshot_at", "link_observations", ["snapshot_at"])
    op.create_table(
        "observation_corrections",
        *_observation_columns(),
        sa.PrimaryKeyConstraint("link_id", "observed_at", "snapshot_at", name="pk_observation_corrections"),
        comment="Values that an observation had before the API corrected it, so that old figures can be explained.",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_observation_corrections_snapshot_at", "observation_corrections", ["snapshot_at"])


def _bins() -> None:
    op.create_table(
        "link_bins",
        _link_id(),
        _column("bin_start_at", TIME, "The quarter of an hour that begins at this time, in UTC; half-open."),
        _column(
            "mean_travel_time_s",
            DOUBLE,
            "The mean travel time of the bin's observations, weighted by their sample counts; one whose count is not "
            "known weighs as the average of those that are. All weigh equally if no count is known or all are 0.",
        ),
        _column(
            "n_observations",
            BIGINT,
            "How many observations the mean rests on: those with a travel time (see the table).",
        ),
        _column(
            "sample_count",
            BIGINT,
            "The sum of their known sample counts (0 to a thousand million); NULL if none is known.",
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("link_id", "bin_start_at", name="pk_link_bins"),
        comment="One row per link and quarter of an hour with a travel time (above 0 and below 1,000,000 s).",
        sqlite_with_rowid=False,
    )


def _zone_offsets() -> None:
    op.create_table(
        "zone_offsets",
        _column("from_utc", TIME, "The first instant of the interval, in UTC."),
        _column("to_utc", TIME, "The instant at which it is over, in UTC: half-open."),
        _column(
            "offset_min", BIGINT, "What to add to UTC, in minutes, to have local time in the warehouse's time zone."
        ),
        sa.PrimaryKeyConstraint("from_utc", name="pk_zone_offsets"),
        comment="The offsets of the warehouse's time zone from UTC, 2015 to 2050; each interval begins where one ends.",
    )
