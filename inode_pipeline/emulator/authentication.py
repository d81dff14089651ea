"""Who sends a request to a list, by bearer token or API key, and how the others are refused.

As Django REST framework does it with three authentication classes: the challenge, and whether a refusal is 401 or 403,
are those of the *first* class, whichever of them refused. Keep out: issuing tokens (`token_endpoint.py`).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from inode_pipeline.emulator.config import EmulatorConfig
from inode_pipeline.emulator.negotiation import Refusal
from inode_pipeline.emulator.tokens import Login, TokenStore

_NO_CREDENTIALS = "Authentication credentials were not provided."


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: a login, or with an API key none."""

    login: Login | None


def authenticate(
    authorization: str | None, query_token: str | None, tokens: TokenStore, config: EmulatorConfig
) -> Reader:
    """The sender of a request; raises `Refusal` 401 or 403. A bearer token in the query counts as well."""
    words = (authorization or "").split()
    keyword = words[0].lower() if words else ""
    if keyword == "token":
        return _by_api_key(words[1:], config)
    bearer = words[1] if keyword == "bearer" and len(words) == 2 else query_token
    return _by_bearer(bearer, tokens, config)


def _by_api_key(rest: list[str], config: EmulatorConfig) -> Reader:
    if not rest:
        raise _unauthenticated("Invalid token header. No credentials provided.", config)
    if len(rest) > 1:
        raise _unauthenticated("Invalid token header. Token string should not contain spaces.", config)
    if not hmac.compare_digest(rest[0].encode(), config.api_key.encode()):
        raise _unauthenticated("Invalid token.", config)
    return Reader(None)


def _by_bearer(bearer: str | None, tokens: TokenStore, config: EmulatorConfig) -> Reader:
    if bearer is None:
        raise _unauthenticated(_NO_CREDENTIALS, config)
    token = tokens.find(bearer)
    if token is None:
        raise _unauthenticated(_NO_CREDENTIALS, config, "The access token is invalid.")
    if tokens.is_expired(token):
        raise _unauthenticated(_NO_CREDENTIALS, config, "The access token has expired.")
    if config.required_scope not in token.scope.split():
        raise Refusal(403, "You do not have permission to perform this action.")
    return Reader(token.login)


def _unauthenticated(detail: str, config: EmulatorConfig, token_error: str | None = None) -> Refusal:
    if config.first_authenticator == "session":
        return Refusal(403, detail)
    challenge = "Token" if config.first_authenticator == "token" else 'Bearer realm="api"'
    if token_error and config.first_authenticator == "oauth2":
        challenge += f',error="invalid_token",error_description="{token_error}"'
    return Refusal(401, detail, {"WWW-Authenticate": challenge})
