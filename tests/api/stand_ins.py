"""What stands in for the clock and the warehouse, and what no error may show."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from inode_pipeline.api.walk import Known

CANARIES = {
    "INODE_USERNAME": "ann",
    "INODE_PASSWORD": "canary-password-a%41+b:c é",
    "INODE_CLIENT_ID": "client-1",
    "INODE_CLIENT_SECRET": "canary-secret-a%41+b:c",
}
CANARY_KEY = "canary-key-0123456789"
TOKEN_PREFIX = "canary-token-"


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.sleeps: list[float] = []
        self.start = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.elapsed += seconds

    def monotonic(self) -> float:
        return self.elapsed

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.elapsed)


class Store:
    """Keeps pages in memory, as the warehouse's landing does on disk."""

    def __init__(self) -> None:
        self.begun: list[datetime] = []
        self.current: list[Any] = []
        self.discarded = 0

    def begin(self, snapshot_at: datetime) -> None:
        assert self.current == []
        self.begun.append(snapshot_at)

    def page(self, page: Any) -> None:
        self.current.append(page)

    def discard(self) -> None:
        self.discarded += 1
        self.current = []

    @property
    def ids(self) -> list[Any]:
        return [record["id"] for page in self.current for record in page.answer.records]


def identify(records: Sequence[Any]) -> list[str | None]:
    return [_identify(record) for record in records]


def _identify(record: Any) -> str | None:
    value = record.get("id") if isinstance(record, dict) else None
    return str(value) if isinstance(value, int | str) else None


def first_load() -> Known:
    return Known(any_loaded=False, present=frozenset())


def loaded(*ids: int) -> Known:
    return Known(any_loaded=True, present=frozenset(map(str, ids)))


def leaks(*texts: str) -> list[str]:
    """The secrets that stand in a text."""
    return [text for text in texts if "canary" in text]


def told(error: BaseException) -> str:
    """Everything that a log or a screen may show of an error."""
    return "\n".join([str(error), repr(error), *traceback.format_exception(error)])
