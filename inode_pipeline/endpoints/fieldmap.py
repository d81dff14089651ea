"""The user's field map (INODE_FIELD_MAP_FILE, TOML): where an account's API differs from the declared endpoint.

It overrides source field, unit, format, time zone and no-data values of a column, never the warehouse's name or unit.
Not here: reading records, see `record.py` and `normalise/`.
"""

from __future__ import annotations

import math
import tomllib
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from inode_pipeline.endpoints import all_endpoints
from inode_pipeline.endpoints.endpoint import (
    GEOMETRY_FORMATS,
    TIME_FORMATS,
    TO_WAREHOUSE,
    Column,
    Endpoint,
    Scalar,
)
from inode_pipeline.errors import ConfigError
from inode_pipeline.text import LIMIT, visible

SETTING = "INODE_FIELD_MAP_FILE"
Override = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FieldMap:
    """What a field map overrides: per endpoint and column, the changed fields of `Column`."""

    overrides: Mapping[str, Mapping[str, Override]]

    def apply(self, endpoint: Endpoint) -> Endpoint:
        """Return the endpoint as this account's API fills it; unmentioned columns stay as declared."""
        changes = self.overrides.get(endpoint.name, {})
        columns = tuple(replace(column, **changes.get(column.name, {})) for column in endpoint.columns)
        return replace(endpoint, columns=columns)


def read_field_map(path: Path) -> FieldMap:
    """Read and check a field map file.

    Raises: ConfigError, one for all problems of the file, naming each place as `table.columns.column.key`.
    """
    content = _parsed(path)
    reader = _Reader()
    overrides = reader.endpoints(content)
    if reader.problems:
        raise ConfigError(
            f"{SETTING} ({visible(path, LIMIT)}): {'; '.join(reader.problems)}.",
            remedy="Correct the file; `inode-pipeline inspect --write FILE` writes one to start from.",
        )
    return FieldMap(overrides)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as problem:
        what, remedy = f"cannot be read ({problem.strerror})", "Name a file that exists and that you may read."
    except UnicodeDecodeError:
        what, remedy = "is not UTF-8 text", "Save the file as UTF-8."
    except (tomllib.TOMLDecodeError, RecursionError) as problem:
        what, remedy = f"is not TOML: {visible(problem, LIMIT)}", "Correct that line."
    raise ConfigError(f"{SETTING} ({visible(path, LIMIT)}) {what}.", remedy=remedy)


class _WrongValue(Exception):  # noqa: N818 - never leaves this module
    """The value of a key is not valid; the reader adds the place."""


class _Reader:
    """Reads a parsed file, collecting every problem with its place instead of stopping at the first."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def endpoints(self, content: dict[str, Any]) -> dict[str, dict[str, Override]]:
        known = all_endpoints()
        overrides = {}
        for name, table in content.items():
            if name not in known:
                self._problem(name, f"no such table; there is {_listed(known)}")
            else:
                overrides[name] = self._columns(known[name], table)
        return overrides

    def _columns(self, endpoint: Endpoint, table: object) -> dict[str, Override]:
        overrides = {}
        known = {column.name: column for column in endpoint.columns}
        for key, columns in self._items(endpoint.name, table):
            if key != "columns":
                self._problem(f"{endpoint.name}.{key}", "unknown key; there is columns")
                continue
            for name, keys in self._items(f"{endpoint.name}.columns", columns):
                place = f"{endpoint.name}.columns.{name}"
                if name not in known:
                    self._problem(place, f"no such column; there are {_listed(known)}")
                elif known[name].kind == "rest":
                    self._problem(place, "this column holds what no other column claims and cannot be mapped")
                else:
                    overrides[name] = self._column(place, known[name], keys)
        return overrides

    def _column(self, place: str, column: Column, keys: object) -> Override:
        override: dict[str, Any] = {}
        for key, value in self._items(place, keys):
            if key not in _KEYS:
                self._problem(f"{place}.{key}", f"unknown key; there are {_listed(_KEYS)}")
                continue
            try:
                override |= _KEYS[key](column, value)
            except _WrongValue as problem:
                self._problem(f"{place}.{key}", str(problem))
        return override

    def _items(self, place: str, table: object) -> Iterator[tuple[str, Any]]:
        if not isinstance(table, dict):
            self._problem(place, "must be a table")
            return
        yield from table.items()

    def _problem(self, place: str, what: str) -> None:
        self.problems.append(f"{visible(place, LIMIT)}: {what}")


def _source(column: Column, value: object) -> dict[str, Any]:
    if not isinstance(value, str):
        raise _WrongValue("must be a text, the field's dotted path")
    if not value and column.required:
        raise _WrongValue(f"{column.name} must have a source")
    return {"sources": (value,) if value else (), "is_mapped": True}


def _unit(column: Column, value: object) -> dict[str, Any]:
    if column.unit is None:
        raise _WrongValue(f"{column.name} has no unit")
    if not isinstance(value, str) or value not in TO_WAREHOUSE[column.unit]:
        raise _WrongValue(f"{visible(value, LIMIT)!r} is not one of {_listed(TO_WAREHOUSE[column.unit])}")
    return {"source_unit": value}


def _format(column: Column, value: object) -> dict[str, Any]:
    if column.type not in ("timestamp", "geometry"):
        raise _WrongValue(f"only a time or a geometry has a format, and {column.name} is neither")
    if not isinstance(value, str):
        raise _WrongValue("must be a text")
    if column.type == "geometry" and value not in GEOMETRY_FORMATS:
        raise _WrongValue(f"{visible(value, LIMIT)!r} is not one of {_listed(GEOMETRY_FORMATS)}")
    if column.type == "timestamp" and value not in TIME_FORMATS:
        _check_time_format(value)
    return {"format": value}


def _check_time_format(value: str) -> None:
    """Raise _WrongValue unless a time written in this format can be read back to its second."""
    sample = datetime(2003, 2, 4, 15, 6, 7, tzinfo=UTC)
    try:
        # Python 3.13 warns of a format without a year, which is refused below.
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            back = datetime.strptime(sample.strftime(value), value)  # noqa: DTZ007 - only its fields are compared
    except ValueError as problem:
        choices = _listed(TIME_FORMATS)
        raise _WrongValue(f"{visible(value, LIMIT)!r} is neither {choices} nor a strptime format") from problem
    if back.date() != sample.date() or back.hour != sample.hour:
        raise _WrongValue(f"{visible(value, LIMIT)!r} does not hold a whole date and the hour of the day")


def _timezone(column: Column, value: object) -> dict[str, Any]:
    if column.type != "timestamp":
        raise _WrongValue(f"{column.name} is not a time")
    try:
        ZoneInfo(value)  # type: ignore[arg-type]  # a wrong type ends in the same message
    except (KeyError, ValueError, OSError, TypeError, AttributeError) as problem:
        raise _WrongValue(
            f"{visible(value, LIMIT)!r} is not a time zone; use a name such as America/Toronto"
        ) from problem
    return {"timezone": value}


def _null_values(column: Column, value: object) -> dict[str, Any]:
    _refuse_null_key(column)
    return {"null_values": _scalars(value)}


def _null_if(column: Column, value: object) -> dict[str, Any]:
    _refuse_null_key(column)
    if not isinstance(value, dict) or not value:
        raise _WrongValue('must be a table of fields and values, such as { Status = ["-101", -101] }')
    return {"null_if": {path: _scalars(values) for path, values in value.items()}}


def _refuse_null_key(column: Column) -> None:
    if column.kind == "key":
        raise _WrongValue(f"{column.name} identifies the records and is never NULL")


def _scalars(value: object) -> tuple[Scalar, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str | int | float) for item in values):
        raise _WrongValue("must be a list of texts, numbers, true or false")
    if not all(math.isfinite(item) for item in values if isinstance(item, float)):
        raise _WrongValue("must not hold nan or inf, which JSON does not have")
    return tuple(values)


_KEYS: dict[str, Callable[[Column, object], dict[str, Any]]] = {
    "source": _source,
    "unit": _unit,
    "format": _format,
    "timezone": _timezone,
    "null_if": _null_if,
    "null_values": _null_values,
}


def _listed(names: Mapping[str, object] | tuple[str, ...]) -> str:
    return ", ".join(names)
