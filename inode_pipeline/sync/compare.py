"""Which records of a walk are those of the walk before it, so that they need not be typed.

Both walks are landed, so their pages are compared as they were received: the same text is the same record. A page is
compared with the earlier walk's page of the same number.
Keep out: whether an equal record has an equal row (`warehouse/repeat.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from inode_pipeline.api.answer import Record
from inode_pipeline.api.packed import PlainRecords
from inode_pipeline.api.texts import record_texts
from inode_pipeline.errors import LandingCorruptError, NotLandedError
from inode_pipeline.warehouse import landing
from inode_pipeline.warehouse.engine import Warehouse
from inode_pipeline.warehouse.landing import LandedPage, LandedWalk

TRIED_PAGES: Final = 3
WORTH: Final = 0.1
"""Where after the first pages fewer of the records than this share were equal, comparing costs more than it saves."""


class Comparison:
    """Compares a walk with an earlier one, page by page in their order; with None nothing is ever equal."""

    def __init__(self, warehouse: Warehouse, earlier: LandedWalk | None) -> None:
        self._pages: Iterator[LandedPage] = landing.pages(warehouse, earlier) if earlier else iter(())
        self._compared = self._received = self._equal = 0

    def known(self, page: LandedPage, records: Sequence[Record]) -> list[int]:
        """The places, from 0, of the records that the earlier walk has as well; only plain pages are compared."""
        earlier = self._earlier_texts()
        if not earlier or not isinstance(records, PlainRecords):
            return []
        texts = record_texts(page.body)
        known = [row for row, text in enumerate(texts) if text in earlier] if len(texts) == len(records) else []
        self._compared += 1
        self._received += len(records)
        self._equal += len(known)
        if self._compared >= TRIED_PAGES and self._equal < WORTH * self._received:
            self._pages = iter(())
        return known

    def _earlier_texts(self) -> frozenset[bytes]:
        try:
            page = next(self._pages, None)
        except (LandingCorruptError, NotLandedError):  # not this walk's trouble
            self._pages = iter(())
            page = None
        return frozenset(record_texts(page.body)) if page is not None else frozenset()
