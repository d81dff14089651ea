"""Find the rest of a bare list that names neither its count nor a next page.

Such a list may be whole, or one page of a server that limits its answers and has its own name for the page number. So
the server is asked for what would be the next page. One request carries all parameters at once: a server that sends the
same list again knows none of them. Only if it sends something else are they tried one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Final

from inode_pipeline.api.pagination import Identify, Page, Route
from inode_pipeline.errors import ApiContractError

_USUAL_DIGITS: Final = {"1", "2", "25", "5"}
_MIN_USUAL: Final = 10

Ask = Callable[[str, int], Page | None]
"""Fetches the page at an address; without records if there is none, None if the server refuses."""


def may_go_on(page: Page) -> bool:
    """Whether a first page may be part of a longer list without saying so."""
    answer, received = page.answer, len(page.answer.records)
    is_silent = answer.next is None and (answer.count is None or answer.count > received)
    return answer.style == "list" and received > 0 and is_silent


class BareList:
    """The list that begins with `first`. `is_doubtful`, set by `rest`: nothing shows that it is whole."""

    def __init__(self, first: Page, route: Route, ask: Ask, identify: Identify) -> None:
        self._first = first
        self._route = route
        self._ask = ask
        self._identify = identify
        self._length = len(first.answer.records)
        self._ids = self._ids_of(first)
        self.is_doubtful = False

    def rest(self) -> Generator[Page]:
        """The pages behind the first one.

        Raises:
            ApiContractError: there are more, and no known parameter leads to them.

        """
        if self._is_same(self._asked(page=2, offset=self._length, **self._one_record())):
            self.is_doubtful = self._is_of_usual_length()
            return
        # A server that numbers pages from 0 has sent page 0.
        for name, start in (("page", 1), ("page", 2), ("offset", self._length)):
            page = self._asked(**{name: start})
            if page is not None and not self._is_same(page):
                self.is_doubtful = start == 1 and not page.answer.records and self._is_of_usual_length()
                yield from self._turned(page, name, start)
                return
        self._try_one_record()

    def _turned(self, page: Page, name: str, at: int) -> Generator[Page]:
        """The pages from `page` on, by page number or by offset, to the first that is empty or gone."""
        received = self._length
        while page.answer.records:
            yield page
            received += len(page.answer.records)
            at = received if name == "offset" else at + 1
            following = self._asked(page.number + 1, **{name: at})
            if following is None:
                raise ApiContractError(
                    f"Page {page.number + 1} is neither a page nor the end of the list: asked for {name}={at}, the "
                    "server sends no list.",
                    remedy="Report it to the API's support.",
                )
            page = following

    def _try_one_record(self) -> None:
        page = self._asked(**self._one_record())
        sent = None if page is None else len(page.answer.records)
        if sent == 1 < self._length and self._is_of_usual_length():
            raise ApiContractError(
                f"The server sends its list in pages (one record when asked for one, else {self._length}), and neither "
                "`page` nor `offset` leads to the next one.",
                remedy="Ask the API's support how the next page is asked for. Nothing is loaded, because the rest of "
                "the list would be missing.",
            )
        self.is_doubtful = not self._is_same(page) or self._is_of_usual_length()

    def _one_record(self) -> dict[str, int]:
        return {self._route.page_size_param: 1, "limit": 1}

    def _asked(self, number: int = 2, /, **parameters: int) -> Page | None:
        return self._ask(self._route.asking(**parameters), number)

    def _ids_of(self, page: Page) -> tuple[frozenset[str | None], int]:
        ids = self._identify(page.answer.records)
        return frozenset(ids), ids.count(None)

    def _is_same(self, page: Page | None) -> bool:
        """Whether the first list came again; its values may have changed meanwhile."""
        return page is not None and self._ids_of(page) == self._ids

    def _is_of_usual_length(self) -> bool:
        """Whether the list is as long as a page usually is (10, 20, 25, 50, 100 …), or as we asked for."""
        is_usual = self._length >= _MIN_USUAL and str(self._length).rstrip("0") in _USUAL_DIGITS
        return is_usual or self._length == self._route.page_size
