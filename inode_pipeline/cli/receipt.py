"""The receipt as a person reads it: how complete the walk was, what it held and what was written.

Keep out: the receipt's numbers and its JSON; those are `warehouse/receipt.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from inode_pipeline.warehouse.receipt import Receipt

VERDICTS = {
    "proven": "complete: every page's count agrees with the records received",
    "confirmed": "complete: a second, independent reading agrees",
    "unverified": "not proven to be complete: the API gives no count",
}


def print_receipt(receipt: Receipt, zone: ZoneInfo) -> None:
    """Print one receipt in a few lines on standard output."""
    taken = receipt.snapshot_at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")
    click.echo(f"{receipt.endpoint}: snapshot of {receipt.snapshot_date}, taken at {taken}")
    click.echo(f"  {VERDICTS.get(receipt.verdict, receipt.verdict)} ({receipt.verdict})")
    click.echo(f"  received {receipt.received} records on {_many(receipt.pages, 'page')}: {_parts(receipt)}")
    click.echo(f"  vanished {receipt.vanished}, reopened {receipt.reopened}, without a measurement {receipt.no_data}")
    asked = f"{_many(receipt.requests, 'request')}, {_many(receipt.retries, 'retry')}, {_many(receipt.logins, 'login')}"
    click.echo(f"  {asked if receipt.requests else 'without the API'}, {receipt.seconds:.1f} s")


def print_receipts(receipts: Sequence[Receipt], zone: ZoneInfo, not_known: str | None) -> None:
    """Print several receipts, one after another, and what the tables cannot answer in spite of them."""
    for receipt in receipts:
        print_receipt(receipt, zone)
    if not_known is not None:
        click.echo(not_known)


def _parts(receipt: Receipt) -> str:
    names = ("inserted", "updated", "unchanged", "superseded", "duplicate", "rejected")
    always = ("inserted", "updated", "unchanged")
    counts = {name: getattr(receipt, name) for name in names}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count or name in always)


def _many(count: int, noun: str) -> str:
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"
