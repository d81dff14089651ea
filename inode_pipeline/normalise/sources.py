"""Which field fills a column, record by record, and which of its values mean that there is no data.

Keep out: turning the values into types (`values.py`, `times.py`, `geometry.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from inode_pipeline.endpoints.endpoint import CONTAINED, Column, Scalar
from inode_pipeline.endpoints.record import ABSENT, is_candidate
from inode_pipeline.normalise.fields import Fields

CONTAINERS = (dict, list)
ABSENT_TYPE = type(ABSENT)


@dataclass(slots=True)
class Filling:
    """The raw values of one column, None where there is no data, and where each came from.

    `used` is the path that filled it in every record, or one entry per record where that differs (None: no source).
    `missing` counts the records that have none of the column's sources. `is_typed` values are final.
    """

    values: list[Any]
    used: str | list[str | None] | None
    missing: int
    is_typed: bool = False

    def path(self, row: int) -> str | None:
        """Return the path that filled the column in one record."""
        return self.used[row] if isinstance(self.used, list) else self.used


def fill(column: Column, fields: Fields) -> Filling:
    """Return a column's raw values by its sources, with its no-data values made None."""
    return without_sentinels(column, _by_first_source(column, fields), fields.column)


def without_sentinels(column: Column, filling: Filling, values_of: Callable[[str], list[Any]]) -> Filling:
    """Make the values None that mean that there is no data; `values_of` gives the values at another path."""
    if column.null_values:
        is_null = _matcher(column.null_values)
        filling.values = [None if is_null(value) else value for value in filling.values]
    for path, sentinels in column.null_if.items():
        is_null = _matcher(sentinels)
        others = values_of(path)
        filling.values = [
            None if is_null(other) else value for value, other in zip(filling.values, others, strict=True)
        ]
    return filling


def _by_first_source(column: Column, fields: Fields) -> Filling:
    count = len(fields.records)
    candidates = [path for path in column.sources if _can_fill(column, fields, path)]
    if not candidates:
        return Filling([None] * count, None, count)
    values, types = fields.column(candidates[0]), fields.types[candidates[0]]
    has_containers = column.type not in CONTAINED and not types.isdisjoint(CONTAINERS)
    if has_containers or (ABSENT_TYPE in types and len(candidates) > 1):
        return _record_by_record(column, [(path, fields.column(path)) for path in candidates], count)
    if ABSENT_TYPE not in types:
        return Filling(values, candidates[0], 0)
    return Filling([None if value is ABSENT else value for value in values], candidates[0], values.count(ABSENT))


def _can_fill(column: Column, fields: Fields, path: str) -> bool:
    """Whether the path fills the column in any record. An object is looked into, unless the column is made of one."""
    if not fields.may_have(path):
        return False
    fields.column(path)
    useless = {ABSENT_TYPE} if column.type in CONTAINED else {ABSENT_TYPE, *CONTAINERS}
    return not fields.types[path] <= useless


def _record_by_record(column: Column, candidates: list[tuple[str, list[Any]]], count: int) -> Filling:
    values: list[Any] = [None] * count
    used: list[str | None] = [None] * count
    missing = 0
    for row in range(count):
        for path, column_values in candidates:
            if is_candidate(column, column_values[row]):
                values[row], used[row] = column_values[row], path
                break
        else:
            missing += 1
    return Filling(values, used, missing)


def _matcher(sentinels: Iterable[Scalar]) -> Callable[[object], bool]:
    """Compare by JSON type and value: "-101" is not -101 and true is not 1, but 1.0 is 1, being one JSON number."""
    logical = {value for value in sentinels if isinstance(value, bool)}
    others = {value for value in sentinels if not isinstance(value, bool)}

    def is_sentinel(value: object) -> bool:
        if isinstance(value, bool):
            return value in logical
        return isinstance(value, str | int | float | None) and value in others

    return is_sentinel
