"""Find a value in a record as the API sent it, and the record's key.

The walk and the normaliser both read keys here, so they never differ.
Not here: the other types, see `normalise/`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

from inode_pipeline.endpoints.endpoint import CONTAINED, Column, Endpoint


class _Absent:
    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


ABSENT: Final = _Absent()
"""The value of a field that a record does not have; a field that is null has None."""


def value_at(record: Mapping[str, object], path: str) -> object:
    """Return the value at a dotted path, or ABSENT. A top-level key spelled exactly like the path wins."""
    if path in record:
        return record[path]
    if "." not in path:
        return ABSENT
    value: object = record
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return ABSENT
        value = value[part]
    return value


def is_candidate(column: Column, value: object) -> bool:
    """Whether a value fills the column. An object or a list does only if the column takes one."""
    if value is ABSENT:
        return False
    return column.type in CONTAINED or not isinstance(value, dict | list)


def source_in(column: Column, record: Mapping[str, object]) -> str | None:
    """Return the first of the column's sources that this record has, or None."""
    return next((path for path in column.sources if is_candidate(column, value_at(record, path))), None)


class KeyReader:
    """Reads the keys of a page's records; it needs only their top-level `fields`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.fields = frozenset(name for path in endpoint.key.sources for name in (path, path.split(".")[0]))

    def __call__(self, records: Sequence[object]) -> list[str | None]:
        """Each record's key, None where it cannot be read."""
        likeliest = self._endpoint.key.sources[0]
        values = [record.get(likeliest) if type(record) is dict else None for record in records]
        if set(map(type, values)) == {int}:
            return list(map(key_text, values))
        return [read_key(self._endpoint, record) for record in records]


def read_key(endpoint: Endpoint, record: object) -> str | None:
    """Return a record's key as text: an integer's decimal digits, or the string itself.

    None if it cannot be read: no such field, null, 1.0, true, an empty string, one with a control character or half
    of a surrogate pair, and anything that is not a record.
    """
    if not isinstance(record, Mapping):
        return None
    path = source_in(endpoint.key, record)
    return None if path is None else key_text(value_at(record, path))


def key_text(value: object) -> str | None:
    """Return the text of a key's value, or None where it may not be a key."""
    if type(value) is int:
        return _digits(value)
    if type(value) is not str or not value:
        return None
    if value.isascii() and value.isprintable():
        return value
    return None if any(unicodedata.category(character) in ("Cc", "Cs") for character in value) else value


def _digits(value: int) -> str | None:
    try:
        return str(value)
    except ValueError:  # Python refuses integers of thousands of digits, which no id has
        return None
