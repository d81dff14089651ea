"""How one thread breaks off what another is doing on the network.

A request that waits for a slow server cannot be asked to stop; its connection can be cut. Every wait of a thread that
fetches a page is one of those here, so that a run which is stopped is over within moments.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Cancelled(Exception):  # noqa: N818 - nobody is told of it
    """Another thread has no more use for this request."""


class Cuttable(Protocol):
    """A connection that another thread may end."""

    def cut(self) -> None:
        """End it under the hands of whoever reads from it."""


class Cancellation:
    """By this one thread breaks off what another is doing: its pauses end, its connection is cut."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._streams: set[Cuttable] = set()

    def cancel(self) -> None:
        """Cut the connections in use. What is cancelled raises `Cancelled` at its next step."""
        with self._lock:
            self._event.set()
            for stream in self._streams:
                stream.cut()

    def check(self) -> None:
        """Raise `Cancelled` if there is no more use in going on."""
        if self._event.is_set():
            raise Cancelled

    def sleep(self, seconds: float) -> None:
        """Wait, unless cancelled."""
        self._event.wait(seconds)
        self.check()

    @contextmanager
    def watching(self, stream: Cuttable) -> Iterator[None]:
        """Let `cancel` cut this stream for a while."""
        with self._lock:
            self._streams.add(stream)
        try:
            self.check()
            yield
        finally:
            with self._lock:
                self._streams.discard(stream)


class _Present(threading.local):
    cancellation: Cancellation | None = None


_present = _Present()


def present_cancellation() -> Cancellation | None:
    """What may break off the present thread's requests."""
    return _present.cancellation


@contextmanager
def cancellable(cancellation: Cancellation) -> Iterator[None]:
    """Let `cancellation` break off every request that this thread sends meanwhile."""
    _present.cancellation = cancellation
    try:
        yield
    finally:
        _present.cancellation = None
