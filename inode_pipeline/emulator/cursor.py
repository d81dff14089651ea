"""Pages that are found by position instead of number: the cursors of Django REST framework.

A cursor is base64 of `o=<offset>&r=1&p=<position>`, every part optional: after (with `r=1`, before) the record at
`position`, skip `offset` records. The offset is only needed where several records share a position.
Keep out: the other forms, and addresses (`pagination.py`).
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode

from inode_pipeline.emulator.listing import Listing
from inode_pipeline.emulator.negotiation import Refusal

_GREATEST_OFFSET = 1000


@dataclass(frozen=True, slots=True)
class Cut:
    """The places of a page's records and the cursors of its neighbours; None where there is none."""

    places: Sequence[int]
    next: str | None
    previous: str | None


@dataclass(frozen=True, slots=True)
class _Cursor:
    offset: int = 0
    is_reverse: bool = False
    position: Any = None

    def encoded(self) -> str:
        parts: dict[str, object] = {}
        if self.offset:
            parts["o"] = self.offset
        if self.is_reverse:
            parts["r"] = 1
        if self.position is not None:
            parts["p"] = self.position
        return b64encode(urlencode(parts).encode("ascii")).decode("ascii")


def cut_at_cursor(listing: Listing, encoded: str | None, size: int) -> Cut:
    """The page at a cursor, the first one without.

    Raises `Refusal`: 404 for a cursor that cannot be read, 500 for a position that is no id, which nobody checks.
    """
    positions = listing.sorted_positions
    cursor = _decoded(encoded, is_number=bool(positions) and isinstance(positions[0], int))
    if cursor.is_reverse:
        stop = bisect_left(positions, cursor.position) if cursor.position is not None else len(positions)
        stop = max(0, stop - cursor.offset)
        start = max(0, stop - size)
        is_moved, has_more = cursor != _Cursor(is_reverse=True), start > 0
        has_next, has_previous = is_moved, has_more
        after, before = cursor.position, positions[start - 1] if has_more else None
    else:
        start = bisect_right(positions, cursor.position) if cursor.position is not None else 0
        start = min(len(positions), start + cursor.offset)
        stop = min(len(positions), start + size)
        is_moved, has_more = cursor != _Cursor(), stop < len(positions)
        has_next, has_previous = has_more, is_moved
        after, before = positions[stop] if has_more else None, cursor.position
    page = positions[start:stop]
    next_ = _neighbour(page[::-1], cursor, size, is_reverse=False, beyond=after, has_behind=has_previous, behind=before)
    previous = _neighbour(page, cursor, size, is_reverse=True, beyond=before, has_behind=has_next, behind=after)
    return Cut(
        listing.order[start:stop],
        next_.encoded() if has_next else None,
        previous.encoded() if has_previous else None,
    )


def _neighbour(
    page: list[Any], cursor: _Cursor, size: int, *, is_reverse: bool, beyond: Any, has_behind: bool, behind: Any
) -> _Cursor:
    """The cursor of the page on one side, given this page's positions beginning on that side.

    The first position that differs from what lies beyond marks the spot; records that share one are skipped by offset.
    """
    compare = page[0] if page and cursor.is_reverse != is_reverse and cursor.offset else beyond
    for offset, position in enumerate(page):
        if position != compare:
            return _Cursor(offset, is_reverse, position)
        compare = position
    if not page:
        return _Cursor(0, is_reverse, beyond)
    if not has_behind:
        return _Cursor(size, is_reverse, None)
    if cursor.is_reverse == is_reverse:
        return _Cursor(cursor.offset + size, is_reverse, behind)
    return _Cursor(0, is_reverse, behind)


def _decoded(encoded: str | None, *, is_number: bool) -> _Cursor:
    if encoded is None:
        return _Cursor()
    parts: dict[str, list[str]] = {}
    try:
        # Not strict: characters outside the alphabet are dropped, so junk decodes to the first page.
        parts = parse_qs(b64decode(encoded.encode("ascii")).decode("ascii"), keep_blank_values=True)
        offset = int(parts.get("o", ["0"])[0])
        is_reverse = bool(int(parts.get("r", ["0"])[0]))
    except ValueError:
        offset, is_reverse = -1, False
    if offset < 0:
        raise Refusal(404, "Invalid cursor")
    position: Any = parts["p"][0] if "p" in parts else None
    if position is not None and is_number:
        try:
            position = int(position)
        except ValueError as exc:
            raise Refusal(500, "Server Error (500)") from exc
    return _Cursor(min(offset, _GREATEST_OFFSET), is_reverse, position)
