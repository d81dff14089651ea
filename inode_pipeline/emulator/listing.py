"""What one request is served from: a fixed sequence of records, each ready to be sent.

Keep out: which records they are (`state.py`) and how a page is cut (`pagination.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, overload

Record = Mapping[str, Any] | bytes
"""A record to be written as JSON, or its JSON, sent as it is."""


def as_json(value: object) -> bytes:
    """Compact UTF-8 JSON as Django REST framework's renderer writes it; a lone surrogate stays an escape."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


class Written(Sequence[bytes]):
    """Records that are written as JSON when first asked for, and kept: a large list costs what is read of it."""

    def __init__(self, count: int, record: Callable[[int], Mapping[str, Any]]) -> None:
        self._kept: list[bytes | None] = [None] * count
        self._record = record

    def __len__(self) -> int:
        return len(self._kept)

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        kept = self._kept[place]
        if kept is None:
            kept = self._kept[place] = as_json(self._record(place))
        return kept


class Listing:
    """The records of one list, in the order in which they are served; `ids` are theirs, if they are known already."""

    def __init__(self, records: Sequence[Record], ids: Sequence[object] | None = None) -> None:
        self._records = records
        self._ids = ids

    def __len__(self) -> int:
        return len(self._records)

    def array(self, places: Sequence[int] | range) -> bytes:
        """The records at these places as a JSON array."""
        records = (self._records[place] for place in places)
        return b"[" + b",".join(one if isinstance(one, bytes) else as_json(one) for one in records) + b"]"

    @cached_property
    def positions(self) -> list[Any]:
        """What a cursor orders by: the records' ids, or their places where the ids cannot be compared."""
        ids = list(ids_of(self._records) if self._ids is None else self._ids)
        are_comparable = any(all(type(one) is kind for one in ids) for kind in (int, str))
        return ids if are_comparable else list(range(len(ids)))

    @cached_property
    def order(self) -> list[int]:
        """The places of the records in the order of their positions."""
        return sorted(range(len(self)), key=self.positions.__getitem__)

    @cached_property
    def sorted_positions(self) -> list[Any]:
        """The positions in order, ties kept."""
        return [self.positions[place] for place in self.order]


def ids_of(records: Sequence[Record]) -> list[object]:
    """The id of each record; None where it has none, or is bytes."""
    return [record.get("id") if isinstance(record, Mapping) else None for record in records]
