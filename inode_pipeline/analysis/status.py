"""How complete the tables are and as of when, how the last run ended, and one line that says so to a tired person.

Read from `loads`, `walks` and `runs`, all in one transaction. Keep out: how it is printed; that is the command.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, func, select

from inode_pipeline.endpoints.catalogue import all_endpoints
from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.process import is_gone
from inode_pipeline.warehouse.tables import LOADS, RUNS, WALKS, endpoint_table

STOPPED_BY_HAND = ("KeyboardInterrupt", "Terminated")


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest attempt to sync.

    `outcome` is `ok`, `failed`, `running`, `killed` or, where it ran on another machine and never ended, `unknown`.
    """

    trigger: str
    snapshot_date: date | None
    started_at: datetime
    finished_at: datetime | None
    outcome: str
    error: str | None
    message: str | None

    @property
    def is_trouble(self) -> bool:
        """Whether it ended without bringing its date into the tables."""
        return self.outcome in ("failed", "killed")

    def ending(self, started: str) -> str:
        """How it ended and why, in a sentence; `started` is when it began, in the reader's words."""
        which = f"The last run ({self.trigger} for {self.snapshot_date}, {started})"
        if self.error in STOPPED_BY_HAND:
            return f"{which} was STOPPED by someone ({self.error}); start it again."
        return {
            "ok": "The last run succeeded.",
            "failed": f"{which} FAILED: [{self.error}] {self.message or 'an error that nobody expected.'}",
            "running": f"{which} is at work.",
            "killed": f"{which} was KILLED before it ended; start it again.",
            "unknown": f"{which} has not ended; it began on another machine.",
        }[self.outcome]


@dataclass(frozen=True, slots=True)
class Refused:
    """A walk that nothing loads until a person allows it."""

    endpoint: str
    snapshot_date: date
    reason: str


@dataclass(frozen=True, slots=True)
class TableStatus:
    """One endpoint's table: the walk whose rows stand in it and how many there are.

    `held` rows stand in that walk; `deleted` ones are known to be gone. All are None or 0 if nothing was loaded.
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

    @property
    def completeness(self) -> str:
        """In words, as far as it is known: only a walk that is proven or confirmed and whole is complete."""
        if self.snapshot_at is None:
            return "nothing is loaded yet"
        if self.verdict == "unverified":
            return "complete as far as the API tells: it gives no count, so completeness is not proven"
        if self.rejected:
            return f"complete but for {self.rejected} record{'s'[: self.rejected != 1]} set aside in rejected_records"
        return "complete"


@dataclass(frozen=True, slots=True)
class Status:
    """The warehouse as a person wants to know it."""

    tables: tuple[TableStatus, ...]
    last_run: LastRun | None
    refused: tuple[Refused, ...]
    landed_not_loaded: int

    @property
    def data_as_of(self) -> datetime | None:
        """The instant up to which every table is known; None if one of them was never loaded."""
        instants = [table.snapshot_at for table in self.tables]
        return None if None in instants else min((instant for instant in instants if instant), default=None)


NOTHING = Status(
    tables=tuple(TableStatus(name, None, None, None, 0, 0, 0, 0, 0) for name in all_endpoints()),
    last_run=None,
    refused=(),
    landed_not_loaded=0,
)
"""The status of a warehouse that does not exist yet."""


def read_status(warehouse: Warehouse) -> Status:
    """The status of a migrated warehouse; writes nothing.

    Raises:
        NotMigratedError: its tables are missing.

    """
    with reading(warehouse) as connection:
        return status_within(connection)


def status_within(connection: Connection) -> Status:
    """The status that a reading transaction sees."""
    return Status(
        tables=tuple(_table(connection, endpoint) for endpoint in all_endpoints().values()),
        last_run=_last_run(connection),
        refused=_refused(connection),
        landed_not_loaded=_landed_not_loaded(connection),
    )


def data_as_of(warehouse: Warehouse) -> datetime | None:
    """The instant of the newest loaded walk that is the oldest among the endpoints; None if one was never loaded."""
    newest = select(LOADS.c.endpoint, func.max(LOADS.c.snapshot_at, type_=LOADS.c.snapshot_at.type)).group_by(
        LOADS.c.endpoint
    )
    with reading(warehouse) as connection:
        instants: dict[str, datetime] = dict(iter(connection.execute(newest)))
    return min(instants.values()) if instants.keys() >= all_endpoints().keys() else None


def loads_of_run(warehouse: Warehouse, run_id: str) -> int:
    """How many loads a run has committed."""
    with reading(warehouse) as connection:
        return connection.scalar(select(func.count()).select_from(LOADS).where(LOADS.c.run_id == run_id)) or 0


def _table(connection: Connection, endpoint: Endpoint) -> TableStatus:
    of_endpoint = LOADS.c.endpoint == endpoint.name
    newest = connection.execute(
        select(LOADS).where(of_endpoint).order_by(LOADS.c.snapshot_at.desc(), LOADS.c.started_at.desc()).limit(1)
    ).one_or_none()
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
    )


def _last_run(connection: Connection) -> LastRun | None:
    """The newest attempt that did something: a skipped tick says nothing about the tables."""
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
    """Walks that are whole but in no committed load, the refused ones apart."""
    is_loaded = select(LOADS.c.walk_id).where(LOADS.c.walk_id == WALKS.c.walk_id).exists()
    waiting = select(func.count()).select_from(WALKS).where(~is_loaded, WALKS.c.refused_at.is_(None))
    return connection.scalar(waiting) or 0
