"""Send a request to the configured server only, and read the whole response within a time limit.

httpx limits only the time of each read, so a server that sends a byte now and then could block a client for ever, and
another thread cannot abort a request. So this transport uses httpcore's public interface: each step on a connection
gets the remaining time of the request, and `Cancellation.cancel` shuts down the connection from another thread.
httpx gets every response complete and decompressed.

Not here: interpreting answers, see `client.py` and `auth.py`.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import httpcore
import httpx

from inode_pipeline import errors
from inode_pipeline.api.body import MAX_BODY_BYTES, read_body
from inode_pipeline.api.pagination import Origin
from inode_pipeline.api.retry import Retryable, proxy_hint
from inode_pipeline.api.trust import causes, tls_problem, trusted_context, untrusted
from inode_pipeline.config import Settings
from inode_pipeline.errors import (
    ApiProtocolError,
    ApiUnreachableError,
    ForeignUrlError,
    PipelineError,
)

MAX_CONNECT_S: Final = 10.0

READ_BYTES: Final = 256 * 1024
"""The size of a read. Larger reads make a page of 1 MB cheaper, because each read is copied."""

_DROPPED: Final = {b"content-encoding", b"content-length", b"transfer-encoding"}


class Cancelled(Exception):  # noqa: N818 - never shown to a user
    """Another thread no longer needs this request."""


class Cancellation:
    """Lets one thread abort another's requests: pauses end and connections are shut down."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._streams: set[httpcore.NetworkStream] = set()

    def cancel(self) -> None:
        """Shut down the connections in use. The cancelled thread raises `Cancelled` at its next step."""
        with self._lock:
            self._event.set()
            for stream in self._streams:
                inner = stream.get_extra_info("socket")
                if isinstance(inner, socket.socket):
                    with suppress(OSError):
                        socket.socket.shutdown(inner, socket.SHUT_RDWR)

    def check(self) -> None:
        """Raise `Cancelled` if cancelled."""
        if self._event.is_set():
            raise Cancelled

    def sleep(self, seconds: float) -> None:
        """Wait, or raise `Cancelled` when cancelled."""
        self._event.wait(seconds)
        self.check()

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Let `cancel` abort every request that this thread sends inside the block."""
        _limits.cancellation = self
        try:
            yield
        finally:
            _limits.cancellation = Cancellation()

    @contextmanager
    def watching(self, stream: httpcore.NetworkStream) -> Iterator[None]:
        """Let `cancel` shut down this stream inside the block."""
        with self._lock:
            self._streams.add(stream)
        try:
            self.check()
            yield
        finally:
            with self._lock:
                self._streams.discard(stream)


class _RequestLimits(threading.local):
    """The limits of the current thread's request: its cancellation and its deadline."""

    def __init__(self) -> None:
        self.cancellation = Cancellation()
        self.until = float("inf")


_limits = _RequestLimits()


class _Stream(httpcore.NetworkStream):
    """A stream whose reads and writes end when the request is cancelled or its time is up."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _limits.cancellation.watching(self):
            return self._inner.read(max(max_bytes, READ_BYTES), _remaining_s(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _limits.cancellation.watching(self):
            self._inner.write(buffer, _remaining_s(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        with _limits.cancellation.watching(self):
            return _Stream(self._inner.start_tls(ssl_context, server_hostname, _remaining_s(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _remaining_s(timeout: float | None) -> float:
    left = min(_limits.until - time.monotonic(), float("inf") if timeout is None else timeout)
    if left <= 0:
        raise httpcore.ReadTimeout
    return left


class _SingleHostBackend(httpcore.NetworkBackend):
    """Connects only to the configured host and port."""

    def __init__(self, host: str, port: int) -> None:
        self._allowed = (host.lower(), port)
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect within the remaining time of the request.

        Raises:
            ForeignUrlError: the host or port is another one, which only a bug can cause.

        """
        if (host.lower(), port) != self._allowed:
            raise ForeignUrlError("A request was about to go to another server.", remedy="Report this as a bug.")
        timeout = min(MAX_CONNECT_S, _remaining_s(timeout))
        return _Stream(self._inner.connect_tcp(host, port, timeout, local_address, socket_options))


class Transport(httpx.BaseTransport):
    """Sends a request and reads the whole response within `budget_s()` seconds."""

    def __init__(self, settings: Settings, origin: Origin, budget_s: Callable[[], float]) -> None:
        self._origin = origin
        self._budget_s = budget_s
        self._request_timeout_s = settings.request_timeout_s
        self._has_proxy = settings.proxy is not None
        self._pool = _pool(settings, origin)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request.

        Raises:
            Retryable: the connection failed, possibly for a transient reason.
            PipelineError: it failed for another reason.

        """
        budget = self._budget_s()
        _limits.until = time.monotonic() + budget
        try:
            status, headers, body = self._exchange(request, budget)
        except httpcore.TimeoutException as problem:
            raise self._timeout_error(problem, budget) from problem
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError) as problem:
            raise self._connection_error(problem) from problem
        finally:
            _limits.until = float("inf")
        return httpx.Response(status, headers=headers, content=body, request=request)

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    def _exchange(self, request: httpx.Request, budget: float) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        answer = self._pool.handle_request(
            httpcore.Request(
                request.method,
                httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.read(),
                extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), budget)},
            )
        )
        try:
            headers = httpx.Headers(answer.headers)
            if 300 <= answer.status < 400:
                raise self._redirect_error(answer.status, headers.get("location", ""))
            body = read_body(headers.get("content-encoding", ""), answer.iter_stream(), limit=MAX_BODY_BYTES)
        finally:
            answer.close()
        return answer.status, [pair for pair in headers.raw if pair[0].lower() not in _DROPPED], body

    def _redirect_error(self, status: int, location: str) -> PipelineError:
        target = self._origin.rebuilt(location, seen_from=self._origin.base_url) if location else "nowhere"
        return ApiProtocolError(
            f"The server redirects ({status}) to {target.partition('?')[0]}; redirects are not followed.",
            remedy="Check INODE_BASE_URL: it must be the API's own address, with its scheme and path.",
        )

    def _timeout_error(self, problem: httpcore.TimeoutException, budget: float) -> Retryable:
        if isinstance(problem, httpcore.ConnectTimeout):
            return self._unreachable_error("no connection in time")
        return Retryable(
            errors.TimeoutError(
                f"{self._origin} did not send a complete answer within {budget:.3g} s on any attempt.",
                remedy="Try again later; if the API is always this slow, raise INODE_REQUEST_TIMEOUT_S "
                f"({self._request_timeout_s:g} s) or lower INODE_PAGE_SIZE.",
            )
        )

    def _connection_error(self, problem: Exception) -> PipelineError | Retryable:
        _limits.cancellation.check()
        tls = tls_problem(problem)
        if tls is not None:
            return untrusted(tls, self._origin)
        if isinstance(problem, httpcore.LocalProtocolError):
            raise ApiProtocolError(
                "A request could not be written as HTTP.", remedy="Check the INODE_ settings for odd characters."
            ) from None  # the cause's text quotes the invalid header, which may contain a secret
        if isinstance(problem, httpcore.ProxyError) and str(problem).startswith("4"):
            return ApiUnreachableError(
                f"The proxy refuses to connect to {self._origin} ({str(problem)[:3]}).", remedy="Check INODE_PROXY."
            )
        return self._unreachable_error(_reason(problem))

    def _unreachable_error(self, why: str) -> Retryable:
        via = " through INODE_PROXY" if self._has_proxy else ""
        return Retryable(
            ApiUnreachableError(
                f"{self._origin} cannot be reached{via}: {why}.",
                remedy="Check the network, and INODE_BASE_URL for a typo." + proxy_hint(has_proxy=self._has_proxy),
            )
        )


def _pool(settings: Settings, origin: Origin) -> httpcore.ConnectionPool:
    context = trusted_context(settings.ca_file)
    connections = settings.concurrency + 1
    if settings.proxy is None:
        return httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=connections,
            keepalive_expiry=5.0,
            network_backend=_SingleHostBackend(httpx.URL(origin.base_url).raw_host.decode(), origin.port),
        )
    proxy = httpx.Proxy(settings.proxy.get_secret_value())
    port = proxy.url.port or (443 if proxy.url.scheme == "https" else 80)
    return httpcore.HTTPProxy(
        httpcore.URL(
            scheme=proxy.url.raw_scheme, host=proxy.url.raw_host, port=proxy.url.port, target=proxy.url.raw_path
        ),
        proxy_auth=proxy.raw_auth,
        ssl_context=context,
        proxy_ssl_context=context if proxy.url.scheme == "https" else None,
        max_connections=connections,
        keepalive_expiry=5.0,
        network_backend=_SingleHostBackend(proxy.url.raw_host.decode(), port),
    )


def _reason(problem: BaseException) -> str:
    """The operating system's description of what happened."""
    found = (one.strerror.lower() for one in causes(problem) if isinstance(one, OSError) and one.strerror)
    return next(found, "the connection broke before the answer was complete")
