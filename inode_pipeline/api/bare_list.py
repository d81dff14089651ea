"""Find the rest of a bare list that has neither a count nor a link to a next page.

Such a list may be complete, or the first page of a server whose paging is not known. So the client requests what would
be the next page, in one request with all usual parameters. If the server sends the same list again, it knows none of
them; otherwise they are tried one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Final

from inode_pipeline.api.pagination import Identify, Page, Route
from inode_pipeline.errors import ApiContractError

_USUAL_DIGITS: Final = {"1", "2", "25", "5"}
_MIN_USUAL: Final = 10

Ask = Callable[[str, int], Page | None]
"""Fetches the page at an address: a page without records if there is none, None if the server refuses."""


def may_continue(page: Page) -> bool:
    """Whether a first page may be part of a longer list although nothing says so."""
    answer, received = page.answer, len(page.answer.records)
    is_silent = answer.next is None and (answer.count is None or answer.count > received)
    return answer.style == "list" and received > 0 and is_silent


class BareList:
    """The list that begins with `first`. `may_be_incomplete` is set by `rest` if the list cannot be shown complete."""

    def __init__(self, first: Page, route: Route, ask: Ask, identify: Identify) -> None:
        self._first = first
        self._route = route
        self._ask = ask
        self._identify = identify
        self._length = len(first.answer.records)
        self._ids = self._ids_of(first)
        self.may_be_incomplete = False

    def rest(self) -> Generator[Page]:
        """Yield the pages after the first one.

        Raises:
            ApiContractError: there are more pages, but no known parameter returns them.

        """
        if self._is_same(self._page_at(page=2, offset=self._length, **self._one_record())):
            self.may_be_incomplete = self._is_of_usual_length()
            return
        # A server that numbers pages from 0 has already sent page 0.
        for name, start in (("page", 1), ("page", 2), ("offset", self._length)):
            page = self._page_at(**{name: start})
            if page is not None and not self._is_same(page):
                self.may_be_incomplete = start == 1 and not page.answer.records and self._is_of_usual_length()
                yield from self._following(page, name, start)
                return
        self._try_one_record()

    def _following(self, page: Page, name: str, at: int) -> Generator[Page]:
        """Yield the pages from `page` on, by page number or offset, until one is empty or gone."""
        received = self._length
        while page.answer.records:
            yield page
            received += len(page.answer.records)
            at = received if name == "offset" else at + 1
            following = self._page_at(page.number + 1, **{name: at})
            if following is None:
                raise ApiContractError(
                    f"Page {page.number + 1} is neither a page nor the end of the list: for {name}={at}, the server "
                    "does not send a list.",
                    remedy="Report it to the API's support.",
                )
            page = following

    def _try_one_record(self) -> None:
        page = self._page_at(**self._one_record())
        sent = None if page is None else len(page.answer.records)
        if sent == 1 < self._length and self._is_of_usual_length():
            raise ApiContractError(
                f"The server sends its list in pages (one record if asked for one, else {self._length}), but neither "
                "`page` nor `offset` returns the next one.",
                remedy="Ask the API's support how to request the next page. Nothing is loaded, because the rest of the "
                "list would be missing.",
            )
        self.may_be_incomplete = not self._is_same(page) or self._is_of_usual_length()

    def _one_record(self) -> dict[str, int]:
        return {self._route.page_size_param: 1, "limit": 1}

    def _page_at(self, number: int = 2, /, **parameters: int) -> Page | None:
        return self._ask(self._route.first_with(**parameters), number)

    def _ids_of(self, page: Page) -> tuple[frozenset[str | None], int]:
        ids = self._identify(page.answer.records)
        return frozenset(ids), ids.count(None)

    def _is_same(self, page: Page | None) -> bool:
        """Whether the page has the same ids as the first list; values may have changed meanwhile."""
        return page is not None and self._ids_of(page) == self._ids

    def _is_of_usual_length(self) -> bool:
        """Whether the list is as long as a usual page (10, 20, 25, 50, 100 …) or as the page size we asked for."""
        is_usual = self._length >= _MIN_USUAL and str(self._length).rstrip("0") in _USUAL_DIGITS
        return is_usual or self._length == self._route.page_size
