"""The data dictionary: a description of every table, view and column, taken from where it is defined.

Tables are described by the comments in `tables.py` and `analyst_tables.py`, views by the comment block at the head of
their file in `sql/views`: first what it answers, with definitions and sources, then a line for each column.

    -- How reliable is each link in each month?
    -- TTI: mean travel time over free-flow travel time (FHWA Urban Congestion Report).
    --
    -- link_id: the link
    -- n_bins (bigint): the type in brackets where neither a table nor the name shows it; a line that is
    --     indented goes on with the column before

`explain` writes it where people read it (the table `data_dictionary`, PostgreSQL's comments); `as_markdown` is a page.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from functools import cache
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Boolean, Connection, Double, LargeBinary, Text, delete, insert, select, text
from sqlalchemy.types import TypeEngine

from inode_pipeline.warehouse.analyst_tables import DATA_DICTIONARY
from inode_pipeline.warehouse.tables import METADATA
from inode_pipeline.warehouse.types import CalendarDate, Json, UtcTimestamp

UNITS = {
    "_s_per_km": "s/km",
    "_kmh": "km/h",
    "_mph": "mph",
    "_km": "km",
    "_mi": "mi",
    "_m": "m",
    "_s": "s",
    "_min": "min",
    "_minute": "min",
    "_h": "h",
    "_hours": "h",
    "_days": "d",
    "_pct": "%",
    "_bytes": "bytes",
    "seconds": "s",
}
"""Units by the suffix of a column's name; counts, which begin with n_, have none."""

_TYPES: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (UtcTimestamp, "timestamp"),
    (CalendarDate, "date"),
    (Json, "json"),
    (Boolean, "boolean"),
    (BigInteger, "bigint"),
    (Double, "double"),
    (LargeBinary, "bytes"),
    (Text, "text"),
)
_NAMED = (
    (re.compile(r"^(is|has|may)_"), "boolean"),
    (re.compile(r"^n_|_count$|_hour$|^(rank|corrections)$|^links_"), "bigint"),
    (re.compile(r"_at$"), "timestamp"),
    (re.compile(r"_date$|_on$"), "date"),
)
_COLUMN = re.compile(r"([a-z_][a-z0-9_]*)(?: \(([a-z ]+)\))?: *(.*)")


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One row of `data_dictionary`; an empty `column_name` and `type` explain the relation itself."""

    relation: str
    column_name: str
    kind: str
    type: str
    unit: str | None
    description: str


@dataclass(frozen=True)
class ViewHead:
    """The comment at the head of a view's file; `columns` are (name, type or None, meaning)."""

    description: str
    columns: tuple[tuple[str, str | None, str], ...]


def entries(views: Path) -> list[Entry]:
    """The whole dictionary: a row for each relation, then one for each of its columns, in their order.

    `views` is the folder of the view files.
    """
    found: list[Entry] = []
    for table in METADATA.sorted_tables:
        found.append(Entry(table.name, "", "table", "", None, table.comment or ""))
        found += [
            Entry(table.name, column.name, "table", _type(column.type), unit_of(column.name), column.comment or "")
            for column in table.columns
        ]
    for path in sorted(views.glob("*.sql")):
        head = read_head(path.read_text(encoding="utf-8"))
        found.append(Entry(path.stem, "", "view", "", None, head.description))
        found += [
            Entry(path.stem, name, "view", given or type_of(name), unit_of(name), meaning)
            for name, given, meaning in head.columns
        ]
    return found


def read_head(statement: str) -> ViewHead:
    """The comment block at the head of a view's file; empty where there is none."""
    description: list[str] = []
    columns: list[tuple[str, str | None, str]] = []
    for line in statement.splitlines():
        if not line.startswith("--"):
            break
        said = line[2:].rstrip()
        column = _COLUMN.fullmatch(said.strip())
        if column and not said.startswith("   "):
            columns.append((column[1], column[2], column[3]))
        elif columns and said:
            name, kind, meaning = columns[-1]
            columns[-1] = (name, kind, f"{meaning} {said.strip()}".strip())
        elif said:
            description.append(said.strip())
    return ViewHead(" ".join(description), tuple(columns))


def unit_of(column: str) -> str | None:
    """The unit in a column's name; None if it has none."""
    if column.startswith("n_"):
        return None
    if column.startswith(("minutes_", "days_")):
        return "min" if column.startswith("minutes_") else "d"
    return next((unit for end, unit in UNITS.items() if column.endswith(end)), None)


def type_of(column: str) -> str:
    """The type of a view's column by its name: that of the tables' columns of this name, else by naming convention."""
    kinds = _types_in_tables().get(column, set())
    if len(kinds) == 1:
        return next(iter(kinds))
    for pattern, kind in _NAMED:
        if pattern.search(column):
            return kind
    return "double" if unit_of(column) else "text"


@cache
def _types_in_tables() -> dict[str, set[str]]:
    kinds: dict[str, set[str]] = {}
    for table in METADATA.sorted_tables:
        for column in table.columns:
            kinds.setdefault(column.name, set()).add(_type(column.type))
    return kinds


def _type(kind: TypeEngine[Any]) -> str:
    return next(name for of, name in _TYPES if isinstance(kind, of))


_COMMENTS = text("""
    SELECT c.relname, coalesce(a.attname, ''), d.description
    FROM pg_catalog.pg_description d
    JOIN pg_catalog.pg_class c ON d.classoid = 'pg_catalog.pg_class'::regclass AND d.objoid = c.oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid > 0
    WHERE n.nspname = :schema AND c.relkind IN ('r', 'p', 'v', 'm')""")


def explain(connection: Connection, schema: str | None, views: Path) -> None:
    """Update `data_dictionary` and, on PostgreSQL, the comments; writes only what differs.

    The last step of a migration, in its transaction, once tables and views exist.
    """
    said = entries(views)
    names = Entry.__slots__
    if {Entry(*row) for row in connection.execute(select(*(DATA_DICTIONARY.c[name] for name in names)))} != set(said):
        connection.execute(delete(DATA_DICTIONARY))
        connection.execute(insert(DATA_DICTIONARY), [dict(zip(names, astuple(entry), strict=True)) for entry in said])
    if schema is None:
        return
    present = {
        (relation, column): words for relation, column, words in connection.execute(_COMMENTS, {"schema": schema})
    }
    changed = [entry for entry in said if present.get((entry.relation, entry.column_name)) != entry.description]
    if changed:
        # Without parameters, so that a percent sign is just that.
        connection.exec_driver_sql(";\n".join(_comments(changed, schema)), execution_options={"no_parameters": True})


def explanation_sql(schema: str | None, views: Path) -> str:
    """The same as a script to run by hand after the migrations, in a transaction of its own."""
    said = entries(views)
    prefix = f"{_name(schema)}." if schema else ""
    rows = ",\n".join(f"({', '.join(map(_literal, astuple(entry)))})" for entry in said)
    statements = [
        f"DELETE FROM {prefix}data_dictionary",  # noqa: S608 - the schema's name, quoted
        f"INSERT INTO {prefix}data_dictionary ({', '.join(Entry.__slots__)}) VALUES\n{rows}",
        *(_comments(said, schema) if schema else ()),
    ]
    return "".join(f"{statement};\n" for statement in ("BEGIN", *statements, "COMMIT"))


def as_markdown(views: Path) -> str:
    """The dictionary as a page, views first."""
    lines = [
        "# Data dictionary",
        "",
        "Generated by `make dictionary` from the definitions of the tables and views; the same is in the table",
        "`data_dictionary`, and on PostgreSQL in the comments.",
        "A timestamp is UTC; a local timestamp and a date are those of the clock in the warehouse's time zone.",
    ]
    ordered = sorted(entries(views), key=lambda entry: (entry.kind != "view", entry.relation))
    for (kind, relation), group in groupby(ordered, key=attrgetter("kind", "relation")):
        whole, *columns = group
        lines += ["", f"## {relation}", "", f"A {kind}. {_cell(whole.description)}", ""]
        lines += ["| column | type | unit | meaning |", "|---|---|---|---|"]
        lines += [
            f"| `{column.column_name}` | {column.type} | {column.unit or ''} | {_cell(column.description)} |"
            for column in columns
        ]
    return "\n".join(lines) + "\n"


def _comments(said: Iterable[Entry], schema: str) -> Iterator[str]:
    for entry in said:
        relation = f"{_name(schema)}.{_name(entry.relation)}"
        if entry.column_name:
            yield f"COMMENT ON COLUMN {relation}.{_name(entry.column_name)} IS {_literal(entry.description)}"
        else:
            yield f"COMMENT ON {entry.kind.upper()} {relation} IS {_literal(entry.description)}"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: str | None) -> str:
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


if __name__ == "__main__":
    from inode_pipeline.warehouse.migrate import sql_folder

    sys.stdout.write(as_markdown(sql_folder() / "views"))
