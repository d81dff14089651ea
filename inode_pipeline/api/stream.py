"""Connections that end in time and go nowhere else.

httpx bounds each single read, so that a server which sends a byte now and then holds a client for ever. Here each step
gets what is left of the whole request's time, the handshake and the header included.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import httpcore

from inode_pipeline.api.cancellation import present_cancellation
from inode_pipeline.errors import ForeignUrlError

LONGEST_CONNECT_S: Final = 10.0

READ_BYTES: Final = 256 * 1024
"""How much is read at once at the most: of a page of 1 MB, every read costs about as much as copying its bytes."""


class _Present(threading.local):
    until: float = float("inf")


_present = _Present()


@contextmanager
def whole_time(seconds: float) -> Iterator[None]:
    """Let everything that this thread does on a connection meanwhile end after so many seconds."""
    _present.until = time.monotonic() + seconds
    try:
        yield
    finally:
        _present.until = float("inf")


def _left(timeout: float | None) -> float:
    left = min(_present.until - time.monotonic(), float("inf") if timeout is None else timeout)
    if left <= 0:
        raise httpcore.ReadTimeout
    return left


class _Stream(httpcore.NetworkStream):
    """A stream whose every step ends when the request's whole time is used up."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with self._watched():
            return self._inner.read(max(max_bytes, READ_BYTES), _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with self._watched():
            self._inner.write(buffer, _left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        with self._watched():
            return _Stream(self._inner.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def cut(self) -> None:
        """End the connection under the hands of whoever reads from it."""
        inner = self.get_extra_info("socket")
        if isinstance(inner, socket.socket):
            with suppress(OSError):
                socket.socket.shutdown(inner, socket.SHUT_RDWR)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        cancellation = present_cancellation()
        if cancellation is None:
            yield
        else:
            with cancellation.watching(self):
                yield


class OnlyTo(httpcore.NetworkBackend):
    """Connects to the places that were configured and to no other, whatever asked for it."""

    def __init__(self, allowed: set[tuple[str, int]]) -> None:
        self._allowed = allowed
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect, within what is left of the request's time.

        Raises:
            ForeignUrlError: to anywhere else; nothing but an error of ours can lead there.

        """
        if (host.lower(), port) not in self._allowed:
            raise ForeignUrlError("A request was about to leave for another server.", remedy="Report this as a bug.")
        timeout = min(LONGEST_CONNECT_S, _left(timeout))
        return _Stream(self._inner.connect_tcp(host, port, timeout, local_address, socket_options))
