"""How many pages a user may read in a minute, as Django REST framework's rate throttle counts them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from inode_pipeline.emulator.negotiation import Refusal

_WINDOW_S = 60.0


class Throttle:
    """A sliding window of one minute; requests that were denied do not count."""

    def __init__(self, per_minute: int | None, clock: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._allowed_at: deque[float] = deque()

    def admit(self) -> None:
        """Count one request, or raise `Refusal` 429 that says when to come again."""
        if self._per_minute is None:
            return
        now = self._clock()
        while self._allowed_at and self._allowed_at[0] <= now - _WINDOW_S:
            self._allowed_at.popleft()
        if len(self._allowed_at) < self._per_minute:
            self._allowed_at.append(now)
            return
        wait_s = math.ceil(_WINDOW_S - (now - self._allowed_at[0]))
        seconds = "second" if wait_s == 1 else "seconds"
        detail = f"Request was throttled. Expected available in {wait_s} {seconds}."
        raise Refusal(429, detail, {"Retry-After": str(wait_s)})
