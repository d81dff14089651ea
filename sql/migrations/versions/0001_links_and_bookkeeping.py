"""The table of links, the landed walks and pages, the loads, and the bookkeeping around them.

A migration is frozen: it names its types and comments itself and reads nothing of the package.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001_links_and_bookkeeping"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.Text()
DOUBLE = sa.Double()
BIGINT = sa.BigInteger()
BOOLEAN = sa.Boolean()
BYTES = sa.LargeBinary()
TIME = sa.Text().with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")
DATE = sa.Text().with_variant(sa.Date(), "postgresql")
JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")


def _column(name: str, kind: Any, comment: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable, comment=comment)


def upgrade() -> None:
    _links()
    _landing()
    _loads()
    _bookkeeping()


def _links() -> None:
    op.create_table(
        "links",
        _column("link_id", TEXT, "The API's id of the link, as text."),
        _column("name", TEXT, "The link's name in iNode.", nullable=True),
        _column(
            "status", TEXT, "The link's status in iNode, for example Collecting; not configuration.", nullable=True
        ),
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
        _column("last_speed_kmh", DOUBLE, "The mean speed of the last interval.", nullable=True),
        _column("last_travel_time_s", DOUBLE, "The mean travel time of the last interval.", nullable=True),
        _column("last_sample_count", BIGINT, "How many vehicles the last interval's values rest on.", nullable=True),
        _column("last_observed_at", TIME, "When the last interval was measured, in UTC.", nullable=True),
        _column("geometry", JSON, "The link's line as GeoJSON, longitude before latitude.", nullable=True),
        _column("extra", JSON, "Every field of the record that no other column holds, as JSON.", nullable=True),
        _column(
            "record_hash", TEXT, "Of every value and the normaliser's version; decides whether the row is written."
        ),
        _column("content_hash", TEXT, "Of the configuration only; changes when the link itself was changed."),
        _column("first_seen_at", TIME, "The earliest loaded walk that holds it."),
        _column(
            "last_seen_at",
            TIME,
            "NULL while the newest loaded walk holds it; else the newest that does.",
            nullable=True,
        ),
        _column("deleted_at", TIME, "The earliest loaded walk that lacks it for certain; NULL if none.", nullable=True),
        _column("snapshot_at", TIME, "The walk whose values stand here."),
        _column("snapshot_date", DATE, "The date of that walk in the warehouse's time zone."),
        _column("load_id", TEXT, "The load that wrote the values."),
        sa.PrimaryKeyConstraint("link_id", name="pk_links"),
        comment="One row per link, the present: a stretch of road between two sensors whose travel time is measured.",
    )


def _landing() -> None:
    op.create_table(
        "walks",
        _column("walk_id", TEXT, "The walk; its row is written last and makes its pages whole."),
        _column("endpoint", TEXT, "The list that was walked."),
        _column("run_id", TEXT, "The run that walked it."),
        _column("snapshot_at", TIME, "The instant of the walk's first request; unique for an endpoint."),
        _column("snapshot_date", DATE, "The date of the step in the warehouse's time zone."),
        _column("finished_at", TIME, "When its last page was landed and the walk accepted."),
        _column("verdict", TEXT, "proven, confirmed or unverified; an unverified walk makes no link vanish."),
        _column("pages", BIGINT, "How many pages it has."),
        _column("received", BIGINT, "How many records its pages hold."),
        _column("requests", BIGINT, "The page requests of the call, thrown-away walks included."),
        _column("retries", BIGINT, "The repeated requests of the call."),
        _column("logins", BIGINT, "The token requests of the call."),
        _column("refused_at", TIME, "When a load of it was refused for lack of links; NULL if never.", nullable=True),
        _column("refused_reason", TEXT, "Why it was refused.", nullable=True),
        _column(
            "allow_shrink", BOOLEAN, "A person has allowed that links are missing from it, which lifts the refusal."
        ),
        _column("purged_at", TIME, "When its pages were removed; NULL while they are kept.", nullable=True),
        sa.PrimaryKeyConstraint("walk_id", name="pk_walks"),
        sa.UniqueConstraint("endpoint", "snapshot_at", name="uq_walks_endpoint_snapshot_at"),
        comment="One row per landed walk: one reading of all pages of an endpoint.",
    )
    op.create_index("ix_walks_endpoint_snapshot_date", "walks", ["endpoint", "snapshot_date"])
    op.create_table(
        "raw_pages",
        _column("walk_id", TEXT, "The walk; pages of a walk without a row in walks are never read."),
        _column("page", BIGINT, "The page's place in the walk, from 1."),
        _column("run_id", TEXT, "The run that landed it."),
        _column("address", TEXT, "The address that was asked."),
        _column("fetched_at", TIME, "When the answer was complete."),
        _column("body", BYTES, "The answer as received, compressed with zstd."),
        _column("size_bytes", BIGINT, "The size of the answer as received."),
        _column("sha256", TEXT, "Of the answer as received, hexadecimal."),
        sa.PrimaryKeyConstraint("walk_id", "page", name="pk_raw_pages"),
        comment="One row per landed page, exactly as received.",
    )


def _loads() -> None:
    op.create_table(
        "loads",
        _column("load_id", TEXT, "The load; its row is committed with the rows it wrote."),
        _column("walk_id", TEXT, "The walk that was loaded; the newest of several loads of it counts."),
        _column("endpoint", TEXT, "The list that was loaded."),
        _column("run_id", TEXT, "The run that loaded it."),
        _column("snapshot_at", TIME, "The walk's instant."),
        _column("snapshot_date", DATE, "The walk's date in the warehouse's time zone."),
        _column("started_at", TIME, "When the load had its lock."),
        _column("finished_at", TIME, "Just before the commit."),
        _column("verdict", TEXT, "The walk's verdict."),
        _column(
            "may_remove",
            BOOLEAN,
            "Links missing from it are gone: the walk is proven or confirmed and every id was readable.",
        ),
        _column("is_present", BOOLEAN, "No newer walk had been loaded before."),
        _column("fields", JSON, "Each field's dotted path and how many records had it."),
        _column("normaliser_version", BIGINT, "The version of the code that typed the records."),
        _column("pages", BIGINT, "The pages of the walk."),
        _column("requests", BIGINT, "The page requests of the call, thrown-away walks included; 0 without the API."),
        _column("retries", BIGINT, "The repeated requests of the call."),
        _column("logins", BIGINT, "The token requests of the call."),
        _column("received", BIGINT, "The records of the walk."),
        _column("rejected", BIGINT, "Records set aside in rejected_records."),
        _column("duplicate", BIGINT, "Records that repeat an id within a page."),
        _column("superseded", BIGINT, "Records of a past load whose values were not written."),
        _column("inserted", BIGINT, "Rows that did not exist."),
        _column("updated", BIGINT, "Rows whose values were written again, or that returned."),
        _column("unchanged", BIGINT, "Records equal to their row."),
        _column("reopened", BIGINT, "Updated rows whose deleted_at was set and now is NULL."),
        _column("vanished", BIGINT, "Rows whose deleted_at this load set."),
        _column("no_data", BIGINT, "Records without a time or a measurement."),
        _column("observations_inserted", BIGINT, "Observations that did not exist."),
        _column("observations_corrected", BIGINT, "Observations whose values differ from those stored before."),
        _column("seconds", DOUBLE, "How long the load took."),
        sa.PrimaryKeyConstraint("load_id", name="pk_loads"),
        sa.ForeignKeyConstraint(["walk_id"], ["walks.walk_id"], name="fk_loads_walks"),
        comment="One row per committed load: the receipt.",
    )
    op.create_index("ix_loads_endpoint_snapshot_at", "loads", ["endpoint", "snapshot_at"])
    op.create_index("ix_loads_endpoint_snapshot_date", "loads", ["endpoint", "snapshot_date"])
    op.create_index("ix_loads_walk_id", "loads", ["walk_id"])
    op.create_table(
        "rejected_records",
        _column("walk_id", TEXT, "The walk that holds the record."),
        _column("page", BIGINT, "Its page, from 1."),
        _column("position", BIGINT, "Its place in the page."),
        _column("endpoint", TEXT, "The list it belongs to."),
        _column("link_id", TEXT, "Its key where that could be read.", nullable=True),
        _column("field", TEXT, "The field that could not be typed."),
        _column("reason", TEXT, "Why not; without the value."),
        sa.PrimaryKeyConstraint("walk_id", "page", "position", name="pk_rejected_records"),
        sa.ForeignKeyConstraint(["walk_id"], ["walks.walk_id"], name="fk_rejected_records_walks"),
        comment="One row per record of a loaded walk that could not be typed.",
    )
    op.create_index("ix_rejected_records_endpoint_link_id", "rejected_records", ["endpoint", "link_id"])


def _bookkeeping() -> None:
    op.create_table(
        "pipeline_settings",
        _column("name", TEXT, "The setting."),
        _column("value", TEXT, "Its value."),
        sa.PrimaryKeyConstraint("name", name="pk_pipeline_settings"),
        comment="What must stay as it was when the warehouse was first filled, such as the time zone.",
    )
    op.create_table(
        "runs",
        _column("run_id", TEXT, "The run, as Dagster or the command calls it."),
        _column(
            "attempt", BIGINT, "Which attempt of the run, from 1: a retry and each date of a range is one of its own."
        ),
        _column("trigger", TEXT, "schedule, sample, backfill, person or replay."),
        _column("process", TEXT, "Host, process number and start of the process, to tell a live run from a dead one."),
        _column("snapshot_date", DATE, "The date that was asked for.", nullable=True),
        _column("started_at", TIME, "When it began."),
        _column("finished_at", TIME, "When it ended; NULL while it works, or if it was killed.", nullable=True),
        _column("outcome", TEXT, "ok, failed or skipped.", nullable=True),
        _column("error", TEXT, "The class of the error.", nullable=True),
        _column("message", TEXT, "The error's message and remedy.", nullable=True),
        _column(
            "credential_mark",
            TEXT,
            "Set when the server rejected the credentials; shows if they changed.",
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("run_id", "attempt", name="pk_runs"),
        comment="One row per attempt to sync, even one that failed.",
    )
    op.create_index("ix_runs_started_at", "runs", ["started_at"])
