"""`inspect`: show the fields of the API's records and the column that each one fills."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inode_pipeline.errors import ConfigError
from inode_pipeline.text import visible

if TYPE_CHECKING:
    from inode_pipeline.analysis.inspect import FieldRow
    from inode_pipeline.endpoints.endpoint import Endpoint


@click.command(short_help="Show the fields of one page and the columns they fill.")
@click.option("--write", "file", type=click.Path(path_type=Path), help="Write a field map to start from to a new file.")
@click.option("--walk", "walk_id", help="Read the first page of this landed walk instead of calling the API.")
def inspect(file: Path | None, walk_id: str | None) -> None:
    """Show each field of the first page: its path, types, share of nulls, and the column it fills or "extra".

    The API's JSON format is not published: compare the fields with what iNode shows, and correct them in a field map.
    Never shows a value of a record; writes nothing to the warehouse.
    """
    from inode_pipeline.analysis.inspect import inspect_page, starting_map

    if file is not None and file.exists():
        raise ConfigError(f"{file} already exists and was kept.", remedy="Name a new file, or move that one away.")
    endpoint, records = _landed(walk_id) if walk_id else _fetched()
    if not records:
        click.echo("The first page has no records.")
        return
    _print(inspect_page(endpoint, records), endpoint, len(records))
    if file is not None:
        _write(file, starting_map(endpoint, records))
        click.echo(f"Written: {file.absolute()}. Correct it, then set INODE_FIELD_MAP_FILE={file}")


def _fetched() -> tuple[Endpoint, Sequence[object]]:
    from inode_pipeline.api.client import INodeClient
    from inode_pipeline.config import Settings
    from inode_pipeline.endpoints.links import LINKS

    settings = Settings.load()
    with INodeClient(settings, purpose="inspect") as client:
        page = next(client.pages(LINKS.path))
    return settings.endpoint(LINKS), page.answer.records


def _landed(walk_id: str) -> tuple[Endpoint, Sequence[object]]:
    from inode_pipeline.api.answer import read_answer
    from inode_pipeline.config import LocalSettings
    from inode_pipeline.endpoints.links import LINKS
    from inode_pipeline.warehouse import landing
    from inode_pipeline.warehouse.engine import open_warehouse
    from inode_pipeline.warehouse.walks import walk_by_id

    settings = LocalSettings.load()
    with open_warehouse(settings, read_only=True) as warehouse:
        walk = walk_by_id(warehouse, walk_id)
        if walk is None:
            raise ConfigError("There is no landed walk with this id.", remedy="The table `walks` lists them.")
        page = next(iter(landing.pages(warehouse, walk)))
    return settings.endpoint(LINKS), read_answer(page.body).records


def _print(rows: list[FieldRow], endpoint: Endpoint, count: int) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("field", "types", "null", "column", box=box.SIMPLE, title=f"{endpoint.path}: {count} records")
    for row in rows:
        table.add_row(Text(visible(row.path)), Text(", ".join(row.types)), f"{row.null_share:.0%}", Text(row.column))
    Console().print(table)
    fed = {row.column for row in rows}
    if empty := [column.name for column in endpoint.columns if column.kind != "rest" and column.name not in fed]:
        click.echo(f"Columns without a field: {', '.join(empty)}")


def _write(file: Path, text: str) -> None:
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with open(handle, "w", encoding="utf-8") as opened:  # noqa: PTH123 - must not replace a file created meanwhile
            opened.write(text)
    except OSError as problem:
        raise ConfigError(f"{file} cannot be written: {problem.strerror}.", remedy="Name another file.") from problem
