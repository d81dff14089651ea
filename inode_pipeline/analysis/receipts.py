"""The receipts of committed loads: read back from `loads`, and in words.

Keep out: the receipt's numbers and its JSON; those are `warehouse/receipt.py`.
"""

from __future__ import annotations

from dataclasses import fields
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.receipt import Receipt
from inode_pipeline.warehouse.tables import LOADS

VERDICTS = {
    "proven": "complete: every page's count agrees with the records received",
    "confirmed": "complete: a second, independent reading agrees",
    "unverified": "not proven to be complete: the API gives no count",
}

_KEPT = [LOADS.c[field.name] for field in fields(Receipt) if field.name in LOADS.c]


def receipts_of_run(warehouse: Warehouse, run_id: str) -> list[Receipt]:
    """One receipt per load that the run has committed, oldest first."""
    loads = select(*_KEPT).where(LOADS.c.run_id == run_id).order_by(LOADS.c.finished_at)
    with reading(warehouse) as connection:
        return [Receipt(**row) for row in connection.execute(loads).mappings()]


def newest_receipt(connection: Connection, endpoint: Endpoint) -> Receipt | None:
    """That of the load whose rows stand in the endpoint's table; None if nothing was loaded."""
    loads = select(*_KEPT).where(LOADS.c.endpoint == endpoint.name)
    newest = loads.order_by(LOADS.c.snapshot_at.desc(), LOADS.c.started_at.desc()).limit(1)
    row = connection.execute(newest).mappings().one_or_none()
    return None if row is None else Receipt(**row)


def lines(receipt: Receipt, zone: ZoneInfo) -> list[str]:
    """The receipt as a person reads it: what was taken, how complete it is, what was written, what it cost."""
    taken = receipt.snapshot_at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")
    asked = f"{_many(receipt.requests, 'request')}, {_many(receipt.retries, 'retry')}, {_many(receipt.logins, 'login')}"
    return [
        f"{receipt.endpoint}: snapshot of {receipt.snapshot_date}, taken at {taken}",
        f"{VERDICTS.get(receipt.verdict, receipt.verdict)} ({receipt.verdict})",
        f"received {receipt.received} records on {_many(receipt.pages, 'page')}: {_parts(receipt)}",
        f"vanished {receipt.vanished}, reopened {receipt.reopened}, without a measurement {receipt.no_data}",
        f"{asked if receipt.requests else 'without the API'}, {receipt.seconds:.1f} s",
    ]


def _parts(receipt: Receipt) -> str:
    names = ("inserted", "updated", "unchanged", "superseded", "duplicate", "rejected")
    always = ("inserted", "updated", "unchanged")
    counts = {name: getattr(receipt, name) for name in names}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count or name in always)


def _many(count: int, noun: str) -> str:
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"
