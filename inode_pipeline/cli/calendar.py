"""`calendar fill`: enter the dates of a range with the holidays of INODE_HOLIDAYS."""

from __future__ import annotations

from datetime import datetime

import click

from inode_pipeline.cli import failure
from inode_pipeline.errors import ConfigError

DAY = click.DateTime(["%Y-%m-%d"])


@click.group(short_help="Fill the calendar with holidays.")
def calendar() -> None:
    """Fill the table calendar with the public holidays of INODE_HOLIDAYS.

    Every sync does so for the years from the first load to the end of next year; other years are for `fill`.
    """


@calendar.command(params=[failure.debug_option()])
@click.option("--from", "first", type=DAY, required=True, help="The first date.")
@click.option("--to", "last", type=DAY, required=True, help="The last date, which is included.")
@click.option("--replace", is_flag=True, help="Also rewrite what is there, after INODE_HOLIDAYS was changed.")
def fill(first: datetime, last: datetime, replace: bool) -> None:
    """Enter each date that is not there yet; what people entered or changed stays unless --replace is given.

    --replace says again whether a date is a holiday and what it is called, never whether it is excluded.
    """
    from inode_pipeline.config import LocalSettings
    from inode_pipeline.warehouse.calendar import fill_calendar
    from inode_pipeline.warehouse.engine import open_warehouse
    from inode_pipeline.warehouse.migrate import require_migrated

    if first > last:
        raise ConfigError(f"--from {first:%Y-%m-%d} is after --to {last:%Y-%m-%d}.", remedy="Swap them.")
    settings = LocalSettings.load()
    if settings.holidays is None:
        raise ConfigError(
            "INODE_HOLIDAYS is missing: whose public holidays the calendar holds.",
            remedy="Set it to a country with a province or state, such as CA-ON or US-OH.",
        )
    with open_warehouse(settings) as warehouse:
        require_migrated(warehouse)
        written = fill_calendar(warehouse, settings.holidays, first.date(), last.date(), replace=replace)
    click.echo(f"{written} date{'s'[: written != 1]} written, with the holidays of {settings.holidays}.")
