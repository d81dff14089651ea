"""`query`: list the queries of `sql/queries`, or run one."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inode_pipeline.errors import ConfigError
from inode_pipeline.text import visible_lines

if TYPE_CHECKING:
    from inode_pipeline.analysis.query import Answer, Query
    from inode_pipeline.config import LocalSettings

FORMATS = ("table", "csv", "json", "xlsx", "parquet", "geojson")
BINARY = ("xlsx", "parquet")


@click.command(short_help="Run one of the analyst's queries.")
@click.argument("name", required=False)
@click.option("--param", "given", multiple=True, metavar="NAME=VALUE", help="Set a parameter of the query; repeatable.")
@click.option("--format", "kind", type=click.Choice(FORMATS), default="table", help="The format of the answer.")
@click.option("--for-excel", is_flag=True, help="Add a byte order mark to a CSV file, so that Excel reads it as UTF-8.")
@click.option(
    "--units", type=click.Choice(["metric", "us"]), help="Metric or US units; by default INODE_DISPLAY_UNITS."
)
@click.option("--cite", is_flag=True, help="Add a paragraph to paste into a report: the data behind the numbers.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
def query(
    name: str | None,
    given: tuple[str, ...],
    kind: str,
    units: str | None,
    output: Path | None,
    *,
    for_excel: bool,
    cite: bool,
) -> None:
    """Run one of the analyst's queries; without a NAME, list them.

    Only reads the warehouse; needs no credentials. With csv, json and geojson, the paragraph of --cite goes to standard
    error; in an Excel file, to a separate sheet.
    """
    from inode_pipeline.analysis.query import all_queries, named_query
    from inode_pipeline.config import LocalSettings

    if name is None:
        click.echo(_listed(all_queries().values()))
        return
    if for_excel and kind != "csv":
        raise ConfigError(f"--for-excel is for --format csv, not {kind}.", remedy="Add --format csv, or use xlsx.")
    chosen = named_query(name)
    values = _values(given)
    settings = LocalSettings.load()
    content, cited, note = _ask(settings, chosen, values, units or settings.display_units, kind, cite=cite)
    _write((b"\xef\xbb\xbf" if for_excel else b"") + content, kind, output)
    if cited and kind != "xlsx":
        click.echo(textwrap.fill(visible_lines(cited), _width() or 10_000), err=kind != "table" or output is not None)
    if note:
        click.echo(note, err=True)


def _listed(queries: Iterable[Query]) -> str:
    from inode_pipeline.analysis.days import OWN_DAYS

    lines = []
    for one in queries:
        lines += _wrapped(f"{one.name}: {one.question}", "")
        own = [name for name, _, _ in OWN_DAYS] if one.takes_days else []
        for parameter in one.parameters:
            if parameter.name not in own:
                lines += _wrapped(f"{parameter.name}: {parameter.description}", "    ")
        if own:
            lines += _wrapped("from, to, weekdays: a range of days instead of a month; weekdays=tue-thu", "    ")
    return "\n".join(lines)


def _wrapped(line: str, indent: str) -> list[str]:
    return textwrap.wrap(line, _width() or 10_000, initial_indent=indent, subsequent_indent=f"{indent}    ")


def _values(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in given]
    if wrong := [name for name, sign, _ in pairs if not sign or not name]:
        raise ConfigError(f"--param {wrong[0][:60]!r} has no value.", remedy="Write it as --param month=2026-10.")
    return {name: value for name, _, value in pairs}


def _ask(
    settings: LocalSettings, chosen: Query, values: dict[str, str], units: str, kind: str, *, cite: bool
) -> tuple[bytes, str | None, str | None]:
    """The formatted answer, the citation if wanted, and a note if there are no rows; read in one transaction."""
    from inode_pipeline.analysis.answers import in_us_units, link_geometries
    from inode_pipeline.analysis.citation import citation
    from inode_pipeline.analysis.query import ask_within, parameter_values, why_empty
    from inode_pipeline.analysis.status import open_existing
    from inode_pipeline.warehouse.engine import reading

    parameter_values(chosen, values)  # reports a wrong parameter before the warehouse is opened
    with open_existing(settings) as warehouse, reading(warehouse) as connection:
        answer = ask_within(connection, warehouse, chosen, values)
        shown = in_us_units(answer) if units == "us" else answer
        cited = citation(connection, warehouse, chosen, answer, shown.columns) if cite else None
        content = _rendered(shown, kind, cited, lambda: link_geometries(connection, chosen, answer))
        note = None if answer.rows else why_empty(connection, chosen, answer)
    return content, cited, note


def _rendered(answer: Answer, kind: str, cited: str | None, lines: Callable[[], Mapping[str, object]]) -> bytes:
    from inode_pipeline.analysis import answers

    if kind == "xlsx":
        return answers.as_xlsx(answer, cited)
    if kind == "parquet":
        return answers.as_parquet(answer)
    if kind == "csv":
        return answers.as_csv(answer).encode()
    texts = {
        "table": lambda: as_table(answer, _width()),
        "json": lambda: answers.as_json(answer),
        "geojson": lambda: answers.as_geojson(answer, lines()),
    }
    return texts[kind]().encode() + b"\n"


def as_table(answer: Answer, width: int = 0) -> str:
    """A table with numbers aligned to the right; if it is wider than the terminal, a block of lines for each row.

    Numbers are never truncated. Width 0 means no limit.
    """
    cells = [[_cell(value) for value in row] for row in answer.rows]
    widths = [max([len(column), *(len(row[n]) for row in cells)]) for n, column in enumerate(answer.columns)]
    if width and cells and sum(widths) + 2 * (len(widths) - 1) > width:
        return "\n\n".join(_block(answer.columns, row, width) for row in cells)
    is_number = [any(isinstance(value, int | float) for value in answer.values(column)) for column in answer.columns]
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, is_number, strict=True)
        ).rstrip()
        for line in (answer.columns, *cells)
    ]
    return "\n".join(lines if cells else [*lines, "(no rows)"])


def _block(columns: Sequence[str], row: Sequence[str], width: int) -> str:
    margin = max(map(len, columns)) + 2
    return "\n".join(
        textwrap.fill(
            cell, max(width, margin + 20), initial_indent=column.ljust(margin), subsequent_indent=" " * margin
        )
        for column, cell in zip(columns, row, strict=True)
    )


def _cell(value: object) -> str:
    from inode_pipeline.analysis.answers import shown

    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.2f}" if isinstance(value, float) else visible_lines(shown(value))


def _width() -> int:
    """The width of the terminal; 0 if the output goes to a file or a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def _write(content: bytes, kind: str, output: Path | None) -> None:
    from inode_pipeline.analysis.answers import write_atomically

    if output is not None:
        try:
            write_atomically(output.expanduser().absolute(), content)
        except OSError as problem:
            raise ConfigError(
                f"--output {str(output)!r} cannot be written: {problem.strerror or type(problem).__name__}.",
                remedy="Name another file, or give this user the right to write there.",
            ) from None
    elif kind in BINARY and sys.stdout.isatty():
        raise ConfigError(
            f"The format {kind} is binary and cannot be printed on a terminal.", remedy=f"Add --output FILE.{kind}."
        )
    else:
        click.echo(content, nl=False)
