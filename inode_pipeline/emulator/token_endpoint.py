"""`POST /api/oauth/token/`: the password and refresh grants as django-oauth-toolkit answers them.

Keep out: the tokens themselves (`tokens.py`).
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request
from starlette.responses import Response

from inode_pipeline.emulator.config import EmulatorConfig
from inode_pipeline.emulator.tokens import Pair, TokenStore

_NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@dataclass(eq=False)
class OAuthRefusal(Exception):  # noqa: N818 - an answer, not a fault of the emulator
    """An error of RFC 6749, section 5.2. One raised before the form is read is sent as HTML and may be stored."""

    error: str
    description: str | None = None
    status: int = 400
    headers: Mapping[str, str] = field(default_factory=dict)
    is_form_read: bool = True

    def answer(self) -> Response:
        """The answer that carries it."""
        body = {"error": self.error, **({"error_description": self.description} if self.description else {})}
        if not self.is_form_read:
            return Response(json.dumps(body), self.status, self.headers, "text/html")
        return Response(json.dumps(body), self.status, {**_NOT_STORED, **self.headers}, "application/json")


async def token_answer(request: Request, tokens: TokenStore, config: EmulatorConfig) -> Response:
    """The answer of the token endpoint to any request."""
    if request.method != "POST":
        status = 200 if request.method == "OPTIONS" else 405
        return Response(b"", status, {"Allow": "POST, OPTIONS"}, "text/html; charset=utf-8")
    body = await request.body()
    try:
        _require_no_query(request)
        pair = _granted(_form(request, body), request.headers.get("authorization"), tokens, config)
    except OAuthRefusal as refusal:
        return refusal.answer()
    return Response(json.dumps(_as_json(pair)), 200, _NOT_STORED, "application/json")


def _require_no_query(request: Request) -> None:
    if request.url.query:
        raise OAuthRefusal("invalid_request", "URL query parameters are not allowed", is_form_read=False)


def _form(request: Request, body: bytes) -> dict[str, str]:
    """The form's fields, the last of each name; none where the body is no form."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return {}
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


def _granted(form: Mapping[str, str], basic: str | None, tokens: TokenStore, config: EmulatorConfig) -> Pair:
    grant = form.get("grant_type")
    if grant == "password":
        return _password_grant(form, basic, tokens, config)
    if grant == "refresh_token":
        return _refresh_grant(form, basic, tokens, config)
    if grant == "client_credentials":
        _require_client(form, basic, config)
        raise OAuthRefusal("unauthorized_client")
    raise OAuthRefusal("unsupported_grant_type")


def _password_grant(form: Mapping[str, str], basic: str | None, tokens: TokenStore, config: EmulatorConfig) -> Pair:
    for name in ("username", "password"):
        if not form.get(name):
            raise OAuthRefusal("invalid_request", f"Request is missing {name} parameter.")
    _require_client(form, basic, config)
    if not _same(form["username"], config.username) or not _same(form["password"], config.password):
        raise OAuthRefusal("invalid_grant", "Invalid credentials given.")
    if not config.is_password_grant_allowed:
        raise OAuthRefusal("unauthorized_client")
    wanted = form.get("scope", config.default_scope).split(" ")  # an empty scope is an unknown one
    if not set(wanted) <= set(config.scopes):
        raise OAuthRefusal("invalid_scope")
    return tokens.log_in(" ".join(wanted))


def _refresh_grant(form: Mapping[str, str], basic: str | None, tokens: TokenStore, config: EmulatorConfig) -> Pair:
    if "refresh_token" not in form:
        raise OAuthRefusal("invalid_request", "Missing refresh token parameter.")
    _require_client(form, basic, config)
    old = tokens.renewable(form["refresh_token"])
    if old is None:
        raise OAuthRefusal("invalid_grant")
    wanted = form.get("scope", "").split() or old.scope.split()
    if not set(wanted) <= set(old.scope.split()):
        raise OAuthRefusal("invalid_scope")
    return tokens.renew(form["refresh_token"], " ".join(wanted))


def _require_client(form: Mapping[str, str], basic: str | None, config: EmulatorConfig) -> None:
    """Basic first, then the body, as the toolkit tries them."""
    candidates = [_basic_client(basic), (form.get("client_id", ""), form.get("client_secret", ""))]
    for client in candidates:
        if client and _same(client[0], config.client_id) and _same(client[1], config.client_secret):
            return
    raise OAuthRefusal("invalid_client", status=401, headers={"WWW-Authenticate": 'Bearer error="invalid_client"'})


def _basic_client(header: str | None) -> tuple[str, str] | None:
    """Client id and secret of a Basic header, both of which are form-encoded inside it."""
    kind, _, encoded = (header or "").partition(" ")
    if kind != "Basic":
        return None
    try:
        name, found, secret = base64.b64decode(encoded).decode().partition(":")
    except ValueError:
        return None
    return (unquote_plus(name), unquote_plus(secret)) if found else None


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _as_json(pair: Pair) -> dict[str, object]:
    return {
        "access_token": pair.access_token,
        "expires_in": pair.lifetime_s,
        "token_type": "Bearer",
        "scope": pair.scope,
        "refresh_token": pair.refresh_token,
    }
