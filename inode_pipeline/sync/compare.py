"""A walk as the one before it: only the records that either of them lacks or has differently are read.

Both are landed, so their pages are compared as they were received: the same text is the same record. A page is compared
with the earlier walk's page of the same number, and not even that if both are equal byte for byte. A record that moved
to another page is dropped from the one and fresh on the other, which costs time and changes nothing.
Whatever is doubtful, or dearer than looking at every record, ends in `DoubtfulError`.
Keep out: what becomes of the rows (`warehouse/marks.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Final

from inode_pipeline.api.answer import read_answer
from inode_pipeline.api.texts import page_of, record_texts
from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.errors import ApiContractError, LandingCorruptError, NotLandedError, PayloadTooLargeError
from inode_pipeline.normalise import Batch, Normaliser
from inode_pipeline.normalise.checks import pass_surely
from inode_pipeline.normalise.sums import Sums
from inode_pipeline.warehouse import landing, merge
from inode_pipeline.warehouse.engine import Warehouse
from inode_pipeline.warehouse.landing import LandedPage, LandedWalk

RECORDS_A_CALL: Final = 1000
WORTH: Final = 0.3
"""Where it looks as if fewer of the records than this share were equal, comparing costs more than it saves."""


class DoubtfulError(Exception):
    """What this walk holds must be found out by looking at every record."""


@dataclass
class _Records:
    """Records of one of the walks that wait to be typed, with their places."""

    normaliser: Normaliser
    texts: list[bytes] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)

    def add(self, page: int, records: Iterable[tuple[int, bytes]]) -> None:
        for position, text in records:
            self.pages.append(page)
            self.positions.append(position)
            self.texts.append(text)

    def typed(self) -> Batch:
        """One row for each; then none waits."""
        batch = self.normaliser.page(1, read_answer(page_of(self.texts)).records)
        if len(batch.typed["page"]) != len(self.texts):
            raise DoubtfulError
        batch = replace(batch, typed={**batch.typed, "page": self.pages, "position": self.positions})
        self.texts, self.pages, self.positions = [], [], []
        return batch


class Comparison:
    """The records in which a walk differs from an earlier one, staged page by page."""

    def __init__(
        self, warehouse: Warehouse, loading: merge.Load, endpoint: Endpoint, walk: LandedWalk, earlier: merge.Earlier
    ) -> None:
        self._warehouse = warehouse
        self._loading = loading
        self._endpoint = endpoint
        self._walk = walk
        self._earlier = earlier
        self._fresh, self._dropped = _Records(Normaliser(endpoint)), _Records(Normaliser(endpoint))
        self._compared = 0
        self._is_worth_it = False

    def stage(self) -> Sums:
        """Stage the records that are fresh and the keys of those dropped; return what all of the walk's add up to.

        Raises:
            DoubtfulError: every record must be looked at.

        """
        try:
            for before, after in self._pages():
                self._compare(before, after)
                if len(self._fresh.texts) + len(self._dropped.texts) >= RECORDS_A_CALL:
                    self._stage()
            self._stage()
        except (ApiContractError, LandingCorruptError, NotLandedError, PayloadTooLargeError):
            raise DoubtfulError from None
        kept = Sums.of_json(self._earlier.sums, self._earlier.fields)
        sums = kept - self._dropped.normaliser.sums + self._fresh.normaliser.sums
        if sums.records != self._walk.received or not sums.is_exact:
            raise DoubtfulError
        if not pass_surely(self._endpoint, sums, self._earlier.fields):
            raise DoubtfulError
        return sums

    def _pages(self) -> Iterator[tuple[LandedPage | None, LandedPage | None]]:
        """The pages of both walks that differ, by their numbers; None beyond the end of the shorter walk."""
        equal = self._earlier.equal_pages
        before = landing.walk_by_id(self._warehouse, self._earlier.walk_id)
        if before is None:
            raise DoubtfulError
        yield from zip_longest(
            landing.pages(self._warehouse, before, but=equal), landing.pages(self._warehouse, self._walk, but=equal)
        )

    def _compare(self, before: LandedPage | None, after: LandedPage | None) -> None:
        old = record_texts(before.body) if before else []
        new = record_texts(after.body) if after else []
        known, kept = set(old), set(new)
        self._compared += len(new)
        if after:
            self._fresh.add(after.number, ((place, text) for place, text in enumerate(new, 1) if text not in known))
        if before:
            self._dropped.add(before.number, ((place, text) for place, text in enumerate(old, 1) if text not in kept))

    def _stage(self) -> None:
        if not self._is_worth_it:
            self._require_worth()
        if self._fresh.texts:
            batch = self._fresh.typed()
            self._loading.stage(batch.frame, batch.rejected)
        if self._dropped.texts:
            self._loading.drop(self._dropped.typed().frame)

    def _require_worth(self) -> None:
        """Before anything is typed, suppose that the other pages are like those compared so far."""
        differing = self._walk.pages - len(self._earlier.equal_pages)
        share = len(self._fresh.texts) / self._compared if self._compared else 0.0
        if share * differing > (1 - WORTH) * self._walk.pages:
            raise DoubtfulError
        self._is_worth_it = True
