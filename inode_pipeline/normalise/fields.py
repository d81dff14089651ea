"""One page of records turned on its side: per field, by its dotted path, the value that each record has.

Columns are read from here, and so is the inventory of fields that tells tomorrow what the API sent today.
Keep out: what a field means (`endpoints/`) and whether its values can be typed (`values.py`, `times.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from inode_pipeline.endpoints.record import ABSENT, value_at

MAX_DEPTH = 5
"""Objects nested deeper are not entered, so that a hostile record costs no more than a large one."""

MAX_KEYS = 300
"""An object with more distinct keys than this is a table of its own (ids or times as keys) and is not entered."""

MAX_FIELDS = 2000
"""Once a page has as many fields, no further object is entered."""

NoneType = type(None)
Record = Mapping[str, Any]


class Fields:
    """The fields of one page.

    `leaves` counts, per dotted path, the records that have it with a value that is no object (an empty one is a leaf);
    lists are not entered. `nulls` counts those in which it is null. `objects` counts those in which it is an object
    that was entered; `entered` holds every path that was met, in order. `is_cut` where a field of a record may be left
    out because of what other records of the page hold.
    """

    def __init__(self, records: Sequence[Record], wanted: Iterable[str] = ()) -> None:
        self.records = records
        self.leaves: dict[str, int] = {}
        self.nulls: dict[str, int] = {}
        self.objects: dict[str, int] = {}
        self.types: dict[str, set[type]] = {}
        self.has_dotted_keys = False
        self.is_cut = False
        self._closed: set[str] = set()
        self.entered: dict[str, None] = {}
        self._columns: dict[str, list[Any]] = {}
        self._enter_page({path.split(".")[0] for path in wanted} | set(wanted))

    def may_have(self, path: str) -> bool:
        """Whether any record may have something at a path; cheap, and certain where it says no."""
        return path in self._columns or any(path.startswith(f"{closed}.") for closed in self._closed)

    def column(self, path: str) -> list[Any]:
        """Return the value of each record at a path, ABSENT where it has none."""
        if path not in self._columns:
            values = [value_at(record, path) for record in self.records]
            self._columns[path], self.types[path] = values, set(map(type, values))
        return self._columns[path]

    def is_present(self, path: str) -> bool:
        """Whether any record has this field, be it as a value or as an object."""
        if not self.may_have(path):
            return False
        return path in self.leaves or path in self.objects or any(value is not ABSENT for value in self.column(path))

    def _enter_page(self, heads: Collection[str]) -> None:
        keys: Counter[str] = Counter()
        for record in self.records:
            keys.update(record.keys())
        if len(keys) > MAX_KEYS:
            self.is_cut = True
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
            self.is_cut = True
            values = _merged(path, self.records, values, self._columns[path])
            types = set(map(type, values))
        self._columns[path], self.types[path] = values, types
        self.entered[path] = None
        leaves = len(values) - (values.count(ABSENT) if type(ABSENT) in types else 0)
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
            self.is_cut = self.is_cut or is_wide
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
