"""The mutable state of an emulator: records, tokens and counters, with methods for tests to change them.

Another thread may change it at any time; a request sees the state at the moment its page is built.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from inode_pipeline.emulator.config import EmulatorConfig
from inode_pipeline.emulator.network import build_network
from inode_pipeline.emulator.oauth import TokenStore
from inode_pipeline.emulator.pagination import Record
from inode_pipeline.emulator.recording import PageRequest, Playback, Recording
from inode_pipeline.emulator.traffic import Interval, Traffic

TOKEN_PATH = "/api/oauth/token/"  # noqa: S105 - an address
LINKS_PATH = "/api/v1/links/"
NEXT_PATH = "/emulator/next"


class LoggedRequest(NamedTuple):
    """An answered request; `target` is the path with the query."""

    method: str
    target: str
    status: int


class State:
    """The state of an emulator.

    `records`: if not None, served instead of the emulator's own records; each item is a dict, or bytes that are sent
    unchanged. May be changed in place.
    `on_page`: called with 1, 2, ... after each page, before any other request is handled. It runs in the server's
    thread and must not call the server. An exception in it is stored in `hook_error`.
    `retry_after_s`: if set, every request for links is answered with 429 and this pause.
    `requests`: every answered request, in order; clearing it resets the counts.
    """

    def __init__(self, config: EmulatorConfig) -> None:
        self.config = config
        self.records: Sequence[Record] | None = None
        self.on_page: Callable[[int], None] | None = None
        self.hook_error: BaseException | None = None
        self.retry_after_s: int | None = None
        self.requests: list[LoggedRequest] = []
        self.pages_served = 0
        self.tokens = TokenStore(config.token_lifetime_s)
        self.recording = Recording(config.recording) if config.recording else None
        self.playback = Playback(len(self.recording)) if self.recording else None
        self._links = () if self.recording else build_network(config.links, config.seed)
        self._traffic = Traffic(config.seed)
        self._shown: tuple[int, list[dict[str, object]]] | None = None

    @property
    def token_requests(self) -> int:
        """The number of requests that the token endpoint has answered."""
        return sum(request.target.partition("?")[0] == TOKEN_PATH for request in self.requests)

    @property
    def page_requests(self) -> int:
        """The number of requests for links that were answered."""
        return sum(request.target.partition("?")[0] == LINKS_PATH for request in self.requests)

    @property
    def logins(self) -> int:
        """The number of successful password grants."""
        return self.tokens.logins

    def revoke_tokens(self) -> None:
        """Revoke every access and refresh token, as if an administrator had deleted them."""
        self.tokens.revoke()

    def expire_tokens(self) -> None:
        """Expire every access token; refresh tokens stay valid."""
        self.tokens.expire()

    def next_snapshot(self) -> dict[str, object]:
        """Advance the recording, like POST /emulator/next, and return its position; `LookupError` without one."""
        if self.recording is None or self.playback is None:
            raise LookupError("The emulator serves no recording.")
        self.playback.advance()
        times = self.recording.times
        return {
            "next_login": times[self.playback.for_next_login],
            "api_key": times[self.playback.for_api_key],
            "snapshots": len(times),
        }

    def freeze(self) -> list[Any]:
        """Copy what would be served now into `records`, and return that list for changes."""
        if self.recording and self.playback:
            now: Sequence[Record] = self.recording.records(self.playback.for_next_login)
        else:
            now = self._synthetic()
        records: list[Any] = json.loads(json.dumps(now))
        self.records = records
        return records

    def records_for(self, request: PageRequest) -> Sequence[Record]:
        """The records to page through."""
        if self.records is not None:
            return self.records
        if self.recording and self.playback:
            return self.recording.records(self.playback.snapshot_for(request))
        return self._synthetic()

    def note_served(self, request: PageRequest, *, is_last_page: bool) -> None:
        """Notify the recording that a page of it was served."""
        if self.records is None and self.playback:
            self.playback.note_served(request, is_last_page=is_last_page)

    def _synthetic(self) -> list[dict[str, object]]:
        """The synthetic records after the last interval."""
        interval = Interval.before(self.config.now())
        if self._shown is None or self._shown[0] != interval.number:
            self._shown = interval.number, [self._traffic.record(link, interval) for link in self._links]
        return self._shown[1]

    def page_served(self) -> None:
        """Count a page and call the hook; keep the first exception in it."""
        self.pages_served += 1
        if self.on_page is None:
            return
        try:
            self.on_page(self.pages_served)
        except Exception as exc:  # noqa: BLE001 - EmulatorServer raises it again in the test
            self.hook_error = self.hook_error or exc
