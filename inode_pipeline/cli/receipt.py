"""The receipt as the command prints it. Keep out: its words (`analysis/receipts.py`) and its JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from inode_pipeline.analysis.receipts import lines

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from inode_pipeline.warehouse.receipt import Receipt


def print_receipt(receipt: Receipt, zone: ZoneInfo) -> None:
    """Print one receipt in a few lines on standard output."""
    click.echo("\n  ".join(lines(receipt, zone)))


def print_receipts(receipts: Sequence[Receipt], zone: ZoneInfo, not_known: str | None) -> None:
    """Print several receipts, one after another, and what the tables cannot answer in spite of them."""
    for receipt in receipts:
        print_receipt(receipt, zone)
    if not_known is not None:
        click.echo(not_known)
