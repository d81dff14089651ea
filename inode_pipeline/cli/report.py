"""`report`: one HTML file about the whole network, for people who ask no database."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click


@click.command(short_help="Write one HTML file about the whole network.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="The file, by default data/network_report.html."
)
@click.option("--units", type=click.Choice(["metric", "us"]), help="Kilometres or miles; else INODE_DISPLAY_UNITS.")
def report(output: Path | None, units: Literal["metric", "us"] | None) -> None:
    """Write a report that opens in any browser without the internet: the map, the worst links, what changed.

    Reads the warehouse only: no credentials, and nothing is written but the file, whose place is printed.
    """
    from inode_pipeline.analysis.report.file import DEFAULT, write_report
    from inode_pipeline.cli.query import require_file
    from inode_pipeline.config import LocalSettings
    from inode_pipeline.warehouse.engine import open_warehouse

    settings = LocalSettings.load()
    require_file(settings)
    with open_warehouse(settings) as warehouse:
        written = write_report(warehouse, settings, output or DEFAULT, units)
    click.echo(f"The report is in {written.path} ({written.size_bytes / 1e6:.1f} MB).")
