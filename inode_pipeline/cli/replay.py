"""`replay`: load landed dates again, for example after the field map was corrected."""

from __future__ import annotations

import json
from datetime import datetime

import click

from inode_pipeline.cli.failure import Aftermath
from inode_pipeline.errors import ConfigError

DAY = click.DateTime(["%Y-%m-%d"])


@click.command(short_help="Load landed dates again, without the API.")
@click.option("--from", "first", type=DAY, required=True, help="The first date.")
@click.option("--to", "last", type=DAY, required=True, help="The last date, which is included.")
@click.option("--json", "as_json", is_flag=True, help="Print the receipts as a JSON list, one a walk.")
def replay(first: datetime, last: datetime, as_json: bool) -> None:
    """Load every landed walk of these dates again, in order, without the API and without credentials.

    Each walk is one transaction. Rows that a newer walk has written are never overwritten by an older one.
    """
    with Aftermath() as aftermath:
        from inode_pipeline import sync
        from inode_pipeline.cli import progress
        from inode_pipeline.config import LocalSettings
        from inode_pipeline.endpoints.links import LINKS
        from inode_pipeline.warehouse.engine import open_warehouse

        if first > last:
            raise ConfigError(f"--from {first:%Y-%m-%d} is after --to {last:%Y-%m-%d}.", remedy="Swap them.")
        settings = LocalSettings.load()
        with open_warehouse(settings) as warehouse, progress.shown() as listen:
            aftermath.watch(warehouse)
            receipts = sync.replay(
                settings,
                warehouse,
                LINKS,
                first.date(),
                last.date(),
                attempt=sync.Attempt(aftermath.run_id, "replay"),
                listen=listen,
            )
    if as_json:
        click.echo(json.dumps([receipt.as_json() for receipt in receipts]))
        return
    for receipt in receipts:
        click.echo(
            f"{receipt.snapshot_date}  {receipt.verdict:<10}  {receipt.inserted} inserted, {receipt.updated} updated, "
            f"{receipt.unchanged} unchanged, {receipt.superseded} superseded, {receipt.rejected} rejected"
        )
    click.echo(f"{len(receipts)} walk{'s'[: len(receipts) != 1]} loaded again.")
