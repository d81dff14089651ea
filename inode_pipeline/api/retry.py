"""Retry transient failures: which ones, how long to wait, and until when.

A transient failure is raised as `Retryable`, which contains the error to show in the end; `keep_trying` retries and
finally raises that error. All other exceptions pass through.
Not here: what a status or an exception means, see `answer.py` and `transport.py`.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from inode_pipeline import errors
from inode_pipeline.errors import PipelineError, RateLimitedError

log = logging.getLogger(__name__)
T = TypeVar("T")

MAX_UNASKED_PAUSE_S: Final = 30.0
MAX_ASKED_PAUSE_S: Final = 10 * 365 * 86_400.0
_SECONDS: Final = re.compile(r"\d{1,12}(\.\d{1,6})?\Z")
_PROXY_VARIABLES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


class Deadline:
    """The time by which all walks of a call must be done, on the monotonic clock."""

    def __init__(self, seconds: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._monotonic = monotonic
        self._begin = monotonic()

    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._monotonic() - self._begin

    def remaining(self) -> float:
        """Seconds left, never less than 0."""
        return max(0.0, self.seconds - self.elapsed())

    def allows(self, pause_s: float) -> bool:
        """Whether time is left after a pause of this many seconds."""
        return pause_s < self.remaining()

    def check(self) -> None:
        """Raise if time is up.

        Raises:
            TimeoutError: time is up.

        """
        if not self.remaining():
            raise errors.TimeoutError(
                f"Reading the API took longer than INODE_WALK_DEADLINE_S ({self.seconds:g} s).",
                remedy="Try again later; if the API is always this slow, raise INODE_WALK_DEADLINE_S.",
            )


class Retryable(Exception):  # noqa: N818 - never shown to a user
    """A transient failure. `error` is what to raise in the end, `asked_s` the pause the server asked for."""

    def __init__(self, error: PipelineError, *, asked_s: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.asked_s = asked_s


def keep_trying(
    attempt: Callable[[], T],
    *,
    deadline: Deadline,
    patience_s: float,
    sleep: Callable[[float], None],
    clock: Callable[[], datetime],
    before_retry: Callable[[], None],
) -> T:
    """Return the result of the first attempt that does not raise `Retryable`.

    `patience_s` limits the time spent on failures for which the server asked for no pause; pauses that it asked for are
    limited only by the deadline. A pause that would exceed its limit is not started.

    Raises:
        RateLimitedError: the server asked for a pause beyond the deadline.
        PipelineError: the error of the last attempt.

    """

    def announce(state: RetryCallState) -> None:
        log.warning("%s Trying again in %.1f s.", _failure(state), state.upcoming_sleep)
        before_retry()

    retrying = Retrying(
        retry=retry_if_exception_type(Retryable),
        wait=_as_asked_or(wait_random_exponential(multiplier=1, max=MAX_UNASKED_PAUSE_S)),
        stop=_at_the_end_of(deadline, patience_s),
        before_sleep=announce,
        sleep=sleep,
        reraise=True,
    )
    try:
        return retrying(attempt)
    except Retryable as last:
        if last.asked_s is not None and not deadline.allows(last.asked_s):
            raise _rate_limited(last.asked_s, deadline, clock()) from last.error
        raise last.error from last.__cause__


class _as_asked_or(wait_base):  # noqa: N801 - named as tenacity names its parts
    """Wait as long as the server asked, or else as another policy says."""

    def __init__(self, otherwise: wait_base) -> None:
        self._otherwise = otherwise

    def __call__(self, retry_state: RetryCallState) -> float:
        asked = _failure(retry_state).asked_s
        return self._otherwise(retry_state) if asked is None else asked


class _at_the_end_of(stop_base):  # noqa: N801 - named as tenacity names its parts
    """Stop before a pause that would exceed the deadline or, if the server asked for none, the patience."""

    def __init__(self, deadline: Deadline, patience_s: float) -> None:
        self._deadline = deadline
        self._patience_s = patience_s
        self._patient_until_s: float | None = None

    def __call__(self, retry_state: RetryCallState) -> bool:
        pause = retry_state.upcoming_sleep
        if not self._deadline.allows(pause):
            return True
        if _failure(retry_state).asked_s is not None:
            self._patient_until_s = None
            return False
        now = self._deadline.elapsed()
        if self._patient_until_s is None:
            self._patient_until_s = now + self._patience_s
        return now + pause > self._patient_until_s


def _failure(state: RetryCallState) -> Retryable:
    failure = state.outcome.exception() if state.outcome else None
    assert isinstance(failure, Retryable)  # noqa: S101 - the only exception that is retried
    return failure


def _rate_limited(asked_s: float, deadline: Deadline, now: datetime) -> RateLimitedError:
    until = now + timedelta(seconds=asked_s)
    return RateLimitedError(
        f"The server asks for a pause of {asked_s:.0f} s, until {until:%Y-%m-%d %H:%M:%S} UTC, "
        f"but only {deadline.remaining():.0f} s of INODE_WALK_DEADLINE_S ({deadline.seconds:g} s) are left.",
        remedy="Try again after that time; if it happens often, lower INODE_CONCURRENCY or sync less often.",
    )


def requested_pause(headers: Mapping[str, str], now: datetime) -> float | None:
    """The pause in seconds that `Retry-After` asks for as a number or a date; None if it asks for none.

    A date is compared with the server's own `Date`, if there is one, so that a wrong clock on either side does not
    matter. Zero, negative and unreadable values count as none.
    """
    value = headers.get("retry-after", "").strip()
    if _SECONDS.match(value):
        seconds = float(value)
    else:
        moment = _http_date(value)
        seconds = (moment - (_http_date(headers.get("date", "")) or now)).total_seconds() if moment else 0.0
    return min(seconds, MAX_ASKED_PAUSE_S) if seconds > 0 else None


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def proxy_hint(*, has_proxy: bool) -> str:
    """A hint if the environment names a proxy and INODE_PROXY does not, else empty."""
    names = [name for name in _PROXY_VARIABLES if os.environ.get(name) or os.environ.get(name.lower())]
    if has_proxy or not names:
        return ""
    return f" {' and '.join(names)} is set in the environment but not used: set INODE_PROXY if a proxy is needed."
