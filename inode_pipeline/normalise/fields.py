"""Transpose a page into columns: per field, by its dotted path, the value that each record has.

`Fields` is one page; `fill` chooses the fields that fill a column; `Counts` adds up the pages of a walk. The inventory
of fields that a load keeps, and `inspect` shows, comes from here too.
Not here: what a field means, see `endpoints/`; typing its values, see `columns.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from inode_pipeline.endpoints.endpoint import CONTAINED, Column, Endpoint, Scalar
from inode_pipeline.endpoints.record import ABSENT, is_candidate, value_at

MAX_DEPTH = 5
"""Objects nested deeper are not entered, so a hostile record costs no more than a large one."""

MAX_KEYS = 300
"""An object with more distinct keys is a table of its own (ids or times as keys) and is not entered."""

MAX_FIELDS = 2000
"""Once a page has this many fields, no further object is entered."""

NoneType = type(None)
AbsentType = type(ABSENT)
CONTAINERS = (dict, list)
Record = Mapping[str, Any]


class Fields:
    """The fields of one page.

    `leaves` counts, per dotted path, the records that have a value other than an object there (an empty object is a
    leaf); lists are not entered. `nulls` counts those in which it is null, `objects` those in which it is an object
    that was entered; `entered` holds every path found, in order.
    """

    def __init__(self, records: Sequence[Record], wanted: Iterable[str] = ()) -> None:
        self.records = records
        self.leaves: dict[str, int] = {}
        self.nulls: dict[str, int] = {}
        self.objects: dict[str, int] = {}
        self.types: dict[str, set[type]] = {}
        self.has_dotted_keys = False
        self._closed: set[str] = set()
        self.entered: dict[str, None] = {}
        self._columns: dict[str, list[Any]] = {}
        self._enter_page({path.split(".")[0] for path in wanted} | set(wanted))

    def may_have(self, path: str) -> bool:
        """Whether any record may have a value at a path. Cheap; a False is certain, a True is not."""
        return path in self._columns or any(path.startswith(f"{closed}.") for closed in self._closed)

    def column(self, path: str) -> list[Any]:
        """Return the value of each record at a path, ABSENT where it has none."""
        if path not in self._columns:
            values = [value_at(record, path) for record in self.records]
            self._columns[path], self.types[path] = values, set(map(type, values))
        return self._columns[path]

    def can_fill(self, column: Column, path: str) -> bool:
        """Whether the path fills the column in any record. An object does only if the column takes objects."""
        if not self.may_have(path):
            return False
        self.column(path)
        useless = {AbsentType} if column.type in CONTAINED else {AbsentType, *CONTAINERS}
        return not self.types[path] <= useless

    def _enter_page(self, heads: Collection[str]) -> None:
        keys = Counter(chain.from_iterable(self.records))
        if len(keys) > MAX_KEYS:
            common = {key for key, _ in keys.most_common(MAX_KEYS)}
            keys = Counter({key: count for key, count in keys.items() if key in common or key in heads})
        total = len(self.records)
        for key, count in keys.items():
            if count == total:
                values = [record[key] for record in self.records]
            else:
                values = [record.get(key, ABSENT) for record in self.records]
            self.has_dotted_keys = self.has_dotted_keys or "." in key
            self._keep(key, values, 1)

    def _keep(self, path: str, values: list[Any], depth: int) -> None:
        types = set(map(type, values))
        if path in self._columns:  # a key spelled like a nested path: the key wins, record by record
            values = _merged(path, self.records, values, self._columns[path])
            types = set(map(type, values))
        self._columns[path], self.types[path] = values, types
        self.entered[path] = None
        leaves = len(values) - (values.count(ABSENT) if AbsentType in types else 0)
        if dict in types:
            leaves -= self._enter_objects(path, values, depth)
        if leaves:
            self.leaves[path] = leaves
        if NoneType in types:
            self.nulls[path] = sum(value is None for value in values)

    def _enter_objects(self, path: str, values: list[Any], depth: int) -> int:
        """Enter the objects at a path unless they are too deep or too wide; return how many were entered."""
        filled = [value for value in values if type(value) is dict and value]
        keys = dict.fromkeys(chain.from_iterable(filled))
        is_wide = len(keys) > MAX_KEYS or len(self.entered) + len(keys) > MAX_FIELDS
        if depth >= MAX_DEPTH or is_wide:
            self._closed.add(path)
            return 0
        if filled:
            self.objects[path] = len(filled)
        is_whole = len(filled) == len(values)
        for key in keys:
            if is_whole:
                inner = [value.get(key, ABSENT) for value in values]
            else:
                inner = [value.get(key, ABSENT) if type(value) is dict else ABSENT for value in values]
            self._keep(f"{path}.{key}", inner, depth + 1)
        return len(filled)


def _merged(path: str, records: Sequence[Record], first: list[Any], second: list[Any]) -> list[Any]:
    pairs = zip(records, first, second, strict=True)
    return [record.get(path, b if a is ABSENT else a) for record, a, b in pairs]


@dataclass(slots=True)
class Filling:
    """The raw values of one column, None where there is no data, and where each came from.

    `used` is the path that filled it in every record, or one entry per record where that differs (None: no source).
    `missing` counts the records that have none of the column's sources.
    """

    values: list[Any]
    used: str | list[str | None] | None
    missing: int

    def path(self, row: int) -> str | None:
        """Return the path that filled the column in one record."""
        return self.used[row] if isinstance(self.used, list) else self.used


def fill(column: Column, fields: Fields) -> Filling:
    """Return a column's raw values by its sources, None where the field map says that a value is no data."""
    filling = _by_first_source(column, fields)
    if column.null_values:
        is_null = _matcher(column.null_values)
        filling.values = [None if is_null(value) else value for value in filling.values]
    for path, sentinels in column.null_if.items():
        is_null = _matcher(sentinels)
        filling.values = [
            None if is_null(other) else value for value, other in zip(filling.values, fields.column(path), strict=True)
        ]
    return filling


def _by_first_source(column: Column, fields: Fields) -> Filling:
    count = len(fields.records)
    candidates = [path for path in column.sources if fields.can_fill(column, path)]
    if not candidates:
        return Filling([None] * count, None, count)
    values, types = fields.column(candidates[0]), fields.types[candidates[0]]
    has_containers = column.type not in CONTAINED and not types.isdisjoint(CONTAINERS)
    if has_containers or (AbsentType in types and len(candidates) > 1):
        return _record_by_record(column, [(path, fields.column(path)) for path in candidates], count)
    if AbsentType not in types:
        return Filling(values, candidates[0], 0)
    return Filling([None if value is ABSENT else value for value in values], candidates[0], values.count(ABSENT))


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


@dataclass(slots=True)
class ColumnHistory:
    """How many values of one column could be read over the walk, and why the first failed."""

    attempted: int = 0
    failed: int = 0
    reason: str = ""

    @property
    def never_parsed(self) -> bool:
        """Whether there were values, and none could be read."""
        return 0 < self.attempted == self.failed


@dataclass(slots=True)
class Counts:
    """Counts of a walk's records.

    By dotted path, how many have a value other than an object (`leaves`), an object (`objects`) and null (`nulls`)
    there; by column, how many have none of its sources (`missing`), which fields fill it (`used`), and how its values
    could be read (`histories`).

    `records` are the objects among the records, `no_data` those without a time or a measurement. `moving` have length,
    time and speed; `slow` and `fast` are those of them whose three contradict each other. `broken_points` counts
    dropped points of geometries, `geometries` those that could not be read, `odd_times` times of measurement before
    2000 or after the walk, `left_out` the fields that no database keeps.
    """

    records: int = 0
    no_data: int = 0
    moving: int = 0
    slow: int = 0
    fast: int = 0
    broken_points: int = 0
    geometries: int = 0
    odd_times: int = 0
    left_out: int = 0
    leaves: Counter[str] = field(default_factory=Counter)
    objects: Counter[str] = field(default_factory=Counter)
    nulls: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    used: dict[str, set[str]] = field(default_factory=dict)
    histories: dict[str, ColumnHistory] = field(default_factory=dict)

    def add(self, fields: Fields) -> None:
        """Add the fields of the next page."""
        self.records += len(fields.records)
        self.leaves.update(fields.leaves)
        self.objects.update(fields.objects)
        self.nulls.update(fields.nulls)

    def history(self, column: str) -> ColumnHistory:
        """How the values of a column could be read so far."""
        return self.histories.setdefault(column, ColumnHistory())

    def has_null_above(self, path: str) -> bool:
        """Whether an object that would hold this field was null, so the field is null rather than gone."""
        parts = path.split(".")
        return any(".".join(parts[:length]) in self.nulls for length in range(1, len(parts)))

    def missing_of(self, endpoint: Endpoint) -> Mapping[str, int]:
        """How many records had none of a column's sources, by column; none for columns inside a null object."""
        return {
            column.name: self.missing[column.name]
            for column in endpoint.columns
            if not any(self.has_null_above(path) for path in column.sources)
        }
