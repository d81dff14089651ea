"""The pipeline's client, led over a reference server by a test and asked what it got."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from inode_pipeline.api.client import INodeClient
from inode_pipeline.api.pagination import Page
from inode_pipeline.api.walk import Known, ProvenWalk, prove_walk
from inode_pipeline.config import Settings
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.endpoints.record import KeyReader
from tests.reference.running import Reference

OAUTH = ("username", "password", "client_id", "client_secret")


class MemoryStore:
    """Holds the pages of the current walk."""

    def __init__(self, on_page: Callable[[int], None]) -> None:
        self.walks = 0
        self._on_page = on_page
        self.pages: list[Page] = []

    def begin(self, snapshot_at: datetime) -> None:
        """Start a walk."""
        assert not self.pages
        self.walks += 1

    def page(self, page: Page) -> None:
        """Take a page as it arrives."""
        self.pages.append(page)
        self._on_page(page.number)

    def discard(self) -> None:
        """Throw the current walk away."""
        self.pages = []


@dataclass(frozen=True)
class Walked:
    """An accepted walk: the records as the pages held them, without their times, and what it took."""

    proven: ProvenWalk
    records: list[dict[str, Any]]
    walks: int


def settings_for(server: Reference, *, by: str = "oauth2", **changes: Any) -> Settings:
    """Make the settings of an account on this server; small pages, so that there are several."""
    fields = OAUTH if by == "oauth2" else ("api_key",)
    values: dict[str, Any] = {name: server.credentials[name] for name in fields}
    values |= {"base_url": server.base_url, "page_size": 10, "walk_deadline_s": 30, "request_timeout_s": 5}
    return Settings(**(values | changes))


def walk(settings: Settings, present: Iterable[str] | None = None, *, expires_after: Collection[int] = ()) -> Walked:
    """Prove a walk over links; `present` are the links of the newest load, None where nothing was loaded yet.

    After each page of `expires_after` the token's time is over by the client's own clock.
    """
    known = Known(any_loaded=present is not None, present=frozenset(present or ()))
    with INodeClient(settings) as client:
        store = MemoryStore(lambda number: expire(client) if number in expires_after else None)
        proven = prove_walk(client, LINKS.path, identify=KeyReader(LINKS), known=known, store=store)
    records = [dict(record) for page in store.pages for record in page.answer.records]
    for record in records:
        del record["last_updated"]
    return Walked(proven, records, store.walks)


def expire(client: INodeClient) -> None:
    """Let the client's token be over by its clock, as if its life time had passed."""
    auth: Any = client._auth
    auth._token = replace(auth._token, expires_at=float("-inf"))


def by_id(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Order records by id."""
    return sorted(records, key=lambda record: record["id"])


def ids(server: Reference) -> list[str]:
    """List the ids of the links that stand on the server now, as the warehouse would hold them."""
    return [str(row["id"]) for row in server.rows()]
