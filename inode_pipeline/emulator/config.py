"""The settings of an emulated iNode: data, account and pages. The default credentials are not secret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

Pagination = Literal["page", "limit-offset", "cursor", "none"]


def utc_now() -> datetime:
    """The current time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorConfig:
    """The settings of an emulator. A setting out of range raises `ValueError`.

    `now` is the clock of the synthetic traffic and must return aware datetimes.
    `recording` replaces the synthetic network with recorded snapshots.
    """

    links: int = 300
    seed: int = 1
    recording: Path | None = None
    now: Callable[[], datetime] = utc_now

    pagination: Pagination = "page"
    page_size: int = 100
    max_page_size: int = 1000
    latency_s: float = 0.0

    username: str = "demo"
    password: str = field(default="demo-password", repr=False)
    client_id: str = "demo-client"
    client_secret: str = field(default="demo-client-secret", repr=False)
    api_key: str = field(default="demo-api-key", repr=False)
    token_lifetime_s: int = 36_000

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.pagination not in get_args(Pagination):
            raise ValueError(f"pagination is {self.pagination!r}, not one of {', '.join(get_args(Pagination))}")
        if self.links < 0:
            raise ValueError(f"links is {self.links}, below 0")
        if self.page_size < 1 or self.max_page_size < 1:
            raise ValueError(f"page_size is {self.page_size} and max_page_size {self.max_page_size}, not both above 0")
