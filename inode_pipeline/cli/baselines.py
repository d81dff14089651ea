"""`baselines freeze`: add a version of the free-flow travel times that indices divide by."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

import click

from inode_pipeline.cli import failure

if TYPE_CHECKING:
    from inode_pipeline.analysis.baselines import Method

DAY = click.DateTime(["%Y-%m-%d"])
METHODS = ("configured", "p85_offpeak_speed")


@click.group(short_help="Freeze the free-flow travel times that indices divide by.")
def baselines() -> None:
    """Keep the free-flow travel times that indices divide by, so that a published index stays what it was.

    Every sync freezes what iNode says of a link that has no baseline yet. A version is added and never changed.
    """


@baselines.command(params=[failure.debug_option()])
@click.option("--method", type=click.Choice(METHODS), required=True, help="What iNode says, or what was measured.")
@click.option("--from", "first", type=DAY, help="The first date of the measurements; 91 days if left out.")
@click.option("--to", "last", type=DAY, help="The last date, which is included; the last whole one if left out.")
def freeze(method: str, first: datetime | None, last: datetime | None) -> None:
    """Add a version of one method's baselines.

    configured: the free-flow travel time that iNode has for each link now. p85_offpeak_speed: length over the 85th
    percentile of the off-peak speeds that were measured (FHWA Urban Congestion Report: weekdays 09-16 and 19-22,
    weekends 06-22, local time), for links with measurements on enough days.
    """
    from inode_pipeline.analysis import baselines
    from inode_pipeline.config import LocalSettings
    from inode_pipeline.warehouse.engine import open_warehouse
    from inode_pipeline.warehouse.migrate import require_migrated

    with open_warehouse(LocalSettings.load()) as warehouse:
        require_migrated(warehouse)
        frozen = baselines.freeze(warehouse, cast("Method", method), first and first.date(), last and last.date())
    click.echo(f"{frozen.method} version {frozen.version}: {frozen.links} link{'s'[: frozen.links != 1]}.")
    if frozen.too_few_days:
        click.echo(f"Left out for want of days with measurements: {frozen.too_few_days}.")
    if frozen.changed_configuration:
        click.echo(f"Left out because their length or sensors changed in those dates: {frozen.changed_configuration}.")
