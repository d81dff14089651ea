"""The state of the warehouse: how complete the tables are and as of when, the last run, sampling, and user rights.

`read_status` reads `loads`, `walks` and `runs` in one transaction; `cli/status.py` prints the status.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Boolean, Column, Connection, MetaData, Table, func, inspect, select

from inode_pipeline.analysis.check import ticks
from inode_pipeline.analysis.receipts import many, unmeasured
from inode_pipeline.config import DOTENV, LocalSettings
from inode_pipeline.endpoints import all_endpoints
from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.errors import NotMigratedError
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse, reading
from inode_pipeline.warehouse.receipt import newest_load
from inode_pipeline.warehouse.runs import is_gone
from inode_pipeline.warehouse.tables import LOADS, METADATA, RUNS, WALKS, endpoint_table

FRESHNESS = Table("data_freshness", MetaData(), Column("sampling_on", Boolean))

SAMPLING_OFF = (
    "Sampling is off: the tables hold one reading a night, so questions about peak hours cannot be answered, now or "
    "later; see INODE_SAMPLE_SCHEDULE."
)

NEEDED_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")

STOPPED_BY_HAND = ("KeyboardInterrupt", "Terminated")


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest attempt to sync.

    `outcome` is `ok`, `failed`, `running`, `killed`, or `unknown` for an unfinished run on another machine.
    """

    trigger: str
    snapshot_date: date | None
    started_at: datetime
    finished_at: datetime | None
    outcome: str
    error: str | None
    message: str | None

    @property
    def has_failed(self) -> bool:
        """Whether it ended without loading its date."""
        return self.outcome in ("failed", "killed")

    def ending(self, started: str) -> str:
        """How it ended and why, in a sentence; `started` is the formatted start time."""
        which = f"The last run ({self.trigger} for {self.snapshot_date}, {started})"
        if self.error in STOPPED_BY_HAND:
            return f"{which} was STOPPED by someone ({self.error}); start it again."
        return {
            "ok": "The last run succeeded.",
            "failed": f"{which} FAILED: [{self.error}] {self.message or 'an unexpected error.'}",
            "running": f"{which} is still running.",
            "killed": f"{which} was KILLED before it ended; start it again.",
            "unknown": f"{which} has not ended; it began on another machine.",
        }[self.outcome]


@dataclass(frozen=True, slots=True)
class Refused:
    """A walk that is not loaded until a person allows it."""

    endpoint: str
    snapshot_date: date
    reason: str


@dataclass(frozen=True, slots=True)
class TableStatus:
    """One endpoint's table: the newest loaded walk and the number of rows.

    `held` rows are in that walk; `deleted` ones are known to be gone. `warning` should be shown first.
    All are None or 0 if nothing was loaded.
    """

    endpoint: str
    snapshot_at: datetime | None
    snapshot_date: date | None
    verdict: str | None
    received: int
    rejected: int
    held: int
    deleted: int
    loads: int
    warning: str | None = None

    @property
    def completeness(self) -> str:
        """In words. Only a proven or confirmed walk whose records could all be typed is complete."""
        if self.snapshot_at is None:
            return "nothing is loaded yet"
        if self.verdict == "unverified":
            return "complete as far as is known: the API gives no count, so completeness is not proven"
        if self.rejected:
            return f"complete but for {many(self.rejected, 'record')} set aside in rejected_records"
        return "complete"


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the warehouse."""

    tables: tuple[TableStatus, ...]
    last_run: LastRun | None
    refused: tuple[Refused, ...]
    landed_not_loaded: int

    @property
    def data_as_of(self) -> datetime | None:
        """The time of the oldest table's newest walk; None if a table was never loaded."""
        instants = [table.snapshot_at for table in self.tables]
        return None if None in instants else min((instant for instant in instants if instant), default=None)


def read_status(warehouse: Warehouse) -> Status:
    """Read the status of a migrated warehouse; writes nothing.

    Raises:
        NotMigratedError: its tables are missing.

    """
    with reading(warehouse) as connection:
        return status_within(connection)


def status_within(connection: Connection) -> Status:
    """Read the status in an open transaction."""
    return Status(
        tables=tuple(_table(connection, endpoint) for endpoint in all_endpoints().values()),
        last_run=_last_run(connection),
        refused=_refused(connection),
        landed_not_loaded=_landed_not_loaded(connection),
    )


def open_existing(settings: LocalSettings) -> Warehouse:
    """Open the warehouse for reading only; never creates a SQLite file.

    Raises:
        NotMigratedError: there is no file; the message names the folder that was searched for `.env`.

    """
    url = settings.warehouse_url
    if url.get_backend_name() != "sqlite" or Path(url.database or "").exists():
        return open_warehouse(settings, read_only=True)
    if DOTENV.exists():
        raise NotMigratedError(
            f"There is no file {url.database} yet.",
            remedy="`inode-pipeline sync` makes it, or correct INODE_WAREHOUSE_URL.",
        )
    raise NotMigratedError(
        f"There is no file {url.database}, and no .env in {Path.cwd()}.",
        remedy="Run this in the folder of your .env, or set INODE_WAREHOUSE_URL; the first `inode-pipeline sync` makes "
        "the file.",
    )


def data_as_of(warehouse: Warehouse) -> datetime | None:
    """The time of the newest loaded walk, the oldest over all endpoints; None if one was never loaded."""
    with reading(warehouse) as connection:
        newest = [connection.scalar(newest_load(name, LOADS.c.snapshot_at)) for name in all_endpoints()]
    return None if None in newest else min(newest)


def is_sampled(warehouse: Warehouse) -> bool:
    """Whether sampling was on in the 24 hours before the newest data: `sampling_on` of the view `data_freshness`."""
    with reading(warehouse) as connection:
        return bool(connection.scalar(select(FRESHNESS.c.sampling_on)))


def unanswerable_questions(warehouse: Warehouse, settings: LocalSettings) -> str | None:
    """A warning that peak hours cannot be analysed, with the remedy, if no samples arrive.

    None if samples arrive from any source, the schedule had no tick in the last 24 hours, or nothing is loaded yet.
    """
    if is_sampled(warehouse):
        return None
    if settings.sample_schedule is None:
        return SAMPLING_OFF
    now = data_as_of(warehouse)
    if now is None or not any(ticks(settings.sample_schedule, settings.zone, now - timedelta(days=1), now)):
        return None
    return (
        f"Sampling is set to {settings.sample_schedule}, but no sample was loaded in the 24 hours before the newest "
        "data, so questions about peak hours cannot be answered: see whether Dagster's daemon runs and its schedule "
        "sample_links is on."
    )


def loads_of_run(warehouse: Warehouse, run_id: str) -> int:
    """The number of loads that a run has committed."""
    with reading(warehouse) as connection:
        return connection.scalar(select(func.count()).select_from(LOADS).where(LOADS.c.run_id == run_id)) or 0


def holds_tables(warehouse: Warehouse) -> bool:
    """Whether the warehouse was ever migrated."""
    with reading(warehouse) as connection:
        return inspect(connection).has_table(WALKS.name, schema=warehouse.schema)


def missing_rights(warehouse: Warehouse) -> list[str]:
    """The rights that a sync needs and the user lacks, such as `INSERT on links`. Empty on SQLite.

    Raises:
        NotMigratedError: a table is missing.

    """
    if not warehouse.is_postgresql:
        return []
    with reading(warehouse) as connection:
        missing = [
            f"{right} on {table.name}"
            for table in METADATA.sorted_tables
            for right in NEEDED_RIGHTS
            if not connection.scalar(select(func.has_table_privilege(f'"{warehouse.schema}"."{table.name}"', right)))
        ]
        may_stage = connection.scalar(select(func.has_database_privilege(func.current_database(), "TEMPORARY")))
    return missing if may_stage else [*missing, "TEMPORARY on the database, in which a load stages its records"]


def _table(connection: Connection, endpoint: Endpoint) -> TableStatus:
    of_endpoint = LOADS.c.endpoint == endpoint.name
    newest = connection.execute(newest_load(endpoint.name, LOADS)).one_or_none()
    rows = endpoint_table(endpoint)
    held = select(func.count()).select_from(rows).where(rows.c.last_seen_at.is_(None))
    deleted = select(func.count()).select_from(rows).where(rows.c.deleted_at.is_not(None))
    loads = select(func.count()).select_from(LOADS).where(of_endpoint)
    return TableStatus(
        endpoint=endpoint.name,
        snapshot_at=newest.snapshot_at if newest else None,
        snapshot_date=newest.snapshot_date if newest else None,
        verdict=newest.verdict if newest else None,
        received=newest.received if newest else 0,
        rejected=newest.rejected if newest else 0,
        held=connection.scalar(held) or 0,
        deleted=connection.scalar(deleted) or 0,
        loads=connection.scalar(loads) or 0,
        warning=unmeasured(newest) if newest else None,
    )


def _last_run(connection: Connection) -> LastRun | None:
    """The newest attempt, without skipped ticks, which say nothing about the tables."""
    newest = (
        select(RUNS)
        .where(RUNS.c.outcome.is_distinct_from("skipped"))
        .order_by(RUNS.c.started_at.desc(), RUNS.c.attempt.desc())
        .limit(1)
    )
    row = connection.execute(newest).one_or_none()
    if row is None:
        return None
    outcome = row.outcome or {True: "killed", False: "running", None: "unknown"}[is_gone(row.process)]
    return LastRun(row.trigger, row.snapshot_date, row.started_at, row.finished_at, outcome, row.error, row.message)


def _refused(connection: Connection) -> tuple[Refused, ...]:
    waiting = (
        select(WALKS.c.endpoint, WALKS.c.snapshot_date, WALKS.c.refused_reason)
        .where(WALKS.c.refused_at.is_not(None), WALKS.c.allow_shrink.is_(False))
        .order_by(WALKS.c.snapshot_at)
    )
    return tuple(Refused(endpoint, day, reason or "") for endpoint, day, reason in connection.execute(waiting))


def _landed_not_loaded(connection: Connection) -> int:
    """The number of complete landed walks without a committed load, except refused ones."""
    is_loaded = select(LOADS.c.walk_id).where(LOADS.c.walk_id == WALKS.c.walk_id).exists()
    waiting = select(func.count()).select_from(WALKS).where(~is_loaded, WALKS.c.refused_at.is_(None))
    return connection.scalar(waiting) or 0
