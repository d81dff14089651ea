"""`query`: the questions that the warehouse can answer, and their answers."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inode_pipeline.cli.output import clean
from inode_pipeline.errors import ConfigError, NotMigratedError

if TYPE_CHECKING:
    from inode_pipeline.analysis.query import Answer, Query
    from inode_pipeline.config import LocalSettings

FORMATS = ("table", "csv", "json", "xlsx")


@click.command(short_help="Answer one of the analyst's questions.")
@click.argument("name", required=False)
@click.option("--param", "given", multiple=True, metavar="NAME=VALUE", help="Set a parameter of the query; repeatable.")
@click.option("--format", "kind", type=click.Choice(FORMATS), default="table", help="How to print the answer.")
@click.option("--units", type=click.Choice(["metric", "us"]), help="Kilometres or miles; else INODE_DISPLAY_UNITS.")
@click.option("--cite", is_flag=True, help="Add the paragraph to paste into a report: what the numbers rest on.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
def query(
    name: str | None, given: tuple[str, ...], kind: str, units: str | None, *, cite: bool, output: Path | None
) -> None:
    """Answer one of the analyst's questions; without a NAME, list them.

    Reads the warehouse only: no credentials, nothing is written. With csv, json and a terminal, what --cite adds goes
    to standard error; in an Excel file it is a sheet of its own.
    """
    from inode_pipeline.analysis.query import all_queries, named_query
    from inode_pipeline.config import LocalSettings

    if name is None:
        click.echo(_listed(all_queries().values()))
        return
    chosen = named_query(name)
    values = _values(given)
    settings = LocalSettings.load()
    require_file(settings)
    answer, cited = _ask(settings, chosen, values, cite=cite)
    if (units or settings.display_units) == "us":
        from inode_pipeline.analysis.answers import in_us_units

        answer = in_us_units(answer)
    _write(_rendered(answer, kind, cited), output)
    if cited and kind != "xlsx":
        click.echo(clean(cited), err=kind != "table" or output is not None)


def _listed(queries: Iterable[Query]) -> str:
    lines = []
    for one in queries:
        lines.append(f"{click.style(one.name, bold=True)}: {one.question}")
        lines += [f"    {parameter.name}: {parameter.description}" for parameter in one.parameters]
    return "\n".join(lines)


def _values(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in given]
    if wrong := [name for name, sign, _ in pairs if not sign or not name]:
        raise ConfigError(f"--param {wrong[0][:60]!r} has no value.", remedy="Write it as --param month=2026-10.")
    return {name: value for name, _, value in pairs}


def require_file(settings: LocalSettings) -> None:
    """A question makes no SQLite file."""
    url = settings.warehouse_url
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise NotMigratedError(
            f"There is no file {url.database} yet.",
            remedy="`inode-pipeline sync` makes it, or set INODE_WAREHOUSE_URL.",
        )


def _ask(settings: LocalSettings, chosen: Query, values: dict[str, str], *, cite: bool) -> tuple[Answer, str | None]:
    from inode_pipeline.analysis.citation import citation
    from inode_pipeline.analysis.query import ask
    from inode_pipeline.warehouse.engine import open_warehouse

    with open_warehouse(settings) as warehouse:
        answer = ask(warehouse, chosen, values)
        return answer, citation(warehouse, chosen, answer) if cite else None


def _rendered(answer: Answer, kind: str, cited: str | None) -> bytes:
    from inode_pipeline.analysis.answers import as_csv, as_json, as_xlsx

    if kind == "xlsx":
        return as_xlsx(answer, cited)
    if kind == "csv":
        return as_csv(answer).encode()
    return (as_json(answer) if kind == "json" else as_table(answer)).encode() + b"\n"


def as_table(answer: Answer) -> str:
    """The rows under each other, numbers to the right; as wide as it must be, since a cut number is a wrong one."""
    cells = [[_cell(value) for value in row] for row in answer.rows]
    widths = [max([len(column), *(len(row[n]) for row in cells)]) for n, column in enumerate(answer.columns)]
    is_number = [any(isinstance(value, int | float) for value in answer.values(column)) for column in answer.columns]
    lines = [answer.columns, *cells]
    told = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, is_number, strict=True)
        ).rstrip()
        for line in lines
    ]
    return "\n".join(told if cells else [*told, "(no rows)"])


def _cell(value: object) -> str:
    from inode_pipeline.analysis.answers import shown

    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.2f}" if isinstance(value, float) else clean(str(shown(value)))


def _write(content: bytes, output: Path | None) -> None:
    if output is not None:
        try:
            output.write_bytes(content)
        except OSError as problem:
            raise ConfigError(
                f"--output {str(output)!r} cannot be written: {type(problem).__name__}.", remedy="Name another file."
            ) from None
    elif content.startswith(b"PK") and sys.stdout.isatty():
        raise ConfigError("An Excel file is no text for a terminal.", remedy="Add --output FILE.xlsx.")
    else:
        click.echo(content, nl=False)
