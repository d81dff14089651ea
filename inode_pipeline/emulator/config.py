"""How one emulated iNode is set up: its data, its account, its paging and its limits.

Every default is public and worth nothing outside the emulator. Keep out: what changes while it runs (`state.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

Pagination = Literal["page", "limit-offset", "cursor", "none"]
Authenticator = Literal["oauth2", "token", "session"]


def utc_now() -> datetime:
    """The present instant."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorConfig:
    """One emulator. A setting out of range is a `ValueError` that names it.

    `now` decides what traffic the synthetic network shows; it must return aware datetimes. `clock` (seconds, monotonic)
    decides when tokens expire and when throttling ends, so that a frozen or travelling `now` leaves logins alone.
    `first_authenticator` is the first authentication class of the list views, which decides what a refusal looks like.
    `recording` replaces the synthetic network by recorded snapshots.
    """

    links: int = 300
    seed: int = 1
    recording: Path | None = None
    now: Callable[[], datetime] = utc_now

    pagination: Pagination = "page"
    page_size: int = 100
    max_page_size: int = 1000
    page_size_param: str = "page_size"

    username: str = "demo"
    password: str = field(default="demo-password", repr=False)
    client_id: str = "demo-client"
    client_secret: str = field(default="demo-client-secret", repr=False)
    api_key: str = field(default="demo-api-key", repr=False)
    is_password_grant_allowed: bool = True
    scopes: tuple[str, ...] = ("read", "write", "sync")
    default_scope: str = "read"
    required_scope: str = "sync"
    token_lifetime_s: int = 36_000
    rotate_refresh: bool = True
    first_authenticator: Authenticator = "oauth2"

    throttle_per_minute: int | None = None
    latency_s: float = 0.0
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        """Refuse what cannot be served."""
        if self.pagination not in get_args(Pagination):
            raise ValueError(f"pagination is {self.pagination!r}, not one of {', '.join(get_args(Pagination))}")
        if self.first_authenticator not in get_args(Authenticator):
            raise ValueError(f"first_authenticator is {self.first_authenticator!r}")
        if self.links < 0:
            raise ValueError(f"links is {self.links}, below 0")
        if self.page_size < 1 or self.max_page_size < 1:
            raise ValueError(f"page_size is {self.page_size} and max_page_size {self.max_page_size}, not both above 0")
        if self.throttle_per_minute is not None and self.throttle_per_minute < 1:
            raise ValueError(f"throttle_per_minute is {self.throttle_per_minute}, below 1")
