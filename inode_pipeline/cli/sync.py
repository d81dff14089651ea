"""`sync`: bring one date into the tables, by default today."""

from __future__ import annotations

import json
from datetime import datetime

import click

from inode_pipeline.cli.failure import Aftermath


@click.command(short_help="Fetch today's links, or load a landed date again.")
@click.option(
    "--date",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The snapshot's date in INODE_TIMEZONE, by default today. An earlier one is loaded again from its pages.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the receipt as one JSON object.")
@click.option("--allow-shrink", is_flag=True, help="Allow that more links than INODE_MAX_SHRINK_FRACTION are missing.")
def sync(day: datetime | None, as_json: bool, allow_shrink: bool) -> None:
    """Fetch today's links and bring them into the warehouse; or load an earlier date again, without the API.

    The tables are changed in one transaction: all of it, or nothing if anything is wrong.
    """
    with Aftermath() as aftermath:
        from inode_pipeline.analysis.sampling import what_is_not_known
        from inode_pipeline.cli import progress
        from inode_pipeline.config import Settings
        from inode_pipeline.endpoints.links import LINKS
        from inode_pipeline.sync import Attempt, sync_date
        from inode_pipeline.warehouse.engine import open_warehouse

        settings = Settings.load()
        today = datetime.now(settings.zone).date()
        with open_warehouse(settings) as warehouse, progress.shown() as listen:
            aftermath.watch(warehouse)
            receipts = sync_date(
                settings,
                warehouse,
                LINKS,
                day.date() if day else today,
                today=today,
                attempt=Attempt(aftermath.run_id, "person"),
                allow_shrink=allow_shrink,
                listen=listen,
            )
            not_known = what_is_not_known(warehouse, settings)
    from inode_pipeline.cli.receipt import print_receipts
    from inode_pipeline.warehouse.receipt import sum_of

    if as_json:
        click.echo(json.dumps(sum_of(receipts).as_json()))
        return
    print_receipts(receipts, settings.zone, not_known)
