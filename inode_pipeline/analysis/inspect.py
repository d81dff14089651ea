"""Describe the fields of one page of the API and write a field map to start from. Never shows a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from inode_pipeline.endpoints.endpoint import GEOMETRY_FORMATS, TO_WAREHOUSE, Column, Endpoint, Scalar
from inode_pipeline.endpoints.record import source_in, value_at
from inode_pipeline.normalise.geometry import GeometryReader
from inode_pipeline.normalise.inventory import CONTAINER, EXTRA, FieldRow, describe_fields
from inode_pipeline.normalise.times import read_times
from inode_pipeline.text import short

__all__ = ["FieldRow", "inspect_page", "starting_map"]

_HEAD = """\
# A field map to start from, made from the fields of one page. Compare it with what you see in iNode, correct it,
# and name this file in INODE_FIELD_MAP_FILE. A column that is not mentioned here keeps its default source.
# source = "" makes a column NULL; null_values = ["", -1] and null_if = { field = ["value"] } mark values as NULL.
"""


def inspect_page(endpoint: Endpoint, records: Sequence[object]) -> list[FieldRow]:
    """Return one row per field of the page: path, types seen, share of nulls, the column it fills.

    The column is `-` for an object, whose fields have their own rows, and `extra` for a field without a column.
    """
    return describe_fields(endpoint, _readable(records))


def starting_map(endpoint: Endpoint, records: Sequence[object]) -> str:
    """Return a field map (TOML) of the recognised fields, with comments on what the user must add or check."""
    sound = _readable(records)
    rows = describe_fields(endpoint, sound)
    tables = [_table(endpoint, column, sound, rows) for column in endpoint.columns if column.kind != "rest"]
    rest = [f"#   {short(row.path)} ({', '.join(row.types)})" for row in rows if row.column == EXTRA]
    if rest:
        rest.insert(0, "# Kept in the column extra, because no column claims them:")
    return "\n".join([_HEAD, *("\n".join(table) + "\n" for table in tables), *rest]) + "\n"


def _readable(records: Sequence[object]) -> list[dict[str, Any]]:
    return [record for record in records if isinstance(record, dict)]


def _table(
    endpoint: Endpoint, column: Column, records: Sequence[Mapping[str, Any]], rows: Sequence[FieldRow]
) -> Iterator[str]:
    yield f"# {column.description}"
    row = next((row for row in rows if row.column == column.name and not _is_unwritable(row.path)), None)
    if row is None:
        yield f"# {'Needed, but no' if column.required else 'No'} field was recognised."
        yield f"# [{endpoint.name}.columns.{column.name}]"
        yield f"# source = {_text(_likely(column, rows) or '...')}"
        return
    yield f"[{endpoint.name}.columns.{column.name}]"
    yield f"source = {_text(row.path)}  # {', '.join(row.types)}"
    if column.unit is not None:
        units = ", ".join(TO_WAREHOUSE[column.unit])
        yield f"unit = {_text(column.source_unit or column.unit)}  # make sure: {units}"
    values = [value_at(record, row.path) for record in records if source_in(column, record) == row.path]
    if column.type == "timestamp":
        yield from _time_keys(column, values)
    if column.type == "geometry":
        yield from _geometry_keys(column, values)
    yield from _no_data_keys(column)


def _is_unwritable(path: str) -> bool:
    """Whether a name contains half a surrogate pair, which a TOML file (UTF-8) cannot hold."""
    return any("\ud800" <= character <= "\udfff" for character in path)


def _likely(column: Column, rows: Sequence[FieldRow]) -> str | None:
    """Return a field whose name differs from one of the column's sources only in case and punctuation."""
    spellings = {_spelling(path) for path in (column.name, *column.sources)}
    return next(
        (
            row.path
            for row in rows
            if row.column not in (CONTAINER, column.name)
            and not _is_unwritable(row.path)
            and _spelling(row.path) in spellings
        ),
        None,
    )


def _spelling(path: str) -> str:
    return re.sub(r"[\W_]", "", path).casefold()


def _time_keys(column: Column, values: list[Any]) -> Iterator[str]:
    known = [value for value in values if value is not None]
    if column.format is not None:
        yield f"format = {_text(column.format)}"
    elif known and all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        yield f"format = {_text('unix_ms' if max(known) > 1e11 else 'unix')}  # make sure: seconds or ms since 1970"
        return
    if column.timezone is not None:
        yield f"timezone = {_text(column.timezone)}"
    elif read_times(column, known)[1]:
        if not read_times(replace(column, timezone="UTC"), known)[1]:
            yield '# timezone = "America/Toronto"  # needed: its times have no offset, so name the zone they are in'
        else:
            yield '# format = "%m/%d/%Y %H:%M:%S"  # needed: how its times are written, and if they have no offset:'
            yield '# timezone = "America/Toronto"'


def _geometry_keys(column: Column, values: list[Any]) -> Iterator[str]:
    known = [value for value in values if value is not None]
    formats = (column.format,) if column.format else GEOMETRY_FORMATS
    for name in formats if known else ():
        if not GeometryReader(replace(column, format=name)).read(known)[1]:
            yield f"format = {_text(name)}"
            return
    yield f"# format = {_text(column.format or '...')}  # {', '.join(GEOMETRY_FORMATS)}"


def _no_data_keys(column: Column) -> Iterator[str]:
    if column.null_values:
        yield f"null_values = {_list(column.null_values)}"
    if column.null_if:
        conditions = ", ".join(f"{_text(path)} = {_list(values)}" for path, values in column.null_if.items())
        yield f"null_if = {{ {conditions} }}"


def _list(values: Sequence[Scalar]) -> str:
    written = [_scalar(value) for value in values if value is not None]  # TOML has no null, and null is NULL anyway
    return f"[{', '.join(written)}]"


def _scalar(value: str | float) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return _text(value) if isinstance(value, str) else repr(value)


def _text(value: str) -> str:
    """Return a TOML basic string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in escaped) + '"'
