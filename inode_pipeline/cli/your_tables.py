"""The commands that fill the analyst's own tables: `corridors import`, `calendar fill`, `baselines freeze`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from inode_pipeline.cli import failure
from inode_pipeline.cli.output import DAY
from inode_pipeline.errors import ConfigError

if TYPE_CHECKING:
    from inode_pipeline.analysis.baselines import Method

METHODS = ("configured", "p85_offpeak_speed")


@click.group(short_help="Import corridors from a CSV file.")
def corridors() -> None:
    """Define corridors as ordered lists of links."""


@corridors.command("import", params=[failure.debug_option()])
@click.argument("file", metavar="FILE.csv", type=click.Path(path_type=Path))
def import_file(file: Path) -> None:
    """Import a CSV file in UTF-8 whose first line is corridor_id,name,direction,position,link_id,valid_from,valid_to.

    Each row places a link at a position (from 1, in the direction of travel) of a corridor, from valid_from until the
    day before valid_to, which is empty for the present. The import replaces all rows of the corridors named in the
    file. If any row is wrong, nothing is written and each wrong row is listed.
    """
    from inode_pipeline.analysis.corridors import import_corridors
    from inode_pipeline.analysis.receipts import many
    from inode_pipeline.config import LocalSettings
    from inode_pipeline.warehouse.engine import open_warehouse
    from inode_pipeline.warehouse.migrate import require_migrated

    with open_warehouse(LocalSettings.load()) as warehouse:
        require_migrated(warehouse)
        done = import_corridors(warehouse, file)
    click.echo(f"{many(done.corridors, 'corridor')} with {many(done.links, 'link')} imported.")


@click.group(short_help="Fill the calendar with holidays.")
def calendar() -> None:
    """Fill the table calendar with the public holidays of INODE_HOLIDAYS.

    Every sync does this for the years from the first load to the end of next year; use `fill` for other years.
    """


@calendar.command(params=[failure.debug_option()])
@click.option("--from", "first", type=DAY, required=True, help="The first date.")
@click.option("--to", "last", type=DAY, required=True, help="The last date (inclusive).")
@click.option("--replace", is_flag=True, help="Also update existing dates, after a change of INODE_HOLIDAYS.")
def fill(first: datetime, last: datetime, replace: bool) -> None:
    """Add the dates that are missing; existing dates are kept unless --replace is given.

    --replace updates whether a date is a holiday and its name, never whether it is excluded.
    """
    from inode_pipeline.analysis.receipts import many
    from inode_pipeline.config import LocalSettings
    from inode_pipeline.warehouse.calendar import fill_calendar
    from inode_pipeline.warehouse.engine import open_warehouse
    from inode_pipeline.warehouse.migrate import require_migrated

    if first > last:
        raise ConfigError(f"--from {first:%Y-%m-%d} is after --to {last:%Y-%m-%d}.", remedy="Swap them.")
    settings = LocalSettings.load()
    if settings.holidays is None:
        raise ConfigError(
            "INODE_HOLIDAYS is missing: the country or region whose public holidays to use.",
            remedy="Set it to a country with a province or state, such as CA-ON or US-OH.",
        )
    with open_warehouse(settings) as warehouse:
        require_migrated(warehouse)
        written = fill_calendar(warehouse, settings.holidays, first.date(), last.date(), replace=replace)
    click.echo(f"{many(written, 'date')} written, with the holidays of {settings.holidays}.")


@click.group(short_help="Freeze the free-flow travel times that indices divide by.")
def baselines() -> None:
    """Freeze the free-flow travel times that indices divide by, so that published indices do not change.

    Every sync freezes iNode's free-flow time of each link without a baseline. Versions are added, never changed.
    """


@baselines.command(params=[failure.debug_option()])
@click.option("--method", type=click.Choice(METHODS), required=True, help="As configured in iNode, or as measured.")
@click.option("--from", "first", type=DAY, help="The first date of the measurements; by default 91 days.")
@click.option("--to", "last", type=DAY, help="The last date (inclusive); by default the last whole day.")
def freeze(method: str, first: datetime | None, last: datetime | None) -> None:
    """Add a version of one method's baselines.

    configured: the free-flow travel time of each link as now configured in iNode. p85_offpeak_speed: length divided by
    the 85th percentile of the measured off-peak speeds (FHWA Urban Congestion Report: weekdays 09-16 and 19-22,
    weekends 06-22, local time), for links with measurements on enough days.
    """
    from inode_pipeline.analysis import baselines
    from inode_pipeline.analysis.receipts import many
    from inode_pipeline.config import LocalSettings
    from inode_pipeline.warehouse.engine import open_warehouse
    from inode_pipeline.warehouse.migrate import require_migrated

    with open_warehouse(LocalSettings.load()) as warehouse:
        require_migrated(warehouse)
        frozen = baselines.freeze(warehouse, cast("Method", method), first and first.date(), last and last.date())
    click.echo(f"{frozen.method} version {frozen.version}: {many(frozen.links, 'link')}.")
    if frozen.too_few_days:
        click.echo(f"Left out because measured on too few days: {frozen.too_few_days}.")
    if frozen.changed_configuration:
        click.echo(f"Left out because their length or sensors changed in those dates: {frozen.changed_configuration}.")
