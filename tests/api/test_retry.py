"""Waiting: how long the server asks for, how long we do, and until when."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inode_pipeline import errors
from inode_pipeline.api.retry import MAX_UNASKED_PAUSE_S, Deadline, Retryable, keep_trying, requested_pause
from tests.api.stand_ins import FakeTime

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TROUBLE = errors.ApiUnavailableError("The server answered 500.", remedy="Wait.")


def attempts(*failures: BaseException) -> Callable[[], str]:
    left = list(failures)

    def attempt() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return attempt


def run(attempt: Callable[[], str], time: FakeTime, *, deadline_s: float = 3600, patience_s: float = 60) -> str:
    return keep_trying(
        attempt,
        deadline=Deadline(deadline_s, monotonic=time.monotonic),
        patience_s=patience_s,
        sleep=time.sleep,
        clock=time.now,
        before_retry=lambda: None,
    )


@given(st.integers(1, 10**6))
def test_m08_seconds_and_dates_ask_for_the_same(seconds: int) -> None:
    """With or without the server's own clock."""
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert requested_pause({"retry-after": str(seconds)}, NOW) == seconds
    assert requested_pause({"retry-after": date}, NOW) == seconds
    assert (
        requested_pause({"retry-after": date, "date": format_datetime(NOW, usegmt=True)}, NOW + timedelta(9)) == seconds
    )
    assert requested_pause({"retry-after": date, "date": "soon"}, NOW) == seconds


@given(
    st.text() | st.sampled_from(["0", "-1", "0.0", "١٢", "1_0", "+5", "1e9", "inf", "Sun, 01 Mar 2026 11:00:00 GMT"])
)
def test_m08_whatever_is_asked_a_pause_is_positive_or_none(text: str) -> None:
    """No value breaks the waiting."""
    pause = requested_pause({"retry-after": text}, NOW)
    assert pause is None or 0 < pause < 20 * 365 * 86_400


@given(st.floats(0.5, 500), st.floats(1, 400), st.lists(st.one_of(st.none(), st.floats(0.1, 100)), min_size=40))
def test_neither_deadline_nor_patience_is_overshot(
    deadline_s: float, patience_s: float, asked: list[float | None]
) -> None:
    """Whatever mixture of failures comes, no pause ends after the deadline."""
    time = FakeTime()
    failures = [Retryable(TROUBLE, asked_s=pause) for pause in asked]
    with suppress(errors.TransientError):
        run(attempts(*failures), time, deadline_s=deadline_s, patience_s=patience_s)
    assert time.elapsed < deadline_s
    assert all(pause <= MAX_UNASKED_PAUSE_S or pause in asked for pause in time.sleeps)
    if not any(asked[: len(time.sleeps) + 1]):
        assert time.elapsed <= patience_s


def test_our_own_pauses_grow_and_vary(fake_time: FakeTime) -> None:
    """Full jitter under a bound that doubles up to half a minute, so that many clients do not come back together."""
    run(attempts(*[Retryable(TROUBLE) for _ in range(200)]), fake_time, deadline_s=1e9, patience_s=1e9)
    bounds = [min(2.0**tries, 30) for tries in range(200)]
    assert all(0 <= pause <= bound for pause, bound in zip(fake_time.sleeps, bounds, strict=True))
    assert len(set(fake_time.sleeps)) > 190
    assert 10 < sum(fake_time.sleeps[5:]) / 195 < 20


@pytest.mark.parametrize(
    "failure", [ValueError(), errors.ApiProtocolError("a", remedy="b"), KeyboardInterrupt(), SystemExit()]
)
def test_what_does_not_ask_for_another_try_gets_none(fake_time: FakeTime, failure: BaseException) -> None:
    """Least of all an interrupt."""
    with pytest.raises(type(failure)):
        run(attempts(failure), fake_time)
    assert fake_time.sleeps == []


def test_the_last_error_is_raised_and_its_cause_kept(fake_time: FakeTime) -> None:
    """A person is shown the error, not the machinery around it."""
    with pytest.raises(errors.ApiUnavailableError) as caught:
        run(attempts(*[Retryable(TROUBLE)] * 500), fake_time)
    assert caught.value is TROUBLE
    assert fake_time.elapsed <= 60


def test_patience_begins_anew_after_an_asked_pause(fake_time: FakeTime) -> None:
    """A server that answers in an orderly way is not given up for its troubles before."""
    failures = [*[Retryable(TROUBLE)] * 4, Retryable(TROUBLE, asked_s=1000), Retryable(TROUBLE)]
    assert run(attempts(*failures), fake_time, patience_s=31) == "done"
    assert fake_time.elapsed > 1000
