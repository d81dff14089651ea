"""The fields of one page's records, described for `inspect` and for the errors that point to it.

Values are never shown, only the names of the fields and the types of their values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from inode_pipeline.endpoints.endpoint import CONTAINED, Column, Endpoint
from inode_pipeline.endpoints.record import ABSENT
from inode_pipeline.normalise.fields import Fields, fill
from inode_pipeline.text import short

EXTRA = "extra"
CONTAINER = "-"

_WORDS: dict[type, str] = {
    bool: "true/false",
    int: "integer",
    float: "number",
    str: "text",
    list: "list",
    dict: "object",
    type(None): "null",
}


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field of a page. `null_share` is the share of records in which it is null or missing, 0 to 1.

    `column` is the column that it fills, alone or as part of an object, in at least one record; `extra`; or `-` for an
    object whose fields are rows of their own.
    """

    path: str
    types: tuple[str, ...]
    null_share: float
    column: str


def describe_fields(endpoint: Endpoint, records: Sequence[Mapping[str, Any]]) -> list[FieldRow]:
    """Return one row per field of the records, in the order in which the API sends them."""
    wanted = [path for column in endpoint.columns for path in column.sources]
    fields = Fields(records, [*wanted, *endpoint.measurement_objects])
    fed: dict[str, Column] = {}
    for column in endpoint.measured_at(endpoint.place_of_measurements(fields.can_fill)).columns:
        for path in _sources_used(column, fields):
            fed.setdefault(path, column)
    return [_row(path, fields, fed) for path in sorted(fields.entered, key=_place(fields))]


def _sources_used(column: Column, fields: Fields) -> list[str]:
    """Return the paths that fill a column with a value, or if none does, those that fill it with null."""
    filling = fill(replace(column, null_values=(), null_if={}), fields)
    if not isinstance(filling.used, list):
        return [filling.used] if filling.used else []
    filled = [(path, value) for path, value in zip(filling.used, filling.values, strict=True) if path is not None]
    paths = dict.fromkeys(path for path, value in filled if value is not None)
    return list(paths or dict.fromkeys(path for path, _ in filled))


def _place(fields: Fields) -> Any:
    """The sort key that puts an object's fields behind it, in the order in which they were found."""
    order = {path: number for number, path in enumerate(fields.entered)}

    def key(path: str) -> tuple[int, ...]:
        parts = path.split(".")
        heads = [".".join(parts[: length + 1]) for length in range(len(parts))]
        return tuple(order[head] for head in heads if head in order)

    return key


def _row(path: str, fields: Fields, fed: Mapping[str, Column]) -> FieldRow:
    values = fields.column(path)
    types = {type(value) for value in values if value is not ABSENT}
    words = tuple(_WORDS.get(kind, kind.__name__) for kind in sorted(types, key=list(_WORDS).index))
    empty = sum(value is None or value is ABSENT for value in values)
    is_container = path in fields.objects and fields.leaves.get(path, 0) == fields.nulls.get(path, 0)
    feeds = fed.get(path) or _whole_above(path, fed)
    column = feeds.name if feeds else CONTAINER if is_container else EXTRA
    return FieldRow(path, words, empty / len(values) if values else 0.0, column)


def _whole_above(path: str, fed: Mapping[str, Column]) -> Column | None:
    """Return the column that is filled by an object around this field."""
    parts = path.split(".")
    above = (fed.get(".".join(parts[:length])) for length in range(1, len(parts)))
    return next((column for column in above if column is not None and column.type in CONTAINED), None)


def listed(rows: Sequence[FieldRow], most: int = 40) -> str:
    """Return the rows as one line: each field with the types of its values."""
    shown = [f"{short(row.path)} ({', '.join(row.types)})" for row in rows if row.column != CONTAINER][:most]
    more = sum(row.column != CONTAINER for row in rows) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
