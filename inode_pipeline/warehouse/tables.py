"""Every table of the warehouse, as SQLAlchemy sees it: an endpoint's own from its columns, the bookkeeping by hand.

The migrations in `sql/migrations` make the tables; a test holds that they make exactly these. A new endpoint needs
`endpoint_table(ENDPOINT)` at the end and a migration, a new table its definition here and a migration.
No schema is written here: the engine puts the configured one in front of each name on PostgreSQL.
Keep out: anything that reads or writes rows.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine

from inode_pipeline.endpoints import endpoint as endpoints
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.warehouse.types import CalendarDate, Json, UtcTimestamp

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
    }
)

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
    "updated": "Rows whose values were written again, or that returned.",
    "unchanged": "Records equal to their row.",
    "reopened": "Updated rows whose deleted_at was set and now is NULL.",
    "vanished": "Rows whose deleted_at this load set.",
    "no_data": "Records without a time or a measurement.",
    "observations_inserted": "Observations that did not exist.",
    "observations_corrected": "Observations whose values differ from those stored before.",
}
"""The receipt's counts in the order in which they are printed, each a column of `loads`."""


def _text(name: str, comment: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable, comment=comment)


def _count(name: str, comment: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, comment=comment)


def _flag(name: str, comment: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, comment=comment)


def _time(name: str, comment: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, UtcTimestamp, nullable=nullable, comment=comment)


def _date(name: str, comment: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, CalendarDate, nullable=nullable, comment=comment)


def _endpoint_column(column: endpoints.Column) -> Column[object]:
    types: dict[str, type[TypeEngine[Any]]] = {
        "text": Text,
        "double": Double,
        "bigint": BigInteger,
        "timestamp": UtcTimestamp,
        "geometry": Json,
        "json": Json,
    }
    return Column(column.name, types[column.type], nullable=column.kind != "key", comment=column.description)


def endpoint_table(endpoint: endpoints.Endpoint, metadata: MetaData = METADATA) -> Table:
    """The table of an endpoint: one row per key, its columns and then how the row came to be.

    A field map changes no column, so every version of an endpoint has the one table of its name.
    """
    if endpoint.name in metadata.tables:
        return metadata.tables[endpoint.name]
    return Table(
        endpoint.name,
        metadata,
        *(_endpoint_column(column) for column in endpoint.columns),
        _text("record_hash", "Of every value and the normaliser's version; decides whether the row is written."),
        _text("content_hash", "Of the configuration only; changes when the link itself was changed."),
        _time("first_seen_at", "The earliest loaded walk that holds it."),
        _time("last_seen_at", "NULL while the newest loaded walk holds it; else the newest that does.", nullable=True),
        _time("deleted_at", "The earliest loaded walk that lacks it for certain; NULL if none.", nullable=True),
        _time("snapshot_at", "The walk whose values stand here."),
        _date("snapshot_date", "The date of that walk in the warehouse's time zone."),
        # Not a foreign key: each row of a bulk load would be checked against a row that the same load writes.
        _text("load_id", "The load that wrote the values."),
        PrimaryKeyConstraint(endpoint.key.name),
        comment=endpoint.description,
    )


LINKS_TABLE = endpoint_table(LINKS)

WALKS = Table(
    "walks",
    METADATA,
    _text("walk_id", "The walk; its row is written last and makes its pages whole."),
    _text("endpoint", "The list that was walked."),
    _text("run_id", "The run that walked it."),
    _time("snapshot_at", "The instant of the walk's first request; unique for an endpoint."),
    _date("snapshot_date", "The date of the step in the warehouse's time zone."),
    _time("finished_at", "When its last page was landed and the walk accepted."),
    _text("verdict", "proven, confirmed or unverified; an unverified walk makes no link vanish."),
    _count("pages", "How many pages it has."),
    _count("received", "How many records its pages hold."),
    _count("requests", "The page requests of the call, thrown-away walks included."),
    _count("retries", "The repeated requests of the call."),
    _count("logins", "The token requests of the call."),
    _time("refused_at", "When a load of it was refused for lack of links; NULL if never.", nullable=True),
    _text("refused_reason", "Why it was refused.", nullable=True),
    _flag("allow_shrink", "A person has allowed that links are missing from it, which lifts the refusal."),
    _time("purged_at", "When its pages were removed; NULL while they are kept.", nullable=True),
    PrimaryKeyConstraint("walk_id"),
    UniqueConstraint("endpoint", "snapshot_at"),
    Index(None, "endpoint", "snapshot_date"),
    comment="One row per landed walk: one reading of all pages of an endpoint.",
)

# Without a foreign key to walks, whose row comes last.
RAW_PAGES = Table(
    "raw_pages",
    METADATA,
    _text("walk_id", "The walk; pages of a walk without a row in walks are never read."),
    _count("page", "The page's place in the walk, from 1."),
    _text("run_id", "The run that landed it."),
    _text("address", "The address that was asked."),
    _time("fetched_at", "When the answer was complete."),
    Column("body", LargeBinary, nullable=False, comment="The answer as received, compressed with zstd."),
    _count("size_bytes", "The size of the answer as received."),
    _text("sha256", "Of the answer as received, hexadecimal."),
    PrimaryKeyConstraint("walk_id", "page"),
    comment="One row per landed page, exactly as received.",
)

LOADS = Table(
    "loads",
    METADATA,
    _text("load_id", "The load; its row is committed with the rows it wrote."),
    _text("walk_id", "The walk that was loaded; the newest of several loads of it counts."),
    _text("endpoint", "The list that was loaded."),
    _text("run_id", "The run that loaded it."),
    _time("snapshot_at", "The walk's instant."),
    _date("snapshot_date", "The walk's date in the warehouse's time zone."),
    _time("started_at", "When the load had its lock."),
    _time("finished_at", "Just before the commit."),
    _text("verdict", "The walk's verdict."),
    _flag("may_remove", "Links missing from it are gone: the walk is proven or confirmed and every id was readable."),
    _flag("is_present", "No newer walk had been loaded before."),
    Column("fields", Json, nullable=False, comment="Each field's dotted path and how many records had it."),
    _count("normaliser_version", "The version of the code that typed the records."),
    *(_count(name, comment) for name, comment in RECEIPT_COUNTS.items()),
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
    _text("walk_id", "The walk that holds the record."),
    _count("page", "Its page, from 1."),
    _count("position", "Its place in the page."),
    _text("endpoint", "The list it belongs to."),
    _text("link_id", "Its key where that could be read.", nullable=True),
    _text("field", "The field that could not be typed."),
    _text("reason", "Why not; without the value."),
    PrimaryKeyConstraint("walk_id", "page", "position"),
    ForeignKeyConstraint(["walk_id"], ["walks.walk_id"]),
    Index(None, "endpoint", "link_id"),
    comment="One row per record of a loaded walk that could not be typed.",
)

PIPELINE_SETTINGS = Table(
    "pipeline_settings",
    METADATA,
    _text("name", "The setting."),
    _text("value", "Its value."),
    PrimaryKeyConstraint("name"),
    comment="What must stay as it was when the warehouse was first filled, such as the time zone.",
)

RUNS = Table(
    "runs",
    METADATA,
    _text("run_id", "The run, as Dagster or the command calls it."),
    _count("attempt", "Which attempt of the run, from 1: a retry and each date of a range is one of its own."),
    _text("trigger", "schedule, sample, backfill, person or replay."),
    _text("process", "Host, process number and start of the process, to tell a live run from a dead one."),
    _date("snapshot_date", "The date that was asked for.", nullable=True),
    _time("started_at", "When it began."),
    _time("finished_at", "When it ended; NULL while it works, or if it was killed.", nullable=True),
    _text("outcome", "ok, failed or skipped.", nullable=True),
    _text("error", "The class of the error.", nullable=True),
    _text("message", "The error's message and remedy.", nullable=True),
    _text("credential_mark", "Set when the server rejected the credentials; shows if they changed.", nullable=True),
    PrimaryKeyConstraint("run_id", "attempt"),
    Index(None, "started_at"),
    comment="One row per attempt to sync, even one that failed.",
)
