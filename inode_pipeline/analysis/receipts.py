"""What is shown after a load: its receipt in words, previews of the tables, the slowest links."""

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

Preview = tuple[int, list[dict[str, object]]]
"""The number of rows, and the first rows by key, each a dict."""

MEASURED_WITHIN = timedelta(hours=1)
"""The maximum age of a current speed at the newest snapshot."""


def receipts_of_run(warehouse: Warehouse, run_id: str) -> list[Receipt]:
    """One receipt for each load that the run has committed, oldest first."""
    loads = select(*_COLUMNS).where(LOADS.c.run_id == run_id).order_by(LOADS.c.finished_at)
    with reading(warehouse) as connection:
        return [Receipt(**row) for row in connection.execute(loads).mappings()]


def newest_receipt(connection: Connection, endpoint: Endpoint) -> Receipt | None:
    """The receipt of the newest walk's latest load; None if nothing was loaded."""
    row = connection.execute(newest_load(endpoint.name, *_COLUMNS)).mappings().one_or_none()
    return None if row is None else Receipt(**row)


def lines(receipt: Receipt, zone: ZoneInfo) -> list[str]:
    """The receipt in words, preceded by a warning if nothing is measured."""
    warning = unmeasured(receipt)
    return [*([warning] if warning else []), *_lines(receipt, zone)]


def line(receipt: Receipt, zone: ZoneInfo) -> str:
    """The receipt on one line, for a log."""
    return "; ".join(_lines(receipt, zone))


def _lines(receipt: Receipt, zone: ZoneInfo) -> list[str]:
    """The snapshot, its completeness, what was written, and the requests and time it took."""
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
    """How complete the snapshot is, and how that is known."""
    return _COMPLETE.get(receipt.verdict) or f"not proven to be complete: {why_unverified(receipt)}"


def why_unverified(walk: Receipt | Row[Any]) -> str:
    """Why a walk is unverified. A single list as long as a common page size may be the first page of more."""
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
    """A warning with its remedy if no record of the load is measured; None otherwise."""
    typed = load.received - load.rejected - load.duplicate
    if not typed or load.no_data < typed:
        return None
    return (
        f"Nothing is measured: none of the {typed} {load.endpoint} has a speed or a travel time with its time of "
        "measurement. If the account has measurements, `inode-pipeline inspect` shows their fields; name them in the "
        "file INODE_FIELD_MAP_FILE and run `inode-pipeline replay`."
    )


def _parts(receipt: Receipt) -> str:
    names = ("inserted", "updated", "unchanged", "superseded", "duplicate", "rejected")
    always = ("inserted", "updated", "unchanged")
    counts = {name: getattr(receipt, name) for name in names}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count or name in always)


def preview(warehouse: Warehouse, endpoint: Endpoint) -> Preview:
    """Preview the endpoint's table, without geometry and JSON, whose size is unknown."""
    table = endpoint_table(endpoint)
    shown = [table.c[column.name] for column in endpoint.columns if column.type not in CONTAINED]
    return _preview(warehouse, table, shown, true())


def preview_facts(warehouse: Warehouse, tables: FactTables, receipts: Sequence[Receipt]) -> dict[Table, Preview]:
    """Preview the endpoint's versions, and the rows that these loads left in its snapshots and observations.

    Of the snapshots these are the rows of the walks' dates, of the observations those that these walks showed first,
    so that years of rows are never counted.
    """
    dates = {receipt.snapshot_date for receipt in receipts}
    instants = {receipt.snapshot_at for receipt in receipts}
    wanted: dict[Table, ColumnElement[bool]] = {
        tables.versions: true(),
        tables.snapshots: tables.snapshots.c.snapshot_date.in_(dates),
        tables.observations: tables.observations.c.snapshot_at.in_(instants),
    }
    return {
        table: _preview(warehouse, table, [c for c in table.c if not isinstance(c.type, Json)], rows)
        for table, rows in wanted.items()
    }


def _preview(
    warehouse: Warehouse, table: Table, shown: Sequence[ColumnElement[object]], wanted: ColumnElement[bool]
) -> Preview:
    with reading(warehouse) as connection:
        count = connection.execute(select(func.count()).select_from(table).where(wanted)).scalar_one()
        first = select(*shown).where(wanted).order_by(*table.primary_key.columns).limit(PREVIEW_ROWS)
        return count, [dict(row) for row in connection.execute(first).mappings()]


@dataclass(frozen=True, slots=True)
class CongestedLink:
    """One link: its speeds in km/h, their ratio (1 is free flow), and the time of measurement in UTC."""

    name: str
    last_speed_kmh: float
    free_flow_speed_kmh: float
    speed_ratio: float
    last_observed_at: datetime


def most_congested(warehouse: Warehouse, *, limit: int = 5) -> list[CongestedLink]:
    """The links with the lowest speed over free flow, slowest first, measured within an hour before the snapshot.

    Links that are gone, or lack a speed or a free-flow speed, are left out.
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
