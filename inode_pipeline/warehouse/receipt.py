"""The receipt of a load (what arrived, what became of it, what it cost) and the table `loads`, which keeps it.

Each record counts once: rejected, duplicate, superseded, inserted, updated or unchanged; together they are `received`.
A walk is loaded once it has a committed load; of several loads of one walk the newest counts.
Not here: how a count is found, see `merge.py`; how a receipt is printed, see `cli/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select, true

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.errors import LandingCorruptError
from inode_pipeline.warehouse.statements import require_written
from inode_pipeline.warehouse.tables import LOADS, RECEIPT_COUNTS
from inode_pipeline.warehouse.walks import LandedWalk

SUM = ("rejected", "duplicate", "superseded", "inserted", "updated", "unchanged")
"""Every record is in exactly one of these counts."""

ADDED = (*RECEIPT_COUNTS, "seconds", "walks")
"""The figures that are added up over several receipts."""


@dataclass(frozen=True, slots=True)
class LoadFacts:
    """What only the caller knows about a load.

    `received` counts every record of the walk, `fields` the records that had each dotted path. `requests`, `retries`
    and `logins` are those of this call, 0 without the API. `zone` is the one whose dates the walks have, `base_url` the
    API's address; the first load stores both.
    """

    received: int
    duplicate: int
    no_data: int
    fields: Mapping[str, int]
    pages: int
    normaliser_version: int
    requests: int = 0
    retries: int = 0
    logins: int = 0
    zone: str | None = None
    base_url: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one load did; of several added up, the ids are the newest's and `walks` says how many.

    `seconds` is the time from the load's beginning until just before its commit.
    """

    load_id: str
    walk_id: str
    endpoint: str
    snapshot_date: date
    snapshot_at: datetime
    verdict: str
    pages: int
    requests: int
    retries: int
    logins: int
    received: int
    rejected: int
    duplicate: int
    superseded: int
    inserted: int
    updated: int
    unchanged: int
    reopened: int
    vanished: int
    no_data: int
    observations_inserted: int
    observations_corrected: int
    seconds: float
    walks: int = 1

    @property
    def balance(self) -> int:
        """How many records are not counted, or counted twice if negative: 0 in every committed load."""
        return self.received - sum(int(getattr(self, name)) for name in SUM)

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints: dates and times in ISO form, times in UTC."""
        printed = asdict(self)
        printed["snapshot_date"] = self.snapshot_date.isoformat()
        printed["snapshot_at"] = self.snapshot_at.isoformat()
        return printed


def sum_of(receipts: Sequence[Receipt]) -> Receipt:
    """One receipt of several: counts and seconds added, everything else of the newest walk.

    Raises:
        ValueError: there is none to add.

    """
    newest = max(receipts, key=lambda receipt: receipt.snapshot_at)
    return replace(newest, **{name: sum(getattr(receipt, name) for receipt in receipts) for name in ADDED})


def newest_load(endpoint: str, *columns: Any) -> Select[Any]:
    """These columns of the newest load: of the walk with the newest `snapshot_at`, the load that began last."""
    newest = select(*columns).where(LOADS.c.endpoint == endpoint)
    return newest.order_by(LOADS.c.snapshot_at.desc(), LOADS.c.started_at.desc()).limit(1)


def previous_fields(connection: Connection, endpoint: Endpoint, walk: LandedWalk) -> Mapping[str, int] | None:
    """How many records had each field, in the newest loaded walk that held a record; None if there is none.

    Walks newer than this one are left out: an old walk that is loaded again lacks fields that came later. Fields named
    by a field map are the exception: a map made for the present must not empty what was read of the past without it.
    """
    fields = newest_load(endpoint.name, LOADS.c.fields).where(LOADS.c.received > 0)
    older: Mapping[str, int] | None = connection.scalar(fields.where(LOADS.c.snapshot_at <= walk.snapshot_at))
    mapped = tuple(f"{path}." for path in endpoint.mapped_sources)
    newest: Mapping[str, int] | None = connection.scalar(fields) if mapped else None
    if not newest:
        return older
    named = {path: count for path, count in newest.items() if f"{path}.".startswith(mapped)}
    return named | dict(older or {})


def known_fields(connection: Connection, endpoint: Endpoint) -> frozenset[str]:
    """The path of every field that a committed load has seen."""
    if connection.dialect.name == "postgresql":
        path = func.jsonb_object_keys(LOADS.c.fields).table_valued("key").render_derived()
    else:
        path = func.json_each(LOADS.c.fields).table_valued("key")
    each = LOADS.join(path, true())
    seen = select(path.c.key).select_from(each).where(LOADS.c.endpoint == endpoint.name).distinct()
    return frozenset(connection.scalars(seen))


def start_of_load(connection: Connection, walk: LandedWalk) -> datetime:
    """Now, but later than every earlier load of the same walk even if a clock was set back: the newest load counts."""
    now = _clock(connection)
    newest = connection.scalar(select(func.max(LOADS.c.finished_at)).where(LOADS.c.walk_id == walk.walk_id))
    return now if newest is None or newest < now else newest + timedelta(microseconds=1)


def require_balance(receipt: Receipt) -> None:
    """Check that every record received is counted exactly once.

    Raises:
        LandingCorruptError: the counts do not add up to the records received.

    """
    if receipt.balance == 0:
        return
    raise LandingCorruptError(
        f"Of the {receipt.received} records of the walk {receipt.walk_id}, {receipt.rejected} were rejected, "
        f"{receipt.duplicate} repeated, {receipt.superseded} superseded, {receipt.inserted} inserted, "
        f"{receipt.updated} updated and {receipt.unchanged} unchanged, which does not add up.",
        remedy="The tables are as they were. Sync again; if it happens twice, report it with these figures.",
    )


def enter_load(
    connection: Connection,
    receipt: Receipt,
    facts: LoadFacts,
    *,
    run_id: str,
    started_at: datetime,
    may_remove: bool,
    is_present: bool,
) -> None:
    """Write the load's row, as finished now.

    Raises:
        SchemaConflictError: the table does not keep what is written into it.

    """
    row = {
        "load_id": receipt.load_id,
        "walk_id": receipt.walk_id,
        "endpoint": receipt.endpoint,
        "run_id": run_id,
        "snapshot_at": receipt.snapshot_at,
        "snapshot_date": receipt.snapshot_date,
        "started_at": started_at,
        "finished_at": max(_clock(connection), started_at),
        "verdict": receipt.verdict,
        "may_remove": may_remove,
        "is_present": is_present,
        "fields": dict(facts.fields),
        "normaliser_version": facts.normaliser_version,
        **{name: getattr(receipt, name) for name in RECEIPT_COUNTS},
        "seconds": receipt.seconds,
    }
    connection.execute(insert(LOADS).values(row))
    kept = connection.execute(select(LOADS).where(LOADS.c.load_id == receipt.load_id)).mappings().one_or_none()
    require_written(LOADS, 0 if kept is not None and dict(kept) == row else 1)


def _clock(connection: Connection) -> datetime:
    """The database's time if it has a clock: loads run on several machines, and their times must not overlap."""
    if connection.dialect.name == "postgresql":
        now: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        return now.astimezone(UTC)
    return datetime.now(UTC)
