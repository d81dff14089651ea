"""Walk an endpoint and prove that the walk is complete.

A walk is proven by its counts and ids. The first walk, and any walk that would make links vanish, must also be
confirmed by another walk of the same call. At most three walks are made.
Not here: reading ids (the caller's `identify`) and storing pages (the caller's `Store`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

from inode_pipeline.api.bare_list import BareList, may_continue
from inode_pipeline.api.client import INodeClient
from inode_pipeline.api.pagination import Identify, Page
from inode_pipeline.errors import ApiContractError, IncompleteWalkError, PagingLoopError, UnstableOrderError

MAX_WALKS: Final = 3

Verdict = Literal["proven", "confirmed", "unverified"]


class Store(Protocol):
    """Stores the pages of the current walk. An accepted walk is always the last one begun."""

    def begin(self, snapshot_at: datetime) -> None:
        """Begin a walk, just before its first request. May raise to stop it."""

    def page(self, page: Page) -> None:
        """Store a page, before its content is checked."""

    def discard(self) -> None:
        """Discard the pages of the current walk."""


@dataclass(frozen=True, slots=True)
class Known:
    """The state of the warehouse when landing began: whether a walk is loaded, and the ids not deleted."""

    any_loaded: bool
    present: frozenset[str]


@dataclass(frozen=True, slots=True)
class ProvenWalk:
    """The accepted walk. `requests`, `retries` and `logins` are those of all walks of the call."""

    snapshot_at: datetime
    verdict: Verdict
    pages: int
    received: int
    unreadable: int
    requests: int
    retries: int
    logins: int


def prove_walk(
    client: INodeClient,
    path: str,
    *,
    identify: Identify,
    known: Known,
    store: Store,
    fields: frozenset[str] | None = None,
) -> ProvenWalk:
    """Walk the endpoint at `path` until a walk is accepted, whose pages are then in `store`.

    `identify` reads the ids of a page's records, None for one that cannot be read. With `fields`, its records have only
    these top-level fields; the rest of each page is not decoded.

    Raises:
        IncompleteWalkError: none of three walks could be shown to be complete.
        ApiContractError: three walks returned the same ids and the same wrong count.
        UnstableOrderError: none was complete, because records move between the pages of an unchanged list.
        PagingLoopError: a page repeats an earlier one.
        PipelineError: a page cannot be fetched or stored for another reason.

    """
    earlier: list[_WalkState] = []
    contradictions: list[_Contradiction] = []
    miscounts: list[_WalkState] = []
    for _ in range(MAX_WALKS):
        client.log_in()  # first, so that snapshot_at is the time of the first request for a page
        snapshot_at = client.now()
        store.begin(snapshot_at)
        walk = _WalkState(identify)
        try:
            _walk(client, path, fields, walk, store)
        except _Contradiction as contradiction:
            contradictions.append(contradiction)
            if contradiction.is_miscount:
                miscounts.append(walk)
        else:
            verdict = _verdict(walk, known, earlier)
            if verdict is not None:
                return ProvenWalk(
                    snapshot_at=snapshot_at,
                    verdict=verdict,
                    pages=walk.pages,
                    received=walk.received,
                    unreadable=walk.unreadable,
                    requests=client.tally.requests,
                    retries=client.tally.retries,
                    logins=client.tally.logins,
                )
            earlier.append(walk)
            contradictions.append(_Contradiction("no other walk agreed with it"))
        store.discard()
    if len(miscounts) == MAX_WALKS and _are_same(miscounts):
        raise _miscount_error(miscounts[-1])
    raise _incomplete_error(contradictions)


class _Contradiction(Exception):  # noqa: N818 - the walk is discarded, and the next one may succeed
    """The pages of a walk contradict each other, so it cannot be a correct copy of the list."""

    def __init__(self, reason: str, *, is_repeat: bool = False, is_miscount: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_repeat = is_repeat
        self.is_miscount = is_miscount


class _WalkState:
    """What is known of a walk up to its latest page.

    `keys` are the ids, `received` is the number of records, `unreadable` those without a readable id.
    `may_be_incomplete`: the server may have more records than it has sent.
    """

    def __init__(self, identify: Identify) -> None:
        self.identify = identify
        self._page_of_ids: dict[tuple[frozenset[str], int], int] = {}
        self.keys: set[str] = set()
        self.count: int | None = None
        self.may_be_incomplete = False
        self.pages = 0
        self.received = 0
        self.unreadable = 0

    def add(self, page: Page) -> None:
        """Add the next page.

        Raises:
            _Contradiction: it contradicts an earlier page.
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
            raise _Contradiction(f"{repeats} ids of page {page.number} are on an earlier page too", is_repeat=True)
        self._check_count(page)

    def finish(self) -> None:
        """Check the walk after its last page.

        Raises:
            _Contradiction: the number of records differs from the server's count.

        """
        if self.count is not None and self.received != self.count:
            raise _Contradiction(f"the server counts {self.count} records and sent {self.received}", is_miscount=True)

    @property
    def is_proven(self) -> bool:
        """Whether the finished walk is proven by its count or by being a single page."""
        return self.count is not None or self.pages == 1

    def _refuse_loop(self, number: int, keys: frozenset[str], unreadable: int) -> None:
        if not keys:
            return
        earlier = self._page_of_ids.setdefault((keys, unreadable), number)
        if earlier != number:
            raise PagingLoopError(
                f"Page {number} has exactly the ids of page {earlier}: the pages lead back to an earlier one.",
                remedy="Try another INODE_PAGE_SIZE; if it persists, report it to the API's support.",
            )

    def _check_count(self, page: Page) -> None:
        count = page.answer.count
        if page.number == 1:
            self.count = count
        if count != self.count:
            raise _Contradiction(f"the server counts {self.count} records on page 1 and {count} on page {page.number}")
        if count is not None and self.received > count:
            raise _Contradiction(f"the server counts {count} records and sent more", is_miscount=True)


def _walk(client: INodeClient, path: str, fields: frozenset[str] | None, walk: _WalkState, store: Store) -> None:
    """Store and then check each page.

    Raises:
        _Contradiction: the walk cannot be a correct copy of the list.
        PagingLoopError: the pages lead back to an earlier one.

    """
    with closing(client.pages(path, fields)) as pages:
        try:
            for page in pages:
                store.page(page)
                walk.add(page)
        except IncompleteWalkError as gone:
            raise _Contradiction(gone.message.rstrip(".")) from gone
    if walk.pages == 1 and may_continue(page):
        bare = BareList(page, client.route(path), client.ask, walk.identify)
        for page in bare.rest():
            store.page(page)
            walk.add(page)
        walk.may_be_incomplete = bare.may_be_incomplete
    walk.finish()


def _verdict(walk: _WalkState, known: Known, earlier: Sequence[_WalkState]) -> Verdict | None:
    """The verdict on a consistent walk; None if it still needs confirmation."""
    verdict = _verdict_by_ids(walk, known, earlier)
    return "unverified" if verdict is not None and walk.may_be_incomplete else verdict


def _verdict_by_ids(walk: _WalkState, known: Known, earlier: Sequence[_WalkState]) -> Verdict | None:
    if not known.any_loaded:
        is_same = any(other.unreadable == walk.unreadable and other.keys == walk.keys for other in earlier)
        return "confirmed" if is_same else None
    unconfirmed = lacks = known.present - walk.keys
    for other in earlier:
        unconfirmed -= known.present - other.keys
    if unconfirmed:
        return None
    if lacks:
        return "confirmed"
    return "proven" if walk.is_proven else "unverified"


def _are_same(walks: Sequence[_WalkState]) -> bool:
    first = walks[0]
    return all(one.count == first.count and one.keys == first.keys for one in walks)


def _miscount_error(walk: _WalkState) -> ApiContractError:
    more = " or more" if walk.count is not None and walk.received > walk.count else ""
    return ApiContractError(
        f"The server's count differs from its pages in the same way each time: {MAX_WALKS} walks returned the same "
        f"{walk.received} records{more}, but the count is {walk.count}.",
        remedy="The list is not changing: the count is estimated, cached or capped, or records are held back. Report "
        "it to the API's support; without a correct count nothing can be shown to be complete.",
    )


def _incomplete_error(contradictions: Sequence[_Contradiction]) -> IncompleteWalkError:
    reasons = "; ".join(f"walk {number}: {one.reason}" for number, one in enumerate(contradictions, start=1))
    if all(one.is_repeat for one in contradictions):
        return UnstableOrderError(
            "The server's order changes between requests, so that pages repeat some records and lose others. "
            f"{reasons}.",
            remedy="Try again later; if it persists, raise INODE_PAGE_SIZE so that fewer pages are needed, and ask the "
            "API's support for a stable order.",
        )
    return IncompleteWalkError(
        f"None of {len(contradictions)} walks could be shown to be complete. {reasons}.",
        remedy="Try again at a quieter time: the list changes while it is read.",
    )
