"""The credentials: which way to log in they are for, and what no key may hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, SecretStr

from inode_pipeline.config.problems import variables

OAUTH_FIELDS = ("username", "password", "client_id", "client_secret")


def _api_key(secret: SecretStr) -> SecretStr:
    """The key alone: whoever copies it from a header has the word `Token` in front of it."""
    text = re.sub(r"^token +", "", secret.get_secret_value(), flags=re.IGNORECASE)
    if not (text.isascii() and text.isprintable()):
        raise ValueError("it holds a line break or another character that no key has; copy it again")
    if text != text.strip():
        raise ValueError("it begins or ends with a space, which no key does; copy it again")
    return SecretStr(text)


ApiKey = Annotated[SecretStr, AfterValidator(_api_key)]


def login_kind(named: object, given: Mapping[str, object]) -> object:
    """Which way to log in: the one that is named, or else the only one whose credentials are among the given fields.

    Raises:
        ValueError: it is not to be known, or a credential of it is missing.

    """
    if any(name not in given for name in (*OAUTH_FIELDS, "api_key")):
        return named or "oauth2"  # a credential is wrong, which is told by itself
    missing = [name for name in OAUTH_FIELDS if given[name] is None]
    kind = named or _only_configured(any_oauth=len(missing) < len(OAUTH_FIELDS), api_key=given["api_key"] is not None)
    if kind == "oauth2" and missing:
        raise ValueError(f"{variables(missing)} missing: the login with a password needs all four")
    if kind == "api_key" and given["api_key"] is None:
        raise ValueError("INODE_API_KEY is missing: INODE_AUTH asks for it")
    return kind


def _only_configured(*, any_oauth: bool, api_key: bool) -> str:
    if any_oauth and api_key:
        raise ValueError("INODE_AUTH is missing: both an API key and a login are configured; say oauth2 or api_key")
    if not any_oauth and not api_key:
        raise ValueError(
            f"No credentials: INODE_API_KEY is missing, or else {variables(OAUTH_FIELDS, verb='')} for the login"
        )
    return "api_key" if api_key else "oauth2"
