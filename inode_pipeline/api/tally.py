"""What a call has cost the API."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass
class Tally:
    """What was sent: requests for pages, repeats of any request, and requests for a token."""

    requests: int = 0
    retries: int = 0
    logins: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, *, requests: int = 0, retries: int = 0, logins: int = 0) -> None:
        """Count something, from any thread."""
        with self._lock:
            self.requests += requests
            self.retries += retries
            self.logins += logins

    def snapshot(self) -> Tally:
        """The numbers as they are now."""
        with self._lock:
            return Tally(self.requests, self.retries, self.logins)

    def __sub__(self, earlier: Tally) -> Tally:
        return Tally(self.requests - earlier.requests, self.retries - earlier.retries, self.logins - earlier.logins)
