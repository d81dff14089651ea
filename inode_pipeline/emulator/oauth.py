"""`POST /api/oauth/token/`: password and refresh grants, with the answers of django-oauth-toolkit."""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from inode_pipeline.emulator.config import EmulatorConfig

SCOPES = frozenset({"read", "write", "sync"})
DEFAULT_SCOPE = "read"
REQUIRED_SCOPE = "sync"
"""The scope needed to read links."""

_NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@dataclass(eq=False, slots=True)
class Login:
    """A password grant and its renewals. `snapshot` is the recorded snapshot it reads, None before the first page."""

    snapshot: int | None = None


@dataclass(slots=True)
class AccessToken:
    """The scope of an access token and when it expires (monotonic seconds)."""

    login: Login
    scope: str
    expires_at: float

    @property
    def is_expired(self) -> bool:
        """Whether the token has expired."""
        return self.expires_at <= time.monotonic()


class TokenStore:
    """All valid tokens. A second login does not revoke those of the first."""

    def __init__(self, lifetime_s: int) -> None:
        self._lifetime_s = lifetime_s
        self._access: dict[str, AccessToken] = {}
        self._renews: dict[str, str] = {}
        """Each refresh token and the access token that it renews."""
        self.logins = 0

    def find(self, access_token: str) -> AccessToken | None:
        """The access token, expired or not; None if it is unknown or revoked."""
        return self._access.get(access_token)

    def renewed_by(self, refresh_token: str) -> AccessToken | None:
        """The access token that a refresh token renews; None if the refresh token is unknown or used."""
        return self._access.get(self._renews.get(refresh_token, ""))

    def log_in(self, scope: str) -> dict[str, object]:
        """Log in and return the token response."""
        self.logins += 1
        return self._issue(Login(), scope)

    def renew(self, refresh_token: str, scope: str) -> dict[str, object]:
        """Renew a token, revoke the old access and refresh tokens, and return the token response."""
        old = self._access.pop(self._renews.pop(refresh_token))
        return self._issue(old.login, scope)

    def _issue(self, login: Login, scope: str) -> dict[str, object]:
        access_token, refresh_token = secrets.token_hex(15), secrets.token_hex(15)
        self._access[access_token] = AccessToken(login, scope, time.monotonic() + self._lifetime_s)
        self._renews[refresh_token] = access_token
        return {
            "access_token": access_token,
            "expires_in": self._lifetime_s,
            "token_type": "Bearer",
            "scope": scope,
            "refresh_token": refresh_token,
        }

    def revoke(self) -> None:
        """Revoke every access and refresh token."""
        self._access.clear()
        self._renews.clear()

    def expire(self) -> None:
        """Expire every access token; refresh tokens stay valid."""
        for token in list(self._access.values()):
            token.expires_at = time.monotonic()


class _RefusedError(Exception):
    """An error of RFC 6749, section 5.2."""

    def __init__(self, error: str, description: str | None = None) -> None:
        self.body = {"error": error, **({"error_description": description} if description else {})}


async def token_answer(request: Request, tokens: TokenStore, config: EmulatorConfig) -> Response:
    """Answer a request for a token."""
    form = dict(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))
    try:
        return Response(json.dumps(_granted(form, tokens, config)), 200, _NOT_STORED, "application/json")
    except _RefusedError as refused:
        status, headers = 400, _NOT_STORED
        if refused.body["error"] == "invalid_client":
            status, headers = 401, {**_NOT_STORED, "WWW-Authenticate": 'Bearer error="invalid_client"'}
        return Response(json.dumps(refused.body), status, headers, "application/json")


def _granted(form: Mapping[str, str], tokens: TokenStore, config: EmulatorConfig) -> dict[str, object]:
    grant = form.get("grant_type")
    if grant not in {"password", "refresh_token"}:
        raise _RefusedError("unsupported_grant_type")
    if not _matches(form, client_id=config.client_id, client_secret=config.client_secret):
        raise _RefusedError("invalid_client")
    if grant == "refresh_token":
        return _renewed(form, tokens)
    if not _matches(form, username=config.username, password=config.password):
        raise _RefusedError("invalid_grant", "Invalid credentials given.")
    return tokens.log_in(_scope(form.get("scope", DEFAULT_SCOPE).split(" "), SCOPES))


def _renewed(form: Mapping[str, str], tokens: TokenStore) -> dict[str, object]:
    refresh_token = form.get("refresh_token", "")
    old = tokens.renewed_by(refresh_token)
    if old is None:
        raise _RefusedError("invalid_grant")
    allowed = old.scope.split()
    return tokens.renew(refresh_token, _scope(form.get("scope", "").split() or allowed, frozenset(allowed)))


def _scope(wanted: list[str], allowed: frozenset[str]) -> str:
    if not allowed.issuperset(wanted):
        raise _RefusedError("invalid_scope")
    return " ".join(wanted)


def _matches(form: Mapping[str, str], **expected: str) -> bool:
    return all(hmac.compare_digest(form.get(name, "").encode(), text.encode()) for name, text in expected.items())
