"""The API client: `INodeClient.pages(path)` traverses an endpoint once.

`auth.py` authorises each request, `retry.py` retries it and `transport.py` sends it.
Not here: whether a traversal is complete, see `walk.py`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final, Literal, Self, TypeVar
from urllib.parse import urlsplit

import httpx

from inode_pipeline import __version__
from inode_pipeline.api.answer import (
    Answer,
    damage_of,
    damaged,
    raise_if_no_page,
    raise_if_transient,
    read_answer,
)
from inode_pipeline.api.auth import ApiKey, PasswordGrant, Tally
from inode_pipeline.api.pagination import Origin, Page, Route, with_headers
from inode_pipeline.api.prefetch import Fetched, traverse
from inode_pipeline.api.retry import Deadline, keep_trying
from inode_pipeline.api.transport import Cancellation, Transport
from inode_pipeline.config import Settings
from inode_pipeline.errors import ApiContractError, ApiProtocolError, PayloadTooLargeError

log = logging.getLogger(__name__)
T = TypeVar("T")

Purpose = Literal["sync", "inspect", "doctor"]

PATIENCE_S: Final = {"sync": 60.0, "inspect": 10.0, "doctor": 10.0}
"""How many seconds a request may keep failing before the server has sent a good response."""

PATIENCE_MID_WALK_S: Final = 300.0
"""The same after a good response, so that a long walk survives a restart of the server."""

_GONE: Final = (404, 410, 416)


def utc_now() -> datetime:
    """The current time, in UTC."""
    return datetime.now(UTC)


class INodeClient:
    """Client of an iNode account, for one call. Several threads fetch pages, and one reads them.

    `sleep`, `clock` (UTC) and `monotonic` (seconds) are replaced only in tests. The default `sleep` ends early when the
    pages are no longer needed.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        deadline: Deadline | None = None,
        purpose: Purpose = "sync",
        sleep: Callable[[float], None] | None = None,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        for name in ("httpx", "httpcore"):  # they log complete addresses
            logging.getLogger(name).setLevel(logging.WARNING)
        self.tally = Tally()
        self.now = clock
        self._settings = settings
        self._purpose: Purpose = purpose
        self._sleep = sleep
        self._deadline = deadline or Deadline(settings.walk_deadline_s, monotonic=monotonic)
        self._origin = Origin(settings.base_url)
        self._has_read_page = False
        self._style = ""
        headers = {
            "User-Agent": f"inode-pipeline/{__version__}" + ("" if purpose == "sync" else f" ({purpose})"),
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        }
        self._auth = self._authentication(headers, monotonic)
        self._http = httpx.Client(
            auth=self._auth,
            transport=Transport(settings, self._origin, self._budget_s),
            headers=headers,
            follow_redirects=False,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )

    def _authentication(self, headers: dict[str, str], monotonic: Callable[[], float]) -> ApiKey | PasswordGrant:
        settings = self._settings
        if settings.auth == "api_key" and settings.api_key is not None:
            return ApiKey(settings.api_key.get_secret_value(), self.tally)
        return PasswordGrant(settings, self.tally, headers=headers, clock=self.now, monotonic=monotonic)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    @property
    def granted_scope(self) -> str | None:
        """The scope of the token; None before the first login and with an API key."""
        return self._auth.granted_scope

    def log_in(self) -> None:
        """Get a token; does nothing with an API key or while a token is valid.

        Raises:
            CredentialsError: the server refuses the credentials.
            TransientError: the server cannot be reached or fails.

        """
        self._keep_trying(
            lambda: self._auth.log_in(lambda request: self._http.send(request, auth=None)), Cancellation()
        )

    def pages(self, path: str, fields: frozenset[str] | None = None) -> Generator[Page]:
        """Yield the pages of the endpoint at `path` (relative to INODE_BASE_URL) in order, fetching several at a time.

        Nothing is sent before the first page is requested, and closing the iterator aborts requests in progress.
        `inspect` and `doctor`, which need one page, do not fetch ahead. With `fields`, records have only these fields.

        Raises:
            PipelineError: a page cannot be fetched; IncompleteWalkError if a page after the first is gone.

        """
        settings, route = self._settings, self.route(path)
        fetch = partial(self._fetch, urlsplit(route.first).path, fields)
        return traverse(route, fetch, window=settings.concurrency if self._purpose == "sync" else 0)

    def route(self, path: str) -> Route:
        """The addresses of an endpoint's pages."""
        settings = self._settings
        return Route(self._origin, path, page_size=settings.page_size, page_size_param=settings.page_size_param)

    def ask(self, address: str, number: int) -> Page | None:
        """The page at an address that no page has named; empty if it does not exist, None if the server refuses it."""

        def attempt() -> Page | None:
            response, fetched_at = self._get(address)
            if response.status_code in _GONE:
                return Page(number, address, b"", Answer([], None, None, "list"), fetched_at)
            if 400 <= response.status_code < 500:
                return None
            raise_if_no_page(response, number, "", self._auth.secrets)
            return self._read(number, address, response, fetched_at)

        try:
            return self._keep_trying(attempt, Cancellation())
        except ApiContractError:
            return None

    def _fetch(
        self, first_path: str, fields: frozenset[str] | None, address: str, number: int, cancellation: Cancellation
    ) -> Fetched:
        def attempt() -> tuple[httpx.Response, datetime]:
            response, fetched_at = self._get(address)
            raise_if_no_page(response, number, first_path, self._auth.secrets)
            return response, fetched_at

        fetched = [self._keep_trying(attempt, cancellation)]

        def read() -> Page:
            response, fetched_at = fetched.pop() if fetched else attempt()
            return self._read(number, address, response, fetched_at, fields)

        return partial(self._keep_trying, read, cancellation)

    def _get(self, address: str) -> tuple[httpx.Response, datetime]:
        """A complete response and the time it came. Raises Retryable if the server throttles or fails."""
        self._deadline.check()
        response = self._http.get(address)
        fetched_at = self.now()
        # A response references itself through its stream; breaking the cycle frees its body at once.
        response.stream = httpx.ByteStream(b"")
        raise_if_transient(response, fetched_at, self._auth.secrets)
        return response, fetched_at

    def _read(
        self,
        number: int,
        address: str,
        response: httpx.Response,
        fetched_at: datetime,
        fields: frozenset[str] | None = None,
    ) -> Page:
        """Read a fetched page; errors name its number.

        Raises:
            Retryable: it was damaged in transit.
            ApiContractError: it is not a page.

        """
        body = response.content
        try:
            answer = with_headers(read_answer(body, fields), response.headers)
        except (ApiContractError, PayloadTooLargeError) as problem:
            if how := damage_of(body, is_api=self._has_read_page):
                raise damaged(f"Page {number}", how) from problem
            raise type(problem)(f"Page {number}: {problem.message}", remedy=problem.remedy) from problem.__cause__
        if number == 1:
            self._style = answer.style
        elif answer.style != self._style:
            what = "a bare list" if answer.style == "list" else "an object"
            raise ApiContractError(f"Page {number} is {what}, unlike page 1.", remedy="Report it to the API's support.")
        log.debug("page=%d records=%d bytes=%d", number, len(answer.records), len(body))
        self._has_read_page = True
        return Page(number, address, body, answer, fetched_at)

    def _keep_trying(self, attempt: Callable[[], T], cancellation: Cancellation) -> T:
        try:
            return keep_trying(
                attempt,
                deadline=self._deadline,
                patience_s=PATIENCE_MID_WALK_S if self._has_read_page else PATIENCE_S[self._purpose],
                sleep=self._sleep or cancellation.sleep,
                clock=self.now,
                before_retry=lambda: self.tally.add(retries=1),
            )
        except (ApiProtocolError, ApiContractError) as problem:
            if self._has_read_page or not self._origin.hint:
                raise
            raise type(problem)(problem.message, remedy=self._origin.hint + problem.remedy) from problem.__cause__

    def _budget_s(self) -> float:
        """How many seconds the next request may take."""
        self._deadline.check()
        return min(self._settings.request_timeout_s, self._deadline.remaining())
