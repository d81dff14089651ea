"""Run the queries of `sql/queries`.

Each file has one query: its first line is the question, followed by a line for each parameter and a SELECT.

    -- Which links are worst?
    -- :period (text) the period; without it am_peak
    --   SELECT 'am_peak'

The SELECT under a parameter gives its default. It runs first, so that the database knows the month when it plans the
query and reads only that month. Lines of the SELECT that use a parameter without a value are left out. A parameter of
kind `days` is a month, or a range of days and weekdays (`days.py`). Values are bound, never pasted into the SQL.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, CursorResult, TextClause, bindparam, text

from inode_pipeline.analysis.days import OWN_DAYS, WEEKDAYS, over_days, weekday_numbers, with_days
from inode_pipeline.errors import ConfigError
from inode_pipeline.warehouse.dictionary import Entry, entries
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.migrate import sql_folder
from inode_pipeline.warehouse.types import utc_time

_PARAMETER = re.compile(
    r"^-- :(\w+) \((text|number|date|month|days|weekdays)(, needed)?\) (.+)(?:\n--   (SELECT .+))?$", re.MULTILINE
)
_CHOICES = {
    "by": "SELECT 'tti' UNION ALL SELECT 'delay_s' UNION ALL SELECT 'delay_s_per_km'",
    "corridor_id": "SELECT corridor_id FROM corridors ORDER BY corridor_id",
    "grain": "SELECT '15min' UNION ALL SELECT 'hour' UNION ALL SELECT 'day'",
    "link_id": "SELECT link_id FROM links ORDER BY link_id",
    "period": "SELECT DISTINCT period_name FROM time_periods ORDER BY period_name",
    "study_id": "SELECT study_id FROM studies ORDER BY study_id",
}
"""For each parameter with a fixed set of values, the SELECT of these values."""

PLANNING = "SET LOCAL enable_nestloop = off; SET LOCAL enable_bitmapscan = off; SET LOCAL work_mem = '64MB'"
"""Settings of PostgreSQL for a query.

PostgreSQL estimates that the calendar in a view has one row and joins it by nested loops, which take minutes. The
LATERAL subqueries with which the views read the bins of a link still use loops; each reads a few adjacent rows, for
which a bitmap scan costs more than it saves.
"""

_MONTHS_WITH_DATA = """
SELECT m.month FROM (
  SELECT month, min(starts_at) AS starts_at, max(ends_at) AS ends_at FROM internal_days GROUP BY month
) AS m
WHERE EXISTS (
  SELECT 1 FROM links AS l WHERE EXISTS (
    SELECT 1 FROM link_bins AS b
    WHERE b.link_id = l.link_id AND b.bin_start_at >= m.starts_at AND b.bin_start_at < m.ends_at
  )
)
ORDER BY m.month
"""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a query; `kind` is text, number, date, month or weekdays.

    `default` is a SELECT that computes the value if none is given; None if the parameter is optional.
    """

    name: str
    kind: str
    description: str
    default: str | None = None
    is_needed: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A question and the SELECT that answers it, with each optional condition on a separate line."""

    name: str
    question: str
    parameters: tuple[Parameter, ...]
    select: str
    takes_days: bool = False

    def select_with(self, values: Mapping[str, object]) -> str:
        """The SELECT without the lines whose parameters have no value."""
        absent = [parameter.name for parameter in self.parameters if parameter.name not in values]
        lines = self.select.splitlines()
        return "\n".join(line for line in lines if not any(re.search(rf":{name}\b", line) for name in absent))


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a query. UTC times are aware, local times are naive, NULL is None.

    `parameters` are the values that were used, defaults included.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    parameters: Mapping[str, object] = field(default_factory=dict, compare=False)

    def values(self, column: str) -> list[object]:
        """The values of a column that are not None; empty if there is no such column."""
        if column not in self.columns:
            return []
        place = self.columns.index(column)
        return [row[place] for row in self.rows if row[place] is not None]

    def records(self) -> list[dict[str, Any]]:
        """The rows as dicts."""
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
        near = difflib.get_close_matches(name, all_queries(), 3)
        meant = f"Did you mean {' or '.join(near)}? " if near else ""
        raise ConfigError(f"There is no query {name[:60]!r}.", remedy=f"{meant}`inode-pipeline query` lists them.")
    return all_queries()[name]


def ask(warehouse: Warehouse, query: Query, given: Mapping[str, str]) -> Answer:
    """Run a query with parameters as given on the command line; writes nothing.

    Raises:
        ConfigError: the query has no such parameter, or a value is invalid.
        NotMigratedError: the views are missing.

    """
    parameter_values(query, given)  # reports a wrong parameter before the warehouse is opened
    with reading(warehouse) as connection:
        return ask_within(connection, warehouse, query, given)


def ask_within(connection: Connection, warehouse: Warehouse, query: Query, given: Mapping[str, str]) -> Answer:
    """Run a query in an open transaction, so that several queries see the same state."""
    values = _with_defaults(connection, warehouse, query, parameter_values(query, given))
    result = _execute(connection, warehouse, query, values)
    columns = tuple(result.keys())
    readers = [_READERS.get(column_type(column), _unchanged) for column in columns]
    rows = tuple(tuple(read(value) for read, value in zip(readers, row, strict=True)) for row in result)
    return Answer(columns, rows, values)


def count_without_limit(connection: Connection, warehouse: Warehouse, query: Query, answer: Answer) -> int:
    """How many rows the answer would have without its parameter `limit`."""
    if answer.parameters.get("limit") != len(answer.rows):
        return len(answer.rows)
    lines = [line for line in query.select.splitlines() if ":limit" not in line]
    counting = replace(query, select="\n".join(lines))
    return int(_execute(connection, warehouse, counting, answer.parameters, is_counted=True).scalar_one())


def why_empty(connection: Connection, query: Query, answer: Answer) -> str | None:
    """Why an answer about a month has no rows, in a sentence; None for other queries."""
    month = answer.parameters.get("month")
    if not any(parameter.name == "month" for parameter in query.parameters) or month is None:
        return None
    months = list(connection.scalars(text(_MONTHS_WITH_DATA)))
    if not months:
        return f"There is no row for {month}: nothing was measured yet."
    if len(str(month)) == len("2026-10") and month not in months:
        return f"There is no measurement in {month}. These months have some: {', '.join(months)}."
    return f"There are measurements in {month}, but no row meets the conditions; the floors are in index_rules."


def parameter_values(query: Query, given: Mapping[str, str]) -> dict[str, object]:
    """The value of each parameter that is given; `link=7` is short for `link_id=7`."""
    known = {parameter.name: parameter for parameter in query.parameters}
    named = {name if name in known else _full(name, known): value for name, value in given.items()}
    if unknown := sorted(named.keys() - known.keys()):
        names = ", ".join(known) or "none"
        raise ConfigError(
            f"The query {query.name} has no parameter {unknown[0][:60]!r}.", remedy=f"Its parameters: {names}."
        )
    if missing := [name for name, parameter in known.items() if parameter.is_needed and name not in named]:
        raise ConfigError(
            f"The query {query.name} needs {missing[0]}: {known[missing[0]].description}.",
            remedy=f"Add --param {missing[0]}=VALUE.",
        )
    return {name: _value(known[name], value) for name, value in named.items()}


def view_entries() -> dict[tuple[str, str], Entry]:
    """The descriptions of the views and their columns, by view and column; that of a view has an empty column."""
    explained = entries(sql_folder() / "views")
    return {(entry.relation, entry.column_name): entry for entry in explained if entry.kind == "view"}


@functools.cache
def _types() -> Mapping[str, str]:
    return {entry.column_name: entry.type for entry in view_entries().values() if entry.column_name}


def column_type(column: str) -> str:
    """The type of a column, which is the same in every view; empty if no view has this column."""
    return _types().get(column, "")


def _read(name: str, sql: str) -> Query:
    lines = sql.splitlines()
    parameters: list[Parameter] = []
    for called, kind, needed, description, default in _PARAMETER.findall(sql):
        one = Parameter(called, "month" if kind == "days" else kind, description, default or None, bool(needed))
        parameters += [one, *(Parameter(*own) for own in OWN_DAYS)] if kind == "days" else [one]
    statement = "\n".join(line for line in lines if not line.startswith("--"))
    return Query(name, lines[0].removeprefix("-- "), tuple(parameters), statement, "(days)" in sql)


def _full(name: str, known: Mapping[str, Parameter]) -> str:
    return f"{name}_id" if f"{name}_id" in known else name


def _with_defaults(
    connection: Connection, warehouse: Warehouse, query: Query, values: dict[str, object]
) -> dict[str, object]:
    for parameter in query.parameters:
        name = parameter.name
        if name in values:
            _check_choice(connection, name, values[name])
        elif parameter.default is not None and not (name == "month" and "from" in values):
            value = connection.scalar(text(parameter.default))
            is_date = parameter.kind == "date" and isinstance(value, str)
            values[name] = date.fromisoformat(str(value)) if is_date else value
    return with_days(connection, warehouse, values) if query.takes_days else values


def _check_choice(connection: Connection, name: str, value: object) -> None:
    """Refuse a value that does not exist and list those that do, so that a typo does not give an empty answer."""
    if name not in _CHOICES:
        return
    valid = [str(choice) for choice in connection.scalars(text(_CHOICES[name]))]
    if value in valid:
        return
    near = difflib.get_close_matches(str(value), valid, 3)
    listed = ", ".join(valid[:10]) + (f" and {len(valid) - 10} more" if len(valid) > 10 else "")
    remedy = f"Valid values: {listed}." if valid else "The warehouse has none yet."
    raise ConfigError(
        f"--param {name}={str(value)[:60]} does not exist.",
        remedy=f"Did you mean {' or '.join(near)}? {remedy}" if near else remedy,
    )


def _execute(
    connection: Connection,
    warehouse: Warehouse,
    query: Query,
    values: Mapping[str, object],
    *,
    is_counted: bool = False,
) -> CursorResult[Any]:
    statement = query.select_with(values)
    if is_counted:
        statement = f"SELECT count(*) FROM ({statement}) AS counted"  # noqa: S608 - our own text
    if query.takes_days and "from" in values:
        statement = f"WITH {over_days(warehouse, statement)}\n{statement}"
    bound = dict(values)
    if warehouse.is_postgresql:
        connection.execute(text(PLANNING))
    else:
        bound = {name: value.isoformat() if isinstance(value, date) else value for name, value in bound.items()}
    return connection.execute(_bindable(statement), bound)


def _bindable(sql: str) -> TextClause:
    statement = text(sql)
    return statement.bindparams(bindparam("weekdays", expanding=True)) if ":weekdays" in sql else statement


def _value(parameter: Parameter, given: str) -> object:
    try:
        return _PARSERS[parameter.kind](given)
    except ValueError:
        raise ConfigError(
            f"--param {parameter.name}={given[:60]!r} is not a {_NOUNS.get(parameter.kind, parameter.kind)}.",
            remedy=_FORMS[parameter.kind],
        ) from None


_PARSERS: dict[str, Callable[[str], object]] = {
    "text": str,
    "number": lambda value: int(value) if re.fullmatch(r"-?\d{1,15}", value) else float(value),
    "date": date.fromisoformat,
    "month": lambda value: date.fromisoformat(f"{value}-01").strftime("%Y-%m"),
    "weekdays": weekday_numbers,
}
_NOUNS = {"weekdays": "list of weekdays"}
_FORMS = {
    "number": "Give a number.",
    "date": "Give a date as 2026-10-31.",
    "month": "Give a month as 2026-10.",
    "weekdays": f"Give weekdays as tue-thu or sat,sun; the names are {', '.join(WEEKDAYS)}.",
}


def _unchanged(value: object) -> object:
    return value


def _utc(value: object) -> object:
    return utc_time(value) if isinstance(value, str) else value


def _local(value: object) -> object:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _date(value: object) -> object:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _boolean(value: object) -> object:
    return bool(value) if isinstance(value, int) else value


_READERS: dict[str, Callable[[object], object]] = {
    "timestamp": _utc,
    "local timestamp": _local,
    "date": _date,
    "boolean": _boolean,
}
"""Convert SQLite's values (text for times and dates, a number for booleans) to the types PostgreSQL returns."""
