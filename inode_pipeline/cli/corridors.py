"""`corridors import`: put the corridors of a CSV file into the warehouse."""

from __future__ import annotations

from pathlib import Path

import click

from inode_pipeline.cli import failure


@click.group(short_help="Import corridors from a CSV file.")
def corridors() -> None:
    """Say which links make a corridor, in the order in which they are driven."""


@corridors.command("import", params=[failure.debug_option()])
@click.argument("file", metavar="FILE.csv", type=click.Path(path_type=Path))
def import_file(file: Path) -> None:
    """Import a CSV file in UTF-8 whose first line is corridor_id,name,direction,position,link_id,valid_from,valid_to.

    A row puts a link at a position (from 1, in the direction of travel) of a corridor, from valid_from until before
    valid_to, which is empty while it holds. The file says everything about the corridors it names: what was stored of
    them is replaced. If a row is wrong, each wrong row is named and nothing is written.
    """
    from inode_pipeline.analysis.corridors import import_corridors
    from inode_pipeline.config import LocalSettings
    from inode_pipeline.warehouse.engine import open_warehouse
    from inode_pipeline.warehouse.migrate import require_migrated

    with open_warehouse(LocalSettings.load()) as warehouse:
        require_migrated(warehouse)
        done = import_corridors(warehouse, file)
    corridor, link = f"corridor{'s'[: done.corridors != 1]}", f"link{'s'[: done.links != 1]}"
    click.echo(f"{done.corridors} {corridor} with {done.links} {link} imported.")
