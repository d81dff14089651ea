"""Read the pages in order while fetching the next ones.

The window limits the number of pages being fetched or waiting, and so the memory. A page fetched ahead is used only if
the page before it names exactly its address; otherwise it is dropped unread, along with its errors.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

from inode_pipeline.api.pagination import Page, Route, page_key
from inode_pipeline.api.transport import Cancellation
from inode_pipeline.errors import PagingLoopError

MAX_PAGES: Final = 100_000
_MAX_CLOSE_S: Final = 5.0

Fetched = Callable[[], Page]
"""A fetched page that is parsed when called, because parsing in several threads is slower."""

Fetch = Callable[[str, int, Cancellation], Fetched]


def traverse(route: Route, fetch: Fetch, *, window: int) -> Generator[Page]:
    """Yield every page of an endpoint in order, fetching up to `window` pages ahead.

    Raises:
        PagingLoopError: a page leads back to an address requested before, or there is no end.
        ForeignUrlError: a page leads to another server.

    """
    address, number, received = route.first, 1, 0
    asked = {page_key(address)}
    with _Prefetcher(fetch, window) as ahead:
        while True:
            page = ahead.take(address, number)
            received += len(page.answer.records)
            following = route.following(page)
            if following is not None:
                if page_key(following) in asked or number >= MAX_PAGES:
                    raise _loop_error(number)
                asked.add(page_key(following))
                ahead.prefetch(following, route.upcoming(page, following, received=received, window=window), number + 1)
            yield page
            if following is None:
                return
            address, number = following, number + 1


def _loop_error(number: int) -> PagingLoopError:
    what = "leads back to an earlier one" if number < MAX_PAGES else "is still not the last"
    return PagingLoopError(
        f"Page {number} {what}: the pages have no end.",
        remedy="Report it to the API's support; another INODE_PAGE_SIZE may avoid it.",
    )


@dataclass(frozen=True, slots=True)
class _Fetching:
    address: str
    page: Future[Fetched]
    thread: threading.Thread
    cancellation: Cancellation


class _Prefetcher:
    """The pages being fetched, in order."""

    def __init__(self, fetch: Fetch, window: int) -> None:
        self._fetch = fetch
        self._window = window
        self._under_way: deque[_Fetching] = deque()
        self._dropped: list[_Fetching] = []
        self._may_guess = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()
        end = time.monotonic() + _MAX_CLOSE_S
        for fetching in self._dropped:
            with suppress(RuntimeError):  # the thread was not started
                fetching.thread.join(max(0.0, end - time.monotonic()))

    def take(self, address: str, number: int) -> Page:
        """The page at an address, from those being fetched or else fetched now."""
        if self._under_way:
            fetched = self._under_way[0].page.result()  # listed until it is done, so that it can be cancelled
            self._under_way.popleft()
        else:
            fetched = self._fetch(address, number, Cancellation())
        return fetched()

    def prefetch(self, following: str, addresses: list[str], number: int) -> None:
        """Start fetching the pages at these addresses; only `following` was named by the server."""
        if self._under_way and self._under_way[0].address != following:
            self._drop()
            self._may_guess = False  # the server's addresses are not those we compute
        if not self._may_guess:
            addresses = addresses[:1]
        while len(self._under_way) > len(addresses):
            self._cancel(self._under_way.pop())
        if [fetching.address for fetching in self._under_way] != addresses[: len(self._under_way)]:
            self._drop()
        for ahead in range(len(self._under_way), min(self._window, len(addresses))):
            fetching = self._fetching(addresses[ahead], number + ahead)
            self._under_way.append(fetching)  # before it starts, because a signal may interrupt this thread
            fetching.thread.start()

    def _fetching(self, address: str, number: int) -> _Fetching:
        page: Future[Fetched] = Future()
        cancellation = Cancellation()

        def work() -> None:
            try:
                with cancellation.applied():
                    page.set_result(self._fetch(address, number, cancellation))
            except BaseException as problem:  # noqa: BLE001 - raised again by take()
                page.set_exception(problem)

        # A daemon thread, so that a server that never answers cannot keep the process alive.
        thread = threading.Thread(target=work, name=f"inode-page-{number}", daemon=True)
        return _Fetching(address, page, thread, cancellation)

    def _drop(self) -> None:
        while self._under_way:
            self._cancel(self._under_way.pop())

    def _cancel(self, fetching: _Fetching) -> None:
        fetching.cancellation.cancel()
        self._dropped = [one for one in self._dropped if one.thread.is_alive() or not one.page.done()]
        self._dropped.append(fetching)
