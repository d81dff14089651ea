"""Send one request and read its answer whole: the layer below httpx's client.

httpx follows its own rules for what a body may weigh, and nothing in it can be broken off by another thread. This
transport speaks through httpcore's public interface and hands every answer to httpx complete and unpacked.
Keep out: what an answer means (`client.py`, `auth.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import httpcore
import httpx

from inode_pipeline import errors
from inode_pipeline.api.body import MAX_BODY_BYTES, read_body
from inode_pipeline.api.cancellation import present_cancellation
from inode_pipeline.api.pagination import Origin
from inode_pipeline.api.retry import Retryable, proxy_hint
from inode_pipeline.api.stream import OnlyTo, whole_time
from inode_pipeline.api.trust import tls_problem, trusted_context, untrusted
from inode_pipeline.config import Settings
from inode_pipeline.errors import ApiProtocolError, ApiUnreachableError, PipelineError

_DROPPED: Final = {b"content-encoding", b"content-length", b"transfer-encoding"}


class Wire(httpx.BaseTransport):
    """Sends one request and reads its answer whole, within the time that `budget_s` grants when it begins."""

    def __init__(self, settings: Settings, origin: Origin, budget_s: Callable[[], float]) -> None:
        self._origin = origin
        self._budget_s = budget_s
        self._request_timeout_s = settings.request_timeout_s
        self._has_proxy = settings.proxy is not None
        self._pool = _pool(settings, origin)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request.

        Raises:
            Retryable: the connection failed in a way that may pass.
            PipelineError: it failed in a way that will not.

        """
        budget = self._budget_s()
        try:
            with whole_time(budget):
                status, headers, body = self._exchange(request, budget)
        except httpcore.TimeoutException as problem:
            raise self._slow(problem, budget) from problem
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError) as problem:
            raise self._broken(problem) from problem
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
                raise self._redirected(answer.status, headers.get("location", ""))
            body = read_body(headers.get("content-encoding", ""), answer.iter_stream(), limit=MAX_BODY_BYTES)
        finally:
            answer.close()
        return answer.status, [pair for pair in headers.raw if pair[0].lower() not in _DROPPED], body

    def _redirected(self, status: int, location: str) -> PipelineError:
        target = self._origin.rebuilt(location, seen_from=self._origin.base_url) if location else "nowhere"
        return ApiProtocolError(
            f"The server redirects ({status}) to {target.partition('?')[0]}; redirects are not followed.",
            remedy="Check INODE_BASE_URL: it must be the API's own address, with its scheme and path.",
        )

    def _slow(self, problem: httpcore.TimeoutException, budget: float) -> Retryable:
        if isinstance(problem, httpcore.ConnectTimeout):
            return self._unreachable("no connection in time")
        return Retryable(
            errors.TimeoutError(
                f"{self._origin} did not send a whole answer within {budget:.3g} s, every time.",
                remedy="Try again later; if the API is always that slow, raise INODE_REQUEST_TIMEOUT_S "
                f"({self._request_timeout_s:g} s) or lower INODE_PAGE_SIZE.",
            )
        )

    def _broken(self, problem: Exception) -> PipelineError | Retryable:
        cancellation = present_cancellation()
        if cancellation is not None:
            cancellation.check()
        tls = tls_problem(problem)
        if tls is not None:
            return untrusted(tls, self._origin)
        if isinstance(problem, httpcore.LocalProtocolError):
            raise ApiProtocolError(
                "A request could not be written as HTTP.", remedy="Check the INODE_ settings for odd characters."
            ) from None  # its text quotes the header that cannot be sent, with the secret in it
        if isinstance(problem, httpcore.ProxyError) and str(problem).startswith("4"):
            return ApiUnreachableError(
                f"The proxy refuses to connect to {self._origin} ({str(problem)[:3]}).", remedy="Check INODE_PROXY."
            )
        return self._unreachable(_cause(problem))

    def _unreachable(self, why: str) -> Retryable:
        via = " through INODE_PROXY" if self._has_proxy else ""
        return Retryable(
            ApiUnreachableError(
                f"{self._origin} cannot be reached{via}: {why}.",
                remedy="Check the network, and INODE_BASE_URL for a typing error."
                + proxy_hint(has_proxy=self._has_proxy),
            )
        )


def _pool(settings: Settings, origin: Origin) -> httpcore.ConnectionPool:
    context = trusted_context(settings)
    connections = settings.concurrency + 1
    if settings.proxy is None:
        return httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=connections,
            keepalive_expiry=5.0,
            network_backend=OnlyTo({(httpx.URL(origin.base_url).raw_host.decode(), origin.port)}),
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
        network_backend=OnlyTo({(proxy.url.raw_host.decode(), port)}),
    )


def _cause(problem: BaseException) -> str:
    """The operating system's word for what happened."""
    found: BaseException | None = problem
    while found is not None:
        if isinstance(found, OSError) and found.strerror:
            return found.strerror.lower()
        found = found.__cause__ or found.__context__
    return "the connection broke before the answer was whole"
