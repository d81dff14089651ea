"""Authentication with OAuth2's password grant or an API key, as httpx auth flows.

A flow is a generator that yields a request and receives the response, so logging in, renewing a token and repeating a
request are written in the order in which they happen. Each attempt of each page has its own flow, in several threads.
Not here: retrying after a transient failure, see `retry.py`.

https://www.python-httpx.org/advanced/authentication/#custom-authentication-schemes
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import httpx

from inode_pipeline.api.answer import damage_of, damaged, raise_if_transient
from inode_pipeline.api.token import Token, read_token
from inode_pipeline.config import Settings
from inode_pipeline.errors import (
    ApiKeyRejectedError,
    ApiProtocolError,
    AuthRejectedError,
    CredentialsError,
    ScopeMissingError,
)
from inode_pipeline.text import quoted

Flow = Generator[httpx.Request, httpx.Response, None]
Login = Generator[httpx.Request, httpx.Response, Token]

REFUSED: Final = (401, 403)


@dataclass
class Tally:
    """Request counters of one call: requests for pages, retries of any request, and requests for a token."""

    requests: int = 0
    retries: int = 0
    logins: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, *, requests: int = 0, retries: int = 0, logins: int = 0) -> None:
        """Add to the counters, from any thread."""
        with self._lock:
            self.requests += requests
            self.retries += retries
            self.logins += logins


class ApiKey(httpx.Auth):
    """`Authorization: Token <key>`. A refused key is not sent again."""

    granted_scope = None

    def __init__(self, key: str, tally: Tally) -> None:
        self._key = key
        self._tally = tally
        self._is_refused = False

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts that must never be quoted."""
        return (self._key,)

    def log_in(self, send: Callable[[httpx.Request], httpx.Response]) -> None:
        """Do nothing: an API key needs no login."""

    def sync_auth_flow(self, request: httpx.Request) -> Flow:
        """Send a request with the key.

        Raises:
            ApiKeyRejectedError: the key is refused.

        """
        if self._is_refused:
            raise _key_error("before")
        request.headers["Authorization"] = f"Token {self._key}"
        self._tally.add(requests=1)
        response = yield request
        if response.status_code in REFUSED:
            self._is_refused = True
            raise _key_error(str(response.status_code))


class PasswordGrant(httpx.Auth):
    """OAuth2's password grant. When the token expires or is refused, one thread renews it for all.

    Refused credentials are not sent again: later calls raise the same error without a request.
    """

    def __init__(
        self,
        settings: Settings,
        tally: Tally,
        *,
        headers: Mapping[str, str],
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._headers = headers
        self._clock = clock
        self._address = settings.base_url + "oauth/token/"
        self._tally = tally
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._refresh: str | None = None
        self._renewals = 0
        self._accepted: Token | None = None
        self._rejection: CredentialsError | None = None
        self.granted_scope: str | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts that must never be quoted."""
        token = self._token
        held = (token.access, token.refresh, self._refresh) if token else (self._refresh,)
        return tuple(secret for secret in (*held, self._password, self._client_secret) if secret)

    def log_in(self, send: Callable[[httpx.Request], httpx.Response]) -> None:
        """Get a token unless the current one is still valid.

        Raises:
            CredentialsError: the server refuses the credentials.

        """
        login = self._current_token()
        try:
            request = next(login)
            while True:
                request = login.send(send(request))
        except StopIteration:
            return
        finally:
            login.close()

    def sync_auth_flow(self, request: httpx.Request) -> Flow:
        """Send a request with a token, and again with a new token if the first is refused.

        Raises:
            AuthRejectedError: the new token is refused as well.
            ScopeMissingError: the token is valid but does not cover the endpoint.
            CredentialsError: the server refuses the credentials.

        """
        token = yield from self._current_token()
        has_renewed = is_repeat = False
        while True:
            request.headers["Authorization"] = f"Bearer {token.access}"
            self._tally.add(requests=1, retries=int(is_repeat))
            response = yield request
            if response.status_code not in REFUSED:
                if response.is_success:
                    self._accepted = token
                return
            token, has_renewed = yield from self._replacement_for(token, response.status_code, has_renewed=has_renewed)
            is_repeat = True

    def _current_token(self) -> Login:
        """The current token, or a new one if it has expired. One thread logs in while the others wait."""
        with self._lock:
            self._check_rejection()
            token = self._token
            if token is None or (token.expires_at is not None and self._monotonic() >= token.expires_at):
                token = yield from self._renew()
            return token

    def _replacement_for(
        self, refused: Token, status: int, *, has_renewed: bool
    ) -> Generator[httpx.Request, httpx.Response, tuple[Token, bool]]:
        """A replacement for the refused token, and whether this request has renewed one.

        If another thread has already replaced the token, no request is sent. If a renewed token that was never accepted
        is refused, the credentials are right but not sufficient, so this is final.
        """
        with self._lock:
            self._check_rejection()
            if self._token is not None and self._token is not refused:
                return self._token, has_renewed
            if has_renewed or (self._renewals > 1 and self._accepted is not refused):
                self._rejection = _token_error(status, self.granted_scope or "")
                raise self._rejection
            # Refused before it expired, so it was revoked; Django OAuth Toolkit also revokes its refresh token.
            self._refresh = None
            return (yield from self._renew()), True

    def _check_rejection(self) -> None:
        if self._rejection is not None:
            raise type(self._rejection)(self._rejection.message, remedy=self._rejection.remedy)

    def _renew(self) -> Login:
        """Get a token with the refresh token, which is tried once, or else with the password."""
        refresh, self._refresh, self._token = self._refresh, None, None
        token = None
        if refresh is not None:
            token = yield from self._token_by_refresh(refresh)
        if token is None:
            token = yield from self._token_by_password()
        self._token, self._refresh, self.granted_scope = token, token.refresh, token.scope
        self._renewals += 1
        return token

    def _token_by_refresh(self, refresh: str) -> Generator[httpx.Request, httpx.Response, Token | None]:
        """Get a token with the refresh token; None if that fails, because a login may still work."""
        sent_at = self._monotonic()
        response = yield self._token_request(grant_type="refresh_token", refresh_token=refresh)
        if not response.is_success:
            return None
        try:
            token = self._read(response, sent_at)
        except (ApiProtocolError, CredentialsError):
            return None
        return token if token.refresh else replace(token, refresh=refresh)

    def _token_by_password(self) -> Login:
        sent_at = self._monotonic()
        response = yield self._token_request(
            grant_type="password",
            username=self._settings.username or "",
            password=self._password,
            scope=self._settings.scope,
        )
        raise_if_transient(response, self._clock(), None)
        if response.is_success and (how := damage_of(response.content, is_api=self._accepted is not None)):
            raise damaged("The token endpoint's answer", how)
        try:
            return self._read(response, sent_at)
        except CredentialsError as rejection:
            self._rejection = rejection
            raise

    def _token_request(self, **form: str) -> httpx.Request:
        self._tally.add(logins=1)
        client = {"client_id": self._settings.client_id or "", "client_secret": self._client_secret}
        return httpx.Request("POST", self._address, headers=self._headers, data={**form, **client})

    def _read(self, response: httpx.Response, sent_at: float) -> Token:
        return read_token(response, asked_scope=self._settings.scope, sent_at=sent_at, secrets=self.secrets)

    @property
    def _password(self) -> str:
        return self._settings.password.get_secret_value() if self._settings.password else ""

    @property
    def _client_secret(self) -> str:
        return self._settings.client_secret.get_secret_value() if self._settings.client_secret else ""


def _key_error(when: str) -> ApiKeyRejectedError:
    return ApiKeyRejectedError(
        f"The server refused the API key ({when}), or the key may not read the links.",
        remedy="Check INODE_API_KEY: the account's owner can find it in iNode, or create a new one.",
    )


def _token_error(status: int, granted: str) -> CredentialsError:
    if status == 403:
        return ScopeMissingError(
            f"Neither the token nor a renewed one may read this endpoint (403); the granted scope is "
            f"{quoted(granted) or '(none)'}.",
            remedy="Ask the account's owner to let INODE_USERNAME read the links, and check INODE_SCOPE.",
        )
    return AuthRejectedError(
        "The server refuses a token that it has just issued (401).",
        remedy="Check that INODE_BASE_URL names one server for both login and data, and that its clock is right; "
        "an API key (INODE_API_KEY) needs no tokens.",
    )
