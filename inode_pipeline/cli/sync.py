"""`sync` loads one date; `replay` loads landed dates again, for example with a new field map."""

from __future__ import annotations

import json
from datetime import datetime

import click

from inode_pipeline.cli import output
from inode_pipeline.cli.failure import GuardedRun
from inode_pipeline.cli.output import DAY
from inode_pipeline.errors import ConfigError


@click.command(short_help="Fetch today's links, or load a landed date again.")
@click.option(
    "--date",
    "day",
    type=DAY,
    help="The snapshot's date in INODE_TIMEZONE, by default today. An earlier one is loaded from its landed pages.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the receipt as one JSON object.")
@click.option("--allow-shrink", is_flag=True, help="Allow more links than INODE_MAX_SHRINK_FRACTION to be missing.")
def sync(day: datetime | None, as_json: bool, allow_shrink: bool) -> None:
    """Fetch today's links and load them into the warehouse, or load an earlier date again, without the API.

    The load is one transaction: if anything is wrong, the tables are not changed.
    """
    with GuardedRun() as run:
        from inode_pipeline.analysis.status import unanswerable_questions
        from inode_pipeline.config import Settings
        from inode_pipeline.endpoints.links import LINKS
        from inode_pipeline.sync import Attempt, sync_date
        from inode_pipeline.warehouse.engine import open_warehouse

        settings = Settings.load()
        today = datetime.now(settings.zone).date()
        with open_warehouse(settings) as warehouse, output.progress() as listen:
            run.watch(warehouse)
            receipts = sync_date(
                settings,
                warehouse,
                LINKS,
                day.date() if day else today,
                today=today,
                attempt=Attempt(run.id, "person"),
                allow_shrink=allow_shrink,
                listen=listen,
            )
            not_known = unanswerable_questions(warehouse, settings)
    from inode_pipeline.warehouse.receipt import sum_of

    if as_json:
        click.echo(json.dumps(sum_of(receipts).as_json()))
        return
    output.print_receipts(receipts, settings.zone, not_known)


@click.command(short_help="Load landed dates again, without the API.")
@click.option("--from", "first", type=DAY, required=True, help="The first date.")
@click.option("--to", "last", type=DAY, required=True, help="The last date (inclusive).")
@click.option("--json", "as_json", is_flag=True, help="Print the receipts as a JSON list, one per walk.")
def replay(first: datetime, last: datetime, as_json: bool) -> None:
    """Load every landed walk of these dates again, in order, without the API or credentials.

    Each walk is one transaction. An older walk never overwrites rows that a newer one has written.
    """
    from inode_pipeline.analysis.receipts import many

    with GuardedRun() as run:
        from inode_pipeline import sync
        from inode_pipeline.config import LocalSettings
        from inode_pipeline.endpoints.links import LINKS
        from inode_pipeline.warehouse.engine import open_warehouse

        if first > last:
            raise ConfigError(f"--from {first:%Y-%m-%d} is after --to {last:%Y-%m-%d}.", remedy="Swap them.")
        settings = LocalSettings.load()
        with open_warehouse(settings) as warehouse, output.progress() as listen:
            run.watch(warehouse)
            receipts = sync.replay(
                settings,
                warehouse,
                LINKS,
                first.date(),
                last.date(),
                attempt=sync.Attempt(run.id, "replay"),
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
    click.echo(f"{many(len(receipts), 'walk')} loaded again.")
