"""The questions of `sql/queries`: what there is to ask, with which parameters, and the answer.

One file a question: its first line is the question, then a line for each parameter, then one SELECT from the views.
Under a parameter may stand the SELECT of its default. It is asked first, so that the database knows the month before it
plans and reads that month only; for the same reason a line whose parameter is absent is left out of the SELECT.
Values are bound, never pasted into the SQL. Keep out: how an answer is shown (`answers.py`, the command).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

from inode_pipeline.errors import ConfigError
from inode_pipeline.warehouse.dictionary import Entry, entries
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.migrate import sql_folder
from inode_pipeline.warehouse.types import utc_time

_PARAMETER = re.compile(r"^-- :(\w+) \((text|number|date|month)\) (.+)(?:\n--   (SELECT .+))?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One thing a query may be told; `kind` is text, number, date or month.

    `default` is the SELECT of what it is without being told; None where the query then does without it.
    """

    name: str
    kind: str
    description: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """One question and the SELECT that answers it, with a line of its own for each condition that may be left out."""

    name: str
    question: str
    parameters: tuple[Parameter, ...]
    select: str

    def select_with(self, values: Mapping[str, object]) -> str:
        """The SELECT without the lines whose parameters are absent from the values."""
        absent = [parameter.name for parameter in self.parameters if parameter.name not in values]
        lines = self.select.splitlines()
        return "\n".join(line for line in lines if not any(re.search(rf":{name}\b", line) for name in absent))


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a query. Times are aware where they are UTC and naive where they are local; absent is None."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]

    def values(self, column: str) -> list[object]:
        """What stands in a column where it is not absent; empty if there is no such column."""
        if column not in self.columns:
            return []
        place = self.columns.index(column)
        return [row[place] for row in self.rows if row[place] is not None]

    def records(self) -> list[dict[str, Any]]:
        """The rows by the names of their columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@functools.cache
def all_queries() -> Mapping[str, Query]:
    """Every query by its name, in alphabetical order."""
    files = sorted((sql_folder() / "queries").glob("*.sql"))
    return {file.stem: _read(file.stem, file.read_text(encoding="utf-8")) for file in files}


def named_query(name: str) -> Query:
    """The query of that name.

    Raises:
        ConfigError: there is none.

    """
    if name not in all_queries():
        raise ConfigError(f"There is no query {name[:60]!r}.", remedy="`inode-pipeline query` lists them.")
    return all_queries()[name]


def ask(warehouse: Warehouse, query: Query, given: Mapping[str, str]) -> Answer:
    """Run a query with what was given on the command line; writes nothing.

    Raises:
        ConfigError: a parameter that the query does not have, or a value that is not of its kind.
        NotMigratedError: the views are missing.

    """
    parameter_values(query, given)  # what is wrong with it is told before the warehouse is asked
    with reading(warehouse) as connection:
        return ask_within(connection, warehouse, query, given)


def ask_within(connection: Connection, warehouse: Warehouse, query: Query, given: Mapping[str, str]) -> Answer:
    """Run a query in a transaction of this warehouse, so that several answers see one state."""
    values = parameter_values(query, given)
    if not warehouse.is_postgresql:
        values = {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}
    for parameter in query.parameters:
        if parameter.name not in values and parameter.default is not None:
            values[parameter.name] = connection.scalar(text(parameter.default))
    result = connection.execute(text(query.select_with(values)), values)
    columns = tuple(result.keys())
    readers = [_reader(column) for column in columns]
    rows = tuple(tuple(read(value) for read, value in zip(readers, row, strict=True)) for row in result)
    return Answer(columns, rows)


def parameter_values(query: Query, given: Mapping[str, str]) -> dict[str, object]:
    """The value of each parameter that is given."""
    known = {parameter.name: parameter for parameter in query.parameters}
    if unknown := sorted(given.keys() - known.keys()):
        names = ", ".join(known) or "none"
        raise ConfigError(
            f"The query {query.name} has no parameter {unknown[0][:60]!r}.", remedy=f"It has these: {names}."
        )
    return {name: _value(known[name], value) for name, value in given.items()}


def view_entries() -> dict[tuple[str, str], Entry]:
    """What the views say of themselves and of their columns, by relation and column; an empty column is the view."""
    said = entries(sql_folder() / "views")
    return {(entry.relation, entry.column_name): entry for entry in said if entry.kind == "view"}


def _read(name: str, sql: str) -> Query:
    lines = sql.splitlines()
    parameters = tuple(Parameter(*found.groups()) for found in _PARAMETER.finditer(sql))
    select = "\n".join(line for line in lines if not line.startswith("--"))
    return Query(name, lines[0].removeprefix("-- "), parameters, select)


def _value(parameter: Parameter, given: str) -> object:
    readers: dict[str, Callable[[str], object]] = {
        "text": str,
        "number": lambda value: int(value) if re.fullmatch(r"-?\d{1,15}", value) else float(value),
        "date": date.fromisoformat,
        "month": lambda value: date.fromisoformat(f"{value}-01").strftime("%Y-%m"),
    }
    try:
        return readers[parameter.kind](given)
    except ValueError:
        raise ConfigError(
            f"--param {parameter.name}={given[:60]!r} is not a {parameter.kind}.",
            remedy={"number": "Give a number.", "date": "Give one as 2026-10-31.", "month": "Give one as 2026-10."}[
                parameter.kind
            ],
        ) from None


def _reader(column: str) -> Callable[[object], object]:
    """SQLite keeps times and dates as text and truth as a number; this makes of them what PostgreSQL gives."""
    return _READERS.get(_types().get(column, ""), lambda value: value)


def _utc(value: object) -> object:
    return utc_time(value) if isinstance(value, str) else value


def _local(value: object) -> object:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _date(value: object) -> object:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _truth(value: object) -> object:
    return bool(value) if isinstance(value, int) else value


_READERS: dict[str, Callable[[object], object]] = {
    "timestamp": _utc,
    "local timestamp": _local,
    "date": _date,
    "boolean": _truth,
}


@functools.cache
def _types() -> Mapping[str, str]:
    """The type of each column, which is the same in every view that has it."""
    return {entry.column_name: entry.type for entry in view_entries().values() if entry.column_name}
