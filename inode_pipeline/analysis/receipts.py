"""What is shown after a load: its receipt in words, a preview of the tables, the slowest links. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Row, Table, func, select, true

from inode_pipeline.endpoints.endpoint import CONTAINED, Endpoint
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.receipt import Receipt, newest_load
from inode_pipeline.warehouse.tables import LINKS_TABLE, LOADS, FactTables, endpoint_table
from inode_pipeline.warehouse.types import Json

_COMPLETE = {
    "proven": "complete: every page's count agrees with the records received",
    "confirmed": "complete: a second, independent reading agrees",
}

_COLUMNS = [LOADS.c[field.name] for field in fields(Receipt) if field.name in LOADS.c]

PREVIEW_ROWS = 10

Glance = tuple[int, list[dict[str, object]]]
"""How many rows there are, and the first of them by key, one dict a row."""

MEASURED_WITHIN = timedelta(hours=1)
"""How long before the newest snapshot a speed may have been measured to count as current."""


def receipts_of_run(warehouse: Warehouse, run_id: str) -> list[Receipt]:
    """One receipt per load that the run has committed, oldest first."""
    loads = select(*_COLUMNS).where(LOADS.c.run_id == run_id).order_by(LOADS.c.finished_at)
    with reading(warehouse) as connection:
        return [Receipt(**row) for row in connection.execute(loads).mappings()]


def newest_receipt(connection: Connection, endpoint: Endpoint) -> Receipt | None:
    """The receipt of the newest walk's latest load; None if nothing was loaded."""
    row = connection.execute(newest_load(endpoint.name, *_COLUMNS)).mappings().one_or_none()
    return None if row is None else Receipt(**row)


def lines(receipt: Receipt, zone: ZoneInfo) -> list[str]:
    """The receipt as a person reads it, after a warning if nothing is measured."""
    warning = unmeasured(receipt)
    return [*([warning] if warning else []), *_lines(receipt, zone)]


def line(receipt: Receipt, zone: ZoneInfo) -> str:
    """The receipt in a line, for a log."""
    return "; ".join(_lines(receipt, zone))


def _lines(receipt: Receipt, zone: ZoneInfo) -> list[str]:
    """The snapshot, how complete it is, what was written, what it cost."""
    taken = receipt.snapshot_at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")
    asked = f"{many(receipt.requests, 'request')}, {many(receipt.retries, 'retry')}, {many(receipt.logins, 'login')}"
    return [
        f"{receipt.endpoint}: snapshot of {receipt.snapshot_date}, taken at {taken}",
        f"{verdict(receipt)} ({receipt.verdict})",
        f"received {receipt.received} records on {many(receipt.pages, 'page')}: {_parts(receipt)}",
        f"vanished {receipt.vanished}, reopened {receipt.reopened}, without a measurement {receipt.no_data}",
        f"{asked if receipt.requests else 'without the API'}, {receipt.seconds:.1f} s",
    ]


def verdict(receipt: Receipt) -> str:
    """How complete the snapshot is, and what shows it."""
    return _COMPLETE.get(receipt.verdict) or f"not proven to be complete: {why_unverified(receipt)}"


def why_unverified(walk: Receipt | Row[Any]) -> str:
    """Why a walk is unverified. A single list whose length is a usual page size may be a page of a longer one."""
    if walk.pages == 1:
        return f"{many(walk.received, 'record')} in one list without a count may be only the first page"
    return "the API gives no count"


def many(count: int, noun: str) -> str:
    """The count with its noun: 1 walk, 2 walks, 0 retries."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"


def summary(receipt: Receipt) -> str:
    """One sentence: how complete the snapshot is, and what has changed."""
    whole = verdict(receipt)
    walks = f" in {receipt.walks} walks" if receipt.walks > 1 else ""
    older = f", {receipt.superseded} older than the row" if receipt.superseded else ""
    return (
        f"{whole[0].upper()}{whole[1:]}. Of {many(receipt.received, 'record')}{walks} {receipt.inserted} are new, "
        f"{receipt.updated} changed, {receipt.unchanged} unchanged{older}; {receipt.vanished} vanished."
    )


def unmeasured(load: Receipt | Row[Any]) -> str | None:
    """What to say first of a load in which nothing is measured, with the remedy; None if anything is."""
    typed = load.received - load.rejected - load.duplicate
    if not typed or load.no_data < typed:
        return None
    return (
        f"Nothing is measured: none of the {typed} {load.endpoint} has a speed or a travel time with its instant. "
        "If the account does measure, `inode-pipeline inspect` shows under which names; write them into the file "
        "INODE_FIELD_MAP_FILE and run `inode-pipeline replay`."
    )


def _parts(receipt: Receipt) -> str:
    names = ("inserted", "updated", "unchanged", "superseded", "duplicate", "rejected")
    always = ("inserted", "updated", "unchanged")
    counts = {name: getattr(receipt, name) for name in names}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count or name in always)


def glance(warehouse: Warehouse, endpoint: Endpoint) -> Glance:
    """The endpoint's table.

    A row has the endpoint's own columns but geometry and JSON, whose size and content nobody knows beforehand.
    """
    table = endpoint_table(endpoint)
    shown = [table.c[column.name] for column in endpoint.columns if column.type not in CONTAINED]
    return _glance(warehouse, table, shown, true())


def glance_at_facts(warehouse: Warehouse, tables: FactTables, receipts: Sequence[Receipt]) -> dict[Table, Glance]:
    """The endpoint's versions, and what the walks of the receipts left in the tables that grow with every date.

    Of the snapshots the rows of the walks' dates, of the observations those whose values these walks were the earliest
    to show: a table of years is never counted.
    """
    dates = {receipt.snapshot_date for receipt in receipts}
    instants = {receipt.snapshot_at for receipt in receipts}
    wanted: dict[Table, ColumnElement[bool]] = {
        tables.versions: true(),
        tables.snapshots: tables.snapshots.c.snapshot_date.in_(dates),
        tables.observations: tables.observations.c.snapshot_at.in_(instants),
    }
    return {
        table: _glance(warehouse, table, [c for c in table.c if not isinstance(c.type, Json)], rows)
        for table, rows in wanted.items()
    }


def _glance(
    warehouse: Warehouse, table: Table, shown: Sequence[ColumnElement[object]], wanted: ColumnElement[bool]
) -> Glance:
    with reading(warehouse) as connection:
        count = connection.execute(select(func.count()).select_from(table).where(wanted)).scalar_one()
        first = select(*shown).where(wanted).order_by(*table.primary_key.columns).limit(PREVIEW_ROWS)
        return count, [dict(row) for row in connection.execute(first).mappings()]


@dataclass(frozen=True, slots=True)
class CongestedLink:
    """One link: speeds in km/h, their ratio (1 is free flow), and when that was measured, in UTC."""

    name: str
    last_speed_kmh: float
    free_flow_speed_kmh: float
    speed_ratio: float
    last_observed_at: datetime


def most_congested(warehouse: Warehouse, *, limit: int = 5) -> list[CongestedLink]:
    """The slowest links by speed over free flow, slowest first, among those measured within an hour of the data.

    Links that are gone or have no speed or no free-flow speed are left out.
    """
    links = LINKS_TABLE.c
    ratio = links.last_speed_kmh / func.nullif(links.free_flow_speed_kmh, 0)
    with reading(warehouse) as connection:
        now = connection.scalar(newest_load(LINKS_TABLE.name, LOADS.c.snapshot_at))
        if now is None:
            return []
        slowest = (
            select(links.name, links.last_speed_kmh, links.free_flow_speed_kmh, ratio, links.last_observed_at)
            .where(links.last_seen_at.is_(None), ratio.is_not(None), links.last_observed_at >= now - MEASURED_WITHIN)
            .order_by(ratio, links.link_id)
            .limit(limit)
        )
        return [CongestedLink(*row) for row in connection.execute(slowest)]
