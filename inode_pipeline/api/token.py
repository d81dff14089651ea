"""Read the token endpoint's answer: a token, or which of the credentials it refuses.

Only the status and the JSON fields decide (RFC 6749, sections 5.1 and 5.2), never the wording.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import msgspec

from inode_pipeline.errors import (
    ApiProtocolError,
    ClientRejectedError,
    CredentialsError,
    GrantDisabledError,
    PasswordRejectedError,
    ScopeMissingError,
)
from inode_pipeline.text import quoted

LEEWAY_S: Final = 60.0
_MAX_LIFETIME_S: Final = 365 * 86_400.0
_SHOWN: Final = ("error", "error_description", "scope", "token_type")
_ADDRESS_REMEDY: Final = "Check INODE_BASE_URL: the token endpoint must be at oauth/token/ under it."


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. `expires_at` is on the monotonic clock, less a leeway; None if the server gave no lifetime."""

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    scope: str
    expires_at: float | None


def read_token(response: httpx.Response, *, asked_scope: str, sent_at: float, secrets: Collection[str]) -> Token:
    """Read the token in a response; `sent_at` is when it was requested, on the monotonic clock.

    Any success with a token is a login. Of other responses only `error` and `error_description` are shown, because an
    unexpected body may contain a token under any name.

    Raises:
        CredentialsError: the server refuses the credentials, or grants less than the requested scope.
        ApiProtocolError: the answer violates OAuth2.

    """
    answer = _json_object(response.content)
    secrets = (*secrets, *_tokens_in(answer))
    if not response.is_success or ("error" in answer and "access_token" not in answer):
        raise _refusal_error(response, answer, asked_scope, secrets)
    access, kind = answer.get("access_token"), answer.get("token_type", "Bearer")
    if not isinstance(access, str) or not _is_token(access):
        raise _protocol_error(f"The token endpoint answered {response.status_code} without an access token.")
    if not isinstance(kind, str) or not kind.strip().lower().startswith("bearer"):
        raise _protocol_error("The token endpoint gave a token whose `token_type` is not Bearer.")
    scope = _granted_scope(answer.get("scope"), asked_scope)
    if missing := set(asked_scope.split()) - set(scope.split()):
        raise ScopeMissingError(
            f"The server granted the scope {quoted(scope, secrets) or '(none)'} instead of {asked_scope}; "
            f"{' '.join(sorted(missing))} is missing.",
            remedy="Ask the owner of the client (INODE_CLIENT_ID) to allow the scope, or correct INODE_SCOPE.",
        )
    refresh = answer.get("refresh_token")
    return Token(access, refresh if _is_token(refresh) else None, scope, _expiry(answer.get("expires_in"), sent_at))


def _json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body, whatever its content type; empty if there is none."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _tokens_in(answer: Mapping[str, Any]) -> list[str]:
    """Every value that may be a token, whatever its name."""
    return [value for name, value in answer.items() if name not in _SHOWN and _is_token(value)]


def _is_token(value: object) -> bool:
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable() and " " not in value


def _granted_scope(scope: object, asked: str) -> str:
    """The granted scope; a server that does not name it has granted the requested one (RFC 6749, 5.1)."""
    if isinstance(scope, list):
        scope = " ".join(str(word) for word in scope)
    return " ".join(scope.replace(",", " ").split()) if isinstance(scope, str) else asked


def _expiry(lifetime: object, sent_at: float) -> float | None:
    """When to renew the token. An invalid lifetime is ignored, because a 401 also leads to a renewal."""
    if isinstance(lifetime, str):
        try:
            lifetime = float(lifetime)
        except ValueError:
            return None
    if isinstance(lifetime, bool) or not isinstance(lifetime, (int, float)):
        return None
    if (isinstance(lifetime, float) and not math.isfinite(lifetime)) or lifetime <= 0:
        return None
    seconds = min(float(min(lifetime, 10**12)), _MAX_LIFETIME_S)
    return sent_at + seconds - min(LEEWAY_S, seconds / 10)


_REFUSALS: Final[Mapping[str, tuple[type[CredentialsError], str, str]]] = {
    "invalid_client": (
        ClientRejectedError,
        "The server refused the client id or the client secret",
        "Check INODE_CLIENT_ID and INODE_CLIENT_SECRET; they were tried once.",
    ),
    "invalid_grant": (
        PasswordRejectedError,
        "The server refused the user name or the password, or the user is inactive",
        "Check INODE_USERNAME and INODE_PASSWORD; they were tried once.",
    ),
    "invalid_scope": (
        ScopeMissingError,
        "The server refused the scope {scope}",
        "Correct INODE_SCOPE, or ask the owner of the client (INODE_CLIENT_ID) to allow it.",
    ),
    "unauthorized_client": (
        GrantDisabledError,
        "The client may not log in with a user name and a password",
        "Use an API key (INODE_API_KEY, INODE_AUTH=api_key), or have the password grant enabled for INODE_CLIENT_ID.",
    ),
}
_SAME_AS: Final = {"unsupported_grant_type": "unauthorized_client"}


def _refusal_error(
    response: httpx.Response, answer: Mapping[str, Any], asked_scope: str, secrets: Collection[str]
) -> CredentialsError | ApiProtocolError:
    status, error = response.status_code, answer.get("error")
    error = error if isinstance(error, str) else ""
    # The standard error codes are shown even if a secret contains part of one.
    code = error if error in _REFUSALS or error in _SAME_AS else quoted(error, secrets)
    said = f" ({status}{' ' + code if code else ''})"
    name = "invalid_client" if status == 401 and not error else _SAME_AS.get(error, error)
    if name in _REFUSALS:
        kind, what, remedy = _REFUSALS[name]
        return kind(f"{what.format(scope=asked_scope)}{said}.", remedy=remedy)
    if status in (404, 405):
        return _protocol_error(f"There is no token endpoint at {response.request.url.path}{said}.")
    description = answer.get("error_description")
    text = quoted(description, secrets) if isinstance(description, str) else ""
    return _protocol_error(f"The token endpoint refused the login{said}" + (f": {text}" if text else "."))


def _protocol_error(message: str) -> ApiProtocolError:
    return ApiProtocolError(message, remedy=_ADDRESS_REMEDY)
