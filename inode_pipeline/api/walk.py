"""Walk an endpoint and prove that the walk is complete.

A walk proves itself by its counts and its ids; one that would make links vanish, or that is the first, must be
confirmed by another walk of the same call. At most three walks are made.
Not here: what an id is (the caller's `identify`) and where pages are kept (the caller's `Store`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

from inode_pipeline.api.bare_list import BareList, may_go_on
from inode_pipeline.api.client import INodeClient
from inode_pipeline.api.pagination import Identify, Page
from inode_pipeline.errors import ApiContractError, IncompleteWalkError, PagingLoopError, UnstableOrderError

MAX_WALKS: Final = 3

Verdict = Literal["proven", "confirmed", "unverified"]


class Store(Protocol):
    """Keeps the pages of the current walk. An accepted walk is always the last one begun."""

    def begin(self, snapshot_at: datetime) -> None:
        """A walk begins; its first request is about to be sent. May raise to stop it."""

    def page(self, page: Page) -> None:
        """Keep a page, before anything in it is looked at."""

    def discard(self) -> None:
        """Discard the pages of the current walk."""


@dataclass(frozen=True, slots=True)
class Known:
    """The warehouse when landing began: whether a walk is loaded, and the links not deleted."""

    any_loaded: bool
    present: frozenset[str]


@dataclass(frozen=True, slots=True)
class ProvenWalk:
    """The accepted walk. `requests`, `retries` and `logins` are the client's, all walks of the call included."""

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
    """Walk the endpoint at `path` until a walk is accepted; its pages are then those in `store`.

    `identify` reads the ids of a page's records, None for one that cannot be read. With `fields`, its records hold only
    these top-level fields; the rest of each page is not decoded.

    Raises:
        IncompleteWalkError: none of three walks could be shown to be complete.
        ApiContractError: three walks brought the same ids, and the server counts them wrongly in the same way.
        UnstableOrderError: the same, because records move between the pages of an unchanged list.
        PagingLoopError: a page repeats an earlier one.
        PipelineError: a page cannot be fetched or kept for another reason.

    """
    earlier: list[_Reading] = []
    contradictions: list[_Contradiction] = []
    miscounts: list[_Reading] = []
    for _ in range(MAX_WALKS):
        client.log_in()  # so that the walk's first request is one for a page
        snapshot_at = client.now()
        store.begin(snapshot_at)
        reading = _Reading(identify)
        try:
            _walk(client, path, fields, reading, store)
        except _Contradiction as contradiction:
            contradictions.append(contradiction)
            if contradiction.is_miscount:
                miscounts.append(reading)
        else:
            verdict = _verdict(reading, known, earlier)
            if verdict is not None:
                return ProvenWalk(
                    snapshot_at=snapshot_at,
                    verdict=verdict,
                    pages=reading.pages,
                    received=reading.received,
                    unreadable=reading.unreadable,
                    requests=client.tally.requests,
                    retries=client.tally.retries,
                    logins=client.tally.logins,
                )
            earlier.append(reading)
            contradictions.append(_Contradiction("it is the first of its kind, and no other walk agreed with it"))
        store.discard()
    if len(miscounts) == MAX_WALKS and _are_same(miscounts):
        raise _miscounted(miscounts[-1])
    raise _none_accepted(contradictions)


class _Contradiction(Exception):  # noqa: N818 - the walk is discarded, and the next one may succeed
    """The pages of a walk contradict each other, so it cannot be a true copy of the list."""

    def __init__(self, reason: str, *, is_repeat: bool = False, is_miscount: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_repeat = is_repeat
        self.is_miscount = is_miscount


class _Reading:
    """One walk so far.

    `keys` are the ids so far, `received` counts every record, `unreadable` those without a readable id.
    `is_doubtful`: the server may have more records than it has shown, which cannot be verified.
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
        """Check the next page.

        Raises:
            _Contradiction: it contradicts the pages before.
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
            _Contradiction: the pages hold another number of records than the server counts.

        """
        if self.count is not None and self.received != self.count:
            raise _Contradiction(f"the server counts {self.count} records and sent {self.received}", is_miscount=True)

    @property
    def is_proven(self) -> bool:
        """Whether the walk, once finished, proves itself."""
        return self.count is not None or self.pages == 1

    def _refuse_loop(self, number: int, keys: frozenset[str], unreadable: int) -> None:
        if not keys:
            return
        earlier = self._page_of_ids.setdefault((keys, unreadable), number)
        if earlier != number:
            raise PagingLoopError(
                f"Page {number} holds exactly the ids of page {earlier}: the pages lead back to an earlier one.",
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


def _walk(client: INodeClient, path: str, fields: frozenset[str] | None, reading: _Reading, store: Store) -> None:
    """Take every page, each stored before it is checked.

    Raises:
        _Contradiction: the walk cannot be a true copy of the list.
        PagingLoopError: the pages lead back to an earlier one.

    """
    with closing(client.pages(path, fields)) as pages:
        try:
            for page in pages:
                store.page(page)
                reading.take(page)
        except IncompleteWalkError as gone:
            raise _Contradiction(gone.message.rstrip(".")) from gone
    if reading.pages == 1 and may_go_on(page):
        bare = BareList(page, client.route(path), client.ask, reading.identify)
        for page in bare.rest():
            store.page(page)
            reading.take(page)
        reading.is_doubtful = bare.is_doubtful
    reading.finish()


def _verdict(reading: _Reading, known: Known, earlier: Sequence[_Reading]) -> Verdict | None:
    """The verdict on a consistent walk; None while it lacks the confirmation that it needs."""
    verdict = _verdict_by_ids(reading, known, earlier)
    return "unverified" if verdict is not None and reading.is_doubtful else verdict


def _verdict_by_ids(reading: _Reading, known: Known, earlier: Sequence[_Reading]) -> Verdict | None:
    if not known.any_loaded:
        is_same = any(other.unreadable == reading.unreadable and other.keys == reading.keys for other in earlier)
        return "confirmed" if is_same else None
    unconfirmed = lacks = known.present - reading.keys
    for other in earlier:
        unconfirmed -= known.present - other.keys
    if unconfirmed:
        return None
    if lacks:
        return "confirmed"
    return "proven" if reading.is_proven else "unverified"


def _are_same(readings: Sequence[_Reading]) -> bool:
    first = readings[0]
    return all(one.count == first.count and one.keys == first.keys for one in readings)


def _miscounted(reading: _Reading) -> ApiContractError:
    more = " or more" if reading.count is not None and reading.received > reading.count else ""
    return ApiContractError(
        f"The server's count differs from its pages in the same way each time: {MAX_WALKS} walks brought the same "
        f"{reading.received} records{more}, and it counts {reading.count}.",
        remedy="The list is not changing: the count is estimated, cached or capped, or records are held back. Report "
        "it to the API's support; without a true count nothing can be shown to be complete.",
    )


def _none_accepted(contradictions: Sequence[_Contradiction]) -> IncompleteWalkError:
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
