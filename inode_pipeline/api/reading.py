"""What one walk shows of itself while its pages arrive: counts, ids, repeats.

Keep out: whether the walk is accepted, which needs the warehouse's and other walks' word (`walk.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from inode_pipeline.api.pagination import Page
from inode_pipeline.errors import PagingLoopError

Identify = Callable[[Sequence[Any]], Sequence[str | None]]
"""The id of each record of a page, None where it cannot be read."""


class Contradiction(Exception):  # noqa: N818 - a walk that shows one is thrown away, and another may do better
    """A walk cannot be a true copy of the list: its pages contradict each other."""

    def __init__(self, reason: str, *, is_repeat: bool = False, is_miscount: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_repeat = is_repeat
        self.is_miscount = is_miscount


class Reading:
    """One walk as far as it has come.

    `keys` are the ids so far, `received` counts every record, `unreadable` those without an id that can be read.
    `is_doubtful`: the server may have more records than it has shown, and confirming that is not possible.
    """

    def __init__(self, identify: Identify) -> None:
        self.identify = identify
        self._page_of_ids: dict[tuple[frozenset[str], int], int] = {}
        self.keys: set[str] = set()
        self.count: int | None = None
        self.is_doubtful = False
        self.pages = 0
        self.received = 0
        self.unreadable = 0

    def take(self, page: Page) -> None:
        """Look at the next page.

        Raises:
            Contradiction: it does not go together with the pages before.
            PagingLoopError: its ids are exactly those of an earlier page.

        """
        self.pages += 1
        self.received += len(page.answer.records)
        ids = self.identify(page.answer.records)
        keys, unreadable = frozenset(filter(None, ids)), ids.count(None)  # no key is empty
        self.unreadable += unreadable
        self._refuse_loop(page.number, keys, unreadable)
        repeats = len(self.keys & keys)
        self.keys |= keys
        if repeats:
            raise Contradiction(f"{repeats} ids of page {page.number} stand on an earlier page too", is_repeat=True)
        self._check_count(page)

    def finish(self) -> None:
        """The last page was taken.

        Raises:
            Contradiction: the pages hold another number of records than the server counts.

        """
        if self.count is not None and self.received != self.count:
            raise Contradiction(f"the server counts {self.count} records and sent {self.received}", is_miscount=True)

    @property
    def is_proven(self) -> bool:
        """Whether the walk, once finished, needs no better proof than its own."""
        return self.count is not None or self.pages == 1

    def _refuse_loop(self, number: int, keys: frozenset[str], unreadable: int) -> None:
        if not keys:
            return
        earlier = self._page_of_ids.setdefault((keys, unreadable), number)
        if earlier != number:
            raise PagingLoopError(
                f"Page {number} holds exactly the ids of page {earlier}: the pages lead back to an earlier one.",
                remedy="Try another INODE_PAGE_SIZE; if it stays, report it to the API's support.",
            )

    def _check_count(self, page: Page) -> None:
        count = page.answer.count
        if page.number == 1:
            self.count = count
        if count != self.count:
            raise Contradiction(f"the server counts {self.count} records on page 1 and {count} on page {page.number}")
        if count is not None and self.received > count:
            raise Contradiction(f"the server counts {count} records and sent more", is_miscount=True)
