"""What one request is served from: a fixed sequence of records, each ready to be sent.

Keep out: which records they are (`state.py`) and how a page is cut (`pagination.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

Record = Mapping[str, Any] | bytes
"""A record to be written as JSON, or its JSON, sent as it is."""


def as_json(value: object) -> bytes:
    """Compact UTF-8 JSON as Django REST framework's renderer writes it; a lone surrogate stays an escape."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


class Listing:
    """The records of one list, in the order in which they are served."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records

    @classmethod
    def rendered(cls, records: Sequence[Mapping[str, Any]]) -> Listing:
        """A listing that many requests are served from: every record is written once, here."""
        listing = cls([as_json(record) for record in records])
        listing.__dict__["positions"] = _positions(records)
        return listing

    def __len__(self) -> int:
        return len(self._records)

    def array(self, places: Sequence[int] | range) -> bytes:
        """The records at these places as a JSON array."""
        records = (self._records[place] for place in places)
        return b"[" + b",".join(one if isinstance(one, bytes) else as_json(one) for one in records) + b"]"

    @cached_property
    def positions(self) -> list[int] | list[str]:
        """What a cursor orders by: the records' ids, or their places where the ids cannot be compared."""
        return _positions(self._records)

    @cached_property
    def order(self) -> list[int]:
        """The places of the records in the order of their positions."""
        positions: list[Any] = list(self.positions)
        return sorted(range(len(positions)), key=positions.__getitem__)

    @cached_property
    def sorted_positions(self) -> list[Any]:
        """The positions in order, ties kept."""
        return [self.positions[place] for place in self.order]


def _positions(records: Sequence[Record]) -> list[int] | list[str]:
    ids = [record.get("id") if isinstance(record, Mapping) else None for record in records]
    for kind in (int, str):
        if all(type(one) is kind for one in ids):
            return ids  # type: ignore[return-value]
    return list(range(len(records)))
