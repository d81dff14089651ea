"""The questions of `sql/queries`, and how one is asked.

One file a question: the first line is the question, then come a line for each parameter and one SELECT from the views.

    -- Which links are worst?
    -- :period (text) the period; without it am_peak
    --   SELECT 'am_peak'

The SELECT under a parameter gives its default. It runs first, so that the database knows the month before it plans and
reads that month only. A line of the SELECT whose parameter has no value is left out. A parameter of kind `days` is a
month, or chosen days and weekdays (`days.py`). Values are bound, never pasted into the SQL.
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
"""For each parameter with a known set of values the SELECT of that set."""

PLANNING = "SET LOCAL enable_nestloop = off; SET LOCAL work_mem = '64MB'"
"""Settings of PostgreSQL for a question.

It cannot know how many rows the calendar of a view has, takes it for one and joins by nested loops, which then take
minutes. LATERAL subqueries, by which the views read the bins of a link, keep their loops.
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

    `default` is the SELECT of its value where none is given; None where the query then does without it.
    """

    name: str
    kind: str
    description: str
    default: str | None = None
    is_needed: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """One question and the SELECT that answers it, with a line of its own for each condition that may be left out."""

    name: str
    question: str
    parameters: tuple[Parameter, ...]
    select: str
    takes_days: bool = False

    def select_with(self, values: Mapping[str, object]) -> str:
        """The SELECT without the lines whose parameters are absent from the values."""
        absent = [parameter.name for parameter in self.parameters if parameter.name not in values]
        lines = self.select.splitlines()
        return "\n".join(line for line in lines if not any(re.search(rf":{name}\b", line) for name in absent))


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a query. Times are aware where they are UTC and naive where they are local; absent is None.

    `parameters` are the values that were used, defaults included.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    parameters: Mapping[str, object] = field(default_factory=dict, compare=False)

    def values(self, column: str) -> list[object]:
        """The values of a column that are not absent; empty if there is no such column."""
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
        near = difflib.get_close_matches(name, all_queries(), 3)
        meant = f"Did you mean {' or '.join(near)}? " if near else ""
        raise ConfigError(f"There is no query {name[:60]!r}.", remedy=f"{meant}`inode-pipeline query` lists them.")
    return all_queries()[name]


def ask(warehouse: Warehouse, query: Query, given: Mapping[str, str]) -> Answer:
    """Run a query with what was given on the command line; writes nothing.

    Raises:
        ConfigError: a parameter that the query does not have, or a value that it cannot take.
        NotMigratedError: the views are missing.

    """
    parameter_values(query, given)  # a wrong one is refused before the warehouse is asked
    with reading(warehouse) as connection:
        return ask_within(connection, warehouse, query, given)


def ask_within(connection: Connection, warehouse: Warehouse, query: Query, given: Mapping[str, str]) -> Answer:
    """Run a query in a transaction of this warehouse, so that several answers see one state."""
    values = _with_defaults(connection, warehouse, query, parameter_values(query, given))
    result = _execute(connection, warehouse, query, values)
    columns = tuple(result.keys())
    readers = [_READERS.get(column_type(column), _as_it_is) for column in columns]
    rows = tuple(tuple(read(value) for read, value in zip(readers, row, strict=True)) for row in result)
    return Answer(columns, rows, values)


def count_without_limit(connection: Connection, warehouse: Warehouse, query: Query, answer: Answer) -> int:
    """How many rows the answer would have if its parameter `limit` cut off none."""
    if answer.parameters.get("limit") != len(answer.rows):
        return len(answer.rows)
    lines = [line for line in query.select.splitlines() if ":limit" not in line]
    counting = replace(query, select="\n".join(lines))
    return int(_execute(connection, warehouse, counting, answer.parameters, is_counted=True).scalar_one())


def why_empty(connection: Connection, query: Query, answer: Answer) -> str | None:
    """Why an answer about a month has no rows, in a sentence; None for another question."""
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
            f"The query {query.name} has no parameter {unknown[0][:60]!r}.", remedy=f"It has these: {names}."
        )
    if missing := [name for name, parameter in known.items() if parameter.is_needed and name not in named]:
        raise ConfigError(
            f"The query {query.name} needs {missing[0]}: {known[missing[0]].description}.",
            remedy=f"Add --param {missing[0]}=VALUE.",
        )
    return {name: _value(known[name], value) for name, value in named.items()}


def view_entries() -> dict[tuple[str, str], Entry]:
    """The explanations of the views and their columns, by relation and column; an empty column is the view."""
    explained = entries(sql_folder() / "views")
    return {(entry.relation, entry.column_name): entry for entry in explained if entry.kind == "view"}


@functools.cache
def _types() -> Mapping[str, str]:
    return {entry.column_name: entry.type for entry in view_entries().values() if entry.column_name}


def column_type(column: str) -> str:
    """The type of a column, which is the same in every view that has it; empty for one that no view has."""
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
    """Refuse a value that does not exist and list those that do: a typing error must not look like an empty answer."""
    if name not in _CHOICES:
        return
    valid = [str(choice) for choice in connection.scalars(text(_CHOICES[name]))]
    if value in valid:
        return
    near = difflib.get_close_matches(str(value), valid, 3)
    listed = ", ".join(valid[:10]) + (f" and {len(valid) - 10} more" if len(valid) > 10 else "")
    remedy = f"Valid are: {listed}." if valid else "The warehouse has none yet."
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


def _as_it_is(value: object) -> object:
    return value


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
"""SQLite keeps times and dates as text and truth as a number; these make of them what PostgreSQL gives."""
