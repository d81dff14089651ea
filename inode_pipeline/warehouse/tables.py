"""Every table of the warehouse, as SQLAlchemy sees it: an endpoint's own from its columns, the bookkeeping by hand.

The migrations in `sql/migrations` create the tables, and a test checks that they create exactly these. A new endpoint
needs `endpoint_table(ENDPOINT)` and a migration; a new table needs its definition here or in a module imported here,
and a migration. Importing this module registers every table in `METADATA`.
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.warehouse.analyst_tables import EDITABLE
from inode_pipeline.warehouse.fact_tables import FACTS, LINK_FACTS, ZONE_OFFSETS, FactTables
from inode_pipeline.warehouse.types import METADATA, Json, count, date, endpoint_column, flag, text, time

__all__ = [
    "EDITABLE",
    "FACTS",
    "LINKS_TABLE",
    "LINK_FACTS",
    "LOADS",
    "METADATA",
    "PIPELINE_SETTINGS",
    "RAW_PAGES",
    "RECEIPT_COUNTS",
    "REJECTED_RECORDS",
    "RUNS",
    "WALKS",
    "ZONE_OFFSETS",
    "FactTables",
    "endpoint_table",
]  # fmt: skip

RECEIPT_COUNTS = {
    "pages": "The pages of the walk.",
    "requests": "The page requests of the call, thrown-away walks included; 0 without the API.",
    "retries": "The repeated requests of the call.",
    "logins": "The token requests of the call.",
    "received": "The records of the walk.",
    "rejected": "Records set aside in rejected_records.",
    "duplicate": "Records that repeat an id within a page.",
    "superseded": "Records of a past load whose values were not written.",
    "inserted": "Rows that did not exist.",
    "updated": "Rows whose values were written again, or that came back.",
    "unchanged": "Records equal to their row.",
    "reopened": "Updated rows whose deleted_at was set and now is NULL.",
    "vanished": "Rows whose deleted_at this load set.",
    "no_data": "Records without a time or a measurement.",
    "observations_inserted": "Observations that did not exist.",
    "observations_corrected": "Observations whose values differ from those stored before.",
}
"""The receipt's counts in the order in which they are printed, each a column of `loads`."""


def endpoint_table(endpoint: Endpoint) -> Table:
    """The table of an endpoint: one row per key, its columns and then how the row came to be.

    A field map changes no column, so every version of an endpoint has the one table of its name.
    """
    if endpoint.name in METADATA.tables:
        return METADATA.tables[endpoint.name]
    return Table(
        endpoint.name,
        METADATA,
        *(endpoint_column(column) for column in endpoint.columns),
        text("record_hash", "Of every value and the normaliser's version; decides whether the row is written."),
        text("content_hash", "Of the configuration only; changes when the link itself was changed."),
        time("first_seen_at", "The earliest loaded walk that holds it."),
        time("last_seen_at", "NULL while the newest loaded walk holds it; else the newest that does.", nullable=True),
        time("deleted_at", "The earliest loaded walk that certainly lacks it; NULL if none.", nullable=True),
        time("snapshot_at", "The walk whose values these are; it leads to its rows in walks and loads."),
        date("snapshot_date", "The date of that walk in the warehouse's time zone."),
        PrimaryKeyConstraint(endpoint.key.name),
        comment=endpoint.description,
    )


LINKS_TABLE = endpoint_table(LINKS)

WALKS = Table(
    "walks",
    METADATA,
    text("walk_id", "The walk; its row is written last and marks it as complete."),
    text("endpoint", "The endpoint that was walked."),
    text("run_id", "The run that walked it."),
    time("snapshot_at", "The instant of the walk's first request; unique for an endpoint."),
    date("snapshot_date", "The date of the step in the warehouse's time zone."),
    time("finished_at", "When its last page was landed and the walk accepted."),
    text("verdict", "proven, confirmed or unverified; an unverified walk makes no link vanish."),
    count("pages", "How many pages it has."),
    count("received", "How many records its pages hold."),
    count("requests", "The page requests of the call, thrown-away walks included."),
    count("retries", "The repeated requests of the call."),
    count("logins", "The token requests of the call."),
    time("refused_at", "When a load of it was refused for lack of links; NULL if never.", nullable=True),
    text("refused_reason", "Why it was refused.", nullable=True),
    flag("allow_shrink", "A person has accepted that links are missing from it, which lifts the refusal."),
    time("purged_at", "When its pages were removed; NULL while they are kept.", nullable=True),
    PrimaryKeyConstraint("walk_id"),
    UniqueConstraint("endpoint", "snapshot_at"),
    Index(None, "endpoint", "snapshot_date"),
    comment="One row per landed walk: one reading of all pages of an endpoint.",
)

# No foreign key to walks, whose row is written last.
RAW_PAGES = Table(
    "raw_pages",
    METADATA,
    text("walk_id", "The walk; pages of a walk without a row in walks are never read."),
    count("page", "The page's position in the walk, from 1."),
    text("run_id", "The run that landed it."),
    text("address", "The URL that was requested."),
    time("fetched_at", "When the answer was complete."),
    Column("body", LargeBinary, nullable=False, comment="The answer as received, compressed with zstd."),
    count("size_bytes", "The size of the answer as received."),
    text("sha256", "Of the answer as received, hexadecimal."),
    PrimaryKeyConstraint("walk_id", "page"),
    comment="One row per landed page, exactly as received.",
)

LOADS = Table(
    "loads",
    METADATA,
    text("load_id", "The load; its row is committed with the rows it wrote."),
    text("walk_id", "The walk that was loaded; the newest of several loads of it counts."),
    text("endpoint", "The endpoint that was loaded."),
    text("run_id", "The run that loaded it."),
    time("snapshot_at", "The walk's instant."),
    date("snapshot_date", "The walk's date in the warehouse's time zone."),
    time("started_at", "When the load got its lock."),
    time("finished_at", "Just before the commit."),
    text("verdict", "The walk's verdict."),
    flag("may_remove", "Links missing from it are gone: the walk is proven or confirmed and every id was readable."),
    flag("is_present", "No newer walk had been loaded before."),
    Column("fields", Json, nullable=False, comment="Each field's dotted path and how many records had it."),
    count("normaliser_version", "The version of the code that typed the records."),
    *(count(name, comment) for name, comment in RECEIPT_COUNTS.items()),
    Column("seconds", Double, nullable=False, comment="How long the load took."),
    PrimaryKeyConstraint("load_id"),
    ForeignKeyConstraint(["walk_id"], ["walks.walk_id"]),
    Index(None, "walk_id"),
    Index(None, "endpoint", "snapshot_at"),
    Index(None, "endpoint", "snapshot_date"),
    comment="One row per committed load: the receipt.",
)

REJECTED_RECORDS = Table(
    "rejected_records",
    METADATA,
    text("walk_id", "The walk that holds the record."),
    count("page", "The number of its page, from 1."),
    count("position", "Its position in the page, from 1."),
    text("endpoint", "The endpoint it belongs to."),
    text("link_id", "Its key where that could be read.", nullable=True),
    text("field", "The field that could not be typed."),
    text("reason", "Why it could not be typed; never shows the value."),
    PrimaryKeyConstraint("walk_id", "page", "position"),
    ForeignKeyConstraint(["walk_id"], ["walks.walk_id"]),
    Index(None, "endpoint", "link_id"),
    comment="One row per record of a loaded walk that could not be typed.",
)

PIPELINE_SETTINGS = Table(
    "pipeline_settings",
    METADATA,
    text("name", "The setting."),
    text("value", "Its value."),
    PrimaryKeyConstraint("name"),
    comment="Settings that must not change once the warehouse is filled, such as the time zone.",
)

RUNS = Table(
    "runs",
    METADATA,
    text("run_id", "The run, as Dagster or the command calls it."),
    count("attempt", "Which attempt of the run, from 1: a retry and each date of a range is one of its own."),
    text("trigger", "schedule, sample, backfill, person or replay."),
    text("process", "Host, process number and start of the process, to tell a live run from a dead one."),
    date("snapshot_date", "The date that was asked for.", nullable=True),
    time("started_at", "When it began."),
    time("finished_at", "When it ended; NULL while it runs, or if it was killed.", nullable=True),
    text("outcome", "ok, failed or skipped.", nullable=True),
    text("error", "The class of the error.", nullable=True),
    text("message", "The error's message and remedy.", nullable=True),
    text("credential_mark", "Set when the server rejected the credentials; shows if they changed.", nullable=True),
    PrimaryKeyConstraint("run_id", "attempt"),
    Index(None, "started_at"),
    comment="One row per attempt to sync, even one that failed.",
)
