"""`report`: write an HTML file about the network, a link or a corridor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from inode_pipeline.errors import ConfigError

if TYPE_CHECKING:
    from inode_pipeline.analysis.report.place import Kind


@click.command(short_help="Write one HTML file about the network, a link or a corridor.")
@click.option("--link", "link_id", metavar="ID", help="Report on one link.")
@click.option("--corridor", "corridor_id", metavar="ID", help="Report on one corridor.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="The file, by default data/network_report.html."
)
@click.option(
    "--units", type=click.Choice(["metric", "us"]), help="Metric or US units; by default INODE_DISPLAY_UNITS."
)
def report(
    link_id: str | None, corridor_id: str | None, output: Path | None, units: Literal["metric", "us"] | None
) -> None:
    """Write a report that opens in any browser, also offline: a map, the worst links, and what changed.

    With --link or --corridor it has a map, the last days, the week as a heat map, and the reliability by month.
    Only reads the warehouse; needs no credentials. Prints the path of the file.
    """
    from inode_pipeline.analysis.report import write_report
    from inode_pipeline.analysis.status import open_existing
    from inode_pipeline.config import LocalSettings

    if link_id and corridor_id:
        raise ConfigError("--link and --corridor were both given.", remedy="Give only one of them.")
    place: tuple[Kind, str] | None = (
        ("link", link_id) if link_id else ("corridor", corridor_id) if corridor_id else None
    )
    settings = LocalSettings.load()
    with open_existing(settings) as warehouse:
        written = write_report(warehouse, settings, output, units, place)
    click.echo(f"The report is in {written.path} ({written.size_bytes / 1e6:.1f} MB).")
