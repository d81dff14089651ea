"""Access and refresh tokens, and the logins they belong to.

A login is one password grant with everything that was renewed from it. Keep out: the forms and answers of the token
endpoint (`token_endpoint.py`) and what a request may do with its token (`authentication.py`).
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass

_ALPHABET = string.ascii_letters + string.digits


@dataclass(eq=False, slots=True)
class Login:
    """One password grant. `snapshot` is the recorded snapshot it reads, None until it has read a page."""

    number: int
    snapshot: int | None = None


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What an access token may do, and until when by the emulator's clock."""

    login: Login
    scope: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """What a refresh token renews: a login, within a scope, replacing an access token."""

    login: Login
    scope: str
    access_token: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A new access token and the refresh token that renews it."""

    access_token: str
    refresh_token: str
    scope: str
    lifetime_s: int


class TokenStore:
    """Every token that is valid now. A second login leaves the first one's tokens alone."""

    def __init__(self, *, lifetime_s: int, is_rotating: bool, clock: Callable[[], float]) -> None:
        self._lifetime_s = lifetime_s
        self._is_rotating = is_rotating
        self._clock = clock
        self._access: dict[str, AccessToken] = {}
        self._refresh: dict[str, RefreshToken] = {}
        self.logins = 0

    def log_in(self, scope: str) -> Pair:
        """The tokens of a new login."""
        self.logins += 1
        return self._issue(Login(self.logins), scope, _new_token())

    def renewable(self, refresh_token: str) -> RefreshToken | None:
        """What a refresh token renews; None if it is unknown or was used."""
        return self._refresh.get(refresh_token)

    def renew(self, refresh_token: str, scope: str) -> Pair:
        """A new pair of the same login. The old access token dies at once, the old refresh token if they rotate."""
        old = self._refresh.pop(refresh_token)
        self._access.pop(old.access_token, None)
        return self._issue(old.login, scope, _new_token() if self._is_rotating else refresh_token)

    def _issue(self, login: Login, scope: str, refresh_token: str) -> Pair:
        access_token = _new_token()
        self._access[access_token] = AccessToken(login, scope, self._clock() + self._lifetime_s)
        self._refresh[refresh_token] = RefreshToken(login, scope, access_token)
        return Pair(access_token, refresh_token, scope, self._lifetime_s)

    def find(self, access_token: str) -> AccessToken | None:
        """What an access token may do, expired or not; None if it is unknown or revoked."""
        return self._access.get(access_token)

    def is_expired(self, token: AccessToken) -> bool:
        """Whether a token's lifetime is over."""
        return token.expires_at <= self._clock()

    def revoke(self) -> None:
        """Forget every access token, and every refresh token with it, as the real server does."""
        self._access.clear()
        self._refresh.clear()

    def expire(self) -> None:
        """End the lifetime of every access token; refresh tokens stay good."""
        for name, token in list(self._access.items()):
            self._access[name] = AccessToken(token.login, token.scope, self._clock())


def _new_token() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(30))
