"""What changes while an emulator runs: its records, tokens and counts, and the handles by which a test changes them.

All of it may be changed from another thread at any time; a request sees what it finds when its page is cut.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from inode_pipeline.emulator.config import EmulatorConfig
from inode_pipeline.emulator.network import build_network
from inode_pipeline.emulator.oauth import TokenStore
from inode_pipeline.emulator.pagination import Record
from inode_pipeline.emulator.recording import Playback, Recording, Visit
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
    they are. It may be changed in place.
    `on_page`: called with 1, 2, ... after each page was served, before any other request is looked at. It runs in the
    server's thread and must not call the server. What it raises is kept in `hook_error`.
    `retry_after_s`: if set, every request for links is answered 429 with this pause.
    `requests`: every answered request, in order; clearing it sets the counts to 0.
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
        """Move a recording on, as POST /emulator/next does, and return its position; `LookupError` without one."""
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
        if self.recording and self.playback:
            now: Sequence[Record] = self.recording.records(self.playback.for_next_login)
        else:
            now = self._synthetic()
        records: list[Any] = json.loads(json.dumps(now))
        self.records = records
        return records

    def records_for(self, visit: Visit) -> Sequence[Record]:
        """The records from which a page is cut."""
        if self.records is not None:
            return self.records
        if self.recording and self.playback:
            return self.recording.records(self.playback.snapshot_for(visit))
        return self._synthetic()

    def note_served(self, visit: Visit, *, is_last_page: bool) -> None:
        """Let a recording know that a page was cut from it."""
        if self.records is None and self.playback:
            self.playback.note_served(visit, is_last_page=is_last_page)

    def _synthetic(self) -> list[dict[str, object]]:
        """What the network shows of its last interval."""
        interval = Interval.before(self.config.now())
        if self._shown is None or self._shown[0] != interval.number:
            self._shown = interval.number, [self._traffic.record(link, interval) for link in self._links]
        return self._shown[1]

    def page_served(self) -> None:
        """Count a page and call the hook; an exception in it is kept, the first one only."""
        self.pages_served += 1
        if self.on_page is None:
            return
        try:
            self.on_page(self.pages_served)
        except Exception as exc:  # noqa: BLE001 - a test's assertion, raised again where the test can see it
            self.hook_error = self.hook_error or exc
