"""Walk an endpoint and prove that the walk is complete.

A walk proves itself by its counts and its ids; one that would make links vanish, or that is the first, must be
confirmed by another walk of the same call. At most three walks are made.
Keep out: HTTP (`client.py`), what an id is (the caller's `identify`), and where pages are kept (the caller's `Store`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

from inode_pipeline.api.client import INodeClient
from inode_pipeline.api.keys import KeyDigests
from inode_pipeline.api.pagination import Page
from inode_pipeline.api.reading import Contradiction, Identify, Reading, read_walk
from inode_pipeline.errors import IncompleteWalkError, UnstableOrderError

MAX_WALKS: Final = 3

Verdict = Literal["proven", "confirmed", "unverified"]


class Store(Protocol):
    """Keeps the pages of the walk that is going on. An accepted walk is always the last one begun."""

    def begin(self, snapshot_at: datetime) -> None:
        """A walk begins: its first request is about to be sent. May refuse by raising."""

    def page(self, page: Page) -> None:
        """Keep a page, before anything in it is looked at."""

    def discard(self) -> None:
        """Throw away the pages of the present walk."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the warehouse knew when landing began: whether a walk is loaded, and the links not deleted."""

    any_loaded: bool
    present: KeyDigests


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


def prove_walk(client: INodeClient, path: str, *, identify: Identify, known: Known, store: Store) -> ProvenWalk:
    """Walk the endpoint at `path` until a walk is accepted; its pages are then those in `store`.

    `identify` reads a record's id, None if it has none that can be read.

    Raises:
        IncompleteWalkError: none of three walks could be shown to be complete.
        UnstableOrderError: the same, because records move between the pages of an unchanging list.
        PagingLoopError: a page repeats an earlier one.
        PipelineError: whatever else keeps a page from being had or kept.

    """
    before = client.tally.snapshot()
    earlier: list[Reading] = []
    troubles: list[Contradiction] = []
    for _ in range(MAX_WALKS):
        client.log_in()  # so that the walk's first request is one for a page
        snapshot_at = client.now()
        store.begin(snapshot_at)
        try:
            reading = _read(client, path, identify, store)
        except Contradiction as contradiction:
            troubles.append(contradiction)
        else:
            verdict = _verdict(reading, known, earlier)
            if verdict is not None:
                sent = client.tally - before
                return ProvenWalk(
                    snapshot_at=snapshot_at,
                    verdict=verdict,
                    pages=reading.pages,
                    received=reading.received,
                    unreadable=reading.unreadable,
                    requests=sent.requests,
                    retries=sent.retries,
                    logins=sent.logins,
                )
            earlier.append(reading)
            troubles.append(Contradiction("it is the first of its kind, and no other walk agreed with it"))
        store.discard()
    raise _none_accepted(troubles)


def _read(client: INodeClient, path: str, identify: Identify, store: Store) -> Reading:
    with closing(client.pages(path)) as pages:
        try:
            return read_walk(pages, store.page, identify)
        except IncompleteWalkError as gone:
            raise Contradiction(gone.message.rstrip(".")) from gone


def _verdict(reading: Reading, known: Known, earlier: Sequence[Reading]) -> Verdict | None:
    """What a consistent walk is worth; None while it needs a confirmation that it does not have."""
    if not known.any_loaded:
        is_same = any(other.unreadable == reading.unreadable and other.keys == reading.keys for other in earlier)
        return "confirmed" if is_same else None
    unconfirmed = lacks = known.present - reading.keys
    for other in earlier:
        unconfirmed -= known.present - other.keys
    if len(unconfirmed):
        return None
    if len(lacks):
        return "confirmed"
    return "proven" if reading.is_proven else "unverified"


def _none_accepted(troubles: Sequence[Contradiction]) -> IncompleteWalkError:
    told = "; ".join(f"walk {number}: {trouble.reason}" for number, trouble in enumerate(troubles, start=1))
    if all(trouble.is_repeat for trouble in troubles):
        return UnstableOrderError(
            f"The server's order changes between requests, so that pages repeat some records and lose others. {told}.",
            remedy="Try again later; if it stays, raise INODE_PAGE_SIZE so that fewer pages are needed, and ask the "
            "API's support for a stable order.",
        )
    return IncompleteWalkError(
        f"None of {len(troubles)} walks could be shown to be complete. {told}.",
        remedy="Try again at a quieter time: the list changes while it is read.",
    )
