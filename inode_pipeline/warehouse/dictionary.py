"""The data dictionary: every table, view and column in words, from the one place where each is defined.

A table speaks through the comments in `tables.py`, `fact_tables.py` and `analyst_tables.py`. A view speaks through the
comment block at the head of its file in `sql/views`: what it answers, with definitions and sources, and then, where a
column means something else than elsewhere, a line for it. `sql/columns.toml` says what a column means everywhere.

    -- How reliable is each link in each month?
    -- TTI: mean travel time over free-flow travel time (FHWA Urban Congestion Report).
    -- n_bins: the bins of the month that lie in the period; a line that is indented
    --     goes on with the column before
    -- odd_one (bigint): the type in brackets where neither a table nor the name tells it

`explain.py` carries it to where people meet it. Keep out: explanations; they stand where the thing is defined.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Boolean, Double, LargeBinary, Text
from sqlalchemy.types import TypeEngine

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
"""What the end of a column's name says of its unit; counts, which begin with n_, have none."""

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
    """What a view's file says of itself; `columns` are type, or None, and meaning by name."""

    description: str
    columns: Mapping[str, tuple[str | None, str]]


def entries(folder: Path, columns: Mapping[str, Sequence[str]]) -> list[Entry]:
    """The whole dictionary: a row for each relation, then one for each of its columns, in their order.

    `folder` is the folder `sql`; `columns` are those of each view, as a database has them. What nobody explains has an
    empty description.
    """
    found: list[Entry] = []
    for table in METADATA.sorted_tables:
        found.append(Entry(table.name, "", "table", "", None, table.comment or ""))
        found += [
            Entry(table.name, column.name, "table", _type(column.type), unit_of(column.name), column.comment or "")
            for column in table.columns
        ]
    glossary = read_glossary(folder / "columns.toml")
    for view in sorted(columns):
        head = read_head((folder / "views" / f"{view}.sql").read_text(encoding="utf-8"))
        found.append(Entry(view, "", "view", "", None, head.description))
        told = {**glossary, **head.columns}
        for name in columns[view]:
            kind, meaning = told.get(name, (None, ""))
            found.append(Entry(view, name, "view", kind or type_of(name), unit_of(name), meaning))
    return found


def read_glossary(path: Path) -> dict[str, tuple[str | None, str]]:
    """What `sql/columns.toml` says of each name: a type, or None where the name tells it, and the meaning."""
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        name: (None, words) if isinstance(words, str) else (words["type"], words["meaning"])
        for name, words in told.items()
    }


def read_head(statement: str) -> ViewHead:
    """The comment block at the head of a view's file; empty where there is none."""
    description: list[str] = []
    columns: dict[str, tuple[str | None, str]] = {}
    last = ""
    for line in statement.splitlines():
        if not line.startswith("--"):
            break
        said = line[2:].rstrip()
        column = _COLUMN.fullmatch(said.strip())
        if column and not said.startswith("   "):
            last = column[1]
            columns[last] = (column[2], column[3])
        elif last and said:
            kind, meaning = columns[last]
            columns[last] = (kind, f"{meaning} {said.strip()}".strip())
        elif said:
            description.append(said.strip())
    return ViewHead(" ".join(description), columns)


def unit_of(column: str) -> str | None:
    """The unit that a column's name carries; None where it carries none."""
    if column.startswith("n_"):
        return None
    if column.startswith(("minutes_", "days_")):
        return "min" if column.startswith("minutes_") else "d"
    return next((unit for end, unit in UNITS.items() if column.endswith(end)), None)


def type_of(column: str) -> str:
    """What a column of a view holds, as its name tells: as in the tables that have it, else by the house's naming."""
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
