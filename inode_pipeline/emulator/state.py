"""What changes while an emulator runs: its records, tokens and counts, and the handles by which a test changes them.

All of it may be changed from another thread at any time; a request sees what it finds when its page is cut.
Keep out: HTTP (`app.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from inode_pipeline.emulator.config import EmulatorConfig
from inode_pipeline.emulator.listing import Listing, Record, Written
from inode_pipeline.emulator.network import build_network
from inode_pipeline.emulator.recording import Playback, Recording, Visit
from inode_pipeline.emulator.throttle import Throttle
from inode_pipeline.emulator.tokens import TokenStore
from inode_pipeline.emulator.traffic import Interval, Traffic

TOKEN_PATH = "/api/oauth/token/"  # noqa: S105 - an address
LINKS_PATH = "/api/v1/links/"
NEXT_PATH = "/emulator/next"


class LoggedRequest(NamedTuple):
    """One request that was answered: its target is the path with the query."""

    method: str
    target: str
    status: int


class State:
    """One emulator's state.

    `records`: None, or what replaces whatever the emulator would serve; each item a dict, or bytes that are sent as
    they are. A list may be changed in place; a tuple may not, so that a page costs what is on it and no more.
    `on_page`: called with 1, 2, ... after each page was served, before any other request is looked at. It runs in the
    server's thread and must not call the server. What it raises is kept in `hook_error`.
    `requests`: every answered request, in order; clearing it sets the counts to 0.
    """

    def __init__(self, config: EmulatorConfig) -> None:
        self.config = config
        self.records: list[Record] | tuple[Record, ...] | None = None
        self.on_page: Callable[[int], None] | None = None
        self.hook_error: BaseException | None = None
        self.requests: list[LoggedRequest] = []
        self.pages_served = 0
        self.tokens = TokenStore(
            lifetime_s=config.token_lifetime_s, is_rotating=config.rotate_refresh, clock=config.clock
        )
        self.throttle = Throttle(config.throttle_per_minute, config.clock)
        self.recording = Recording(config.recording) if config.recording else None
        self.playback = Playback(len(self.recording)) if self.recording else None
        self._links = () if self.recording else build_network(config.links, config.seed)
        self._traffic = Traffic(config.seed)
        self._rendered: tuple[int, Listing] | None = None
        self._unchanging: tuple[tuple[Record, ...], Listing] | None = None

    @property
    def token_requests(self) -> int:
        """How many requests the token endpoint answered, whatever the answer."""
        return sum(request.target.partition("?")[0] == TOKEN_PATH for request in self.requests)

    @property
    def page_requests(self) -> int:
        """How many requests the list of links answered, whatever the answer."""
        return sum(request.target.partition("?")[0] == LINKS_PATH for request in self.requests)

    @property
    def logins(self) -> int:
        """How many password grants succeeded."""
        return self.tokens.logins

    def revoke_tokens(self) -> None:
        """Make every token unknown, refresh tokens included, as if an administrator had deleted them."""
        self.tokens.revoke()

    def expire_tokens(self) -> None:
        """End the lifetime of every access token; refresh tokens stay good."""
        self.tokens.expire()

    def next_snapshot(self) -> dict[str, object]:
        """Move a recording on, as POST /emulator/next does, and say where it stands; `LookupError` without one."""
        if self.recording is None or self.playback is None:
            raise LookupError("The emulator serves no recording.")
        self.playback.move_on()
        times = self.recording.times
        return {
            "next_login": times[self.playback.for_next_login],
            "api_key": times[self.playback.for_api_key],
            "snapshots": len(times),
        }

    def freeze(self) -> list[Any]:
        """Put what would be served now into `records`, to be changed at will, and return that very list."""
        self.records = records = self._records_now()
        return records

    def _records_now(self) -> list[Any]:
        if self.recording and self.playback:
            return list(self.recording.records(self.playback.for_next_login))
        interval = Interval.before(self.config.now())
        return list(json.loads(json.dumps([self._traffic.record(link, interval) for link in self._links])))

    def listing(self, visit: Visit) -> Listing:
        """The records from which a page is cut."""
        if isinstance(self.records, tuple):
            return self._unchanged(self.records)
        if self.records is not None:
            return Listing(list(self.records))
        if self.recording and self.playback:
            return self.recording.listing(self.playback.snapshot_for(visit))
        return self._synthetic()

    def _unchanged(self, records: tuple[Record, ...]) -> Listing:
        if self._unchanging is None or self._unchanging[0] is not records:
            self._unchanging = records, Listing(records)
        return self._unchanging[1]

    def note_served(self, visit: Visit, *, is_last_page: bool) -> None:
        """Let a recording know that a page was cut from it."""
        if self.records is None and self.playback:
            self.playback.note_served(visit, is_last_page=is_last_page)

    def _synthetic(self) -> Listing:
        interval = Interval.before(self.config.now())
        if self._rendered is None or self._rendered[0] != interval.number:
            written = Written(len(self._links), lambda place: self._traffic.record(self._links[place], interval))
            self._rendered = interval.number, Listing(written, [link.id for link in self._links])
        return self._rendered[1]

    def page_served(self) -> None:
        """Count a page and call the hook; an exception in it is kept, the first one only."""
        self.pages_served += 1
        if self.on_page is None:
            return
        try:
            self.on_page(self.pages_served)
        except Exception as exc:  # noqa: BLE001 - a test's assertion, raised again where the test can see it
            self.hook_error = self.hook_error or exc
