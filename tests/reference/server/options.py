"""What a reference server can be told to be, one value per setting that the real service does not publish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Options:
    """One server's settings. Django's are global to a process, so each distinct set is a process of its own."""

    links: int = 60
    pagination: Literal["page", "limit-offset", "cursor", "none"] = "page"
    page_size: int = 20
    max_page_size: int = 1000
    order: Literal["id", "ties"] = "id"  # ties: by a field that many links share, the rest left to chance per request

    first_authentication: Literal["oauth", "token", "session"] = "oauth"
    permission: Literal["scope or key", "scope"] = "scope or key"
    required_scope: str = "sync"
    throttle: str | None = None  # in Django REST framework's words, for example 3/sec

    password_grant: bool = True  # of the whole server; one client without this grant is always there
    token_expires_s: int = 36000
    rotate_refresh: bool = True
    refresh_grace_s: int = 0
    refresh_reuse_protection: bool = False
    hashed_tokens: bool = False

    language: str = "en-us"
    time_zone: str = "UTC"
