"""Who requests a date, and how progress is reported. Plain data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from inode_pipeline.errors import LateSampleError
from inode_pipeline.warehouse.runs import Trigger


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who requests a date, and whether this is an automatic retry."""

    run_id: str
    trigger: Trigger
    retry_of: str | None = None
    """The run that an automatic retry repeats; the walk that it landed but did not load is then loaded, not fetched."""
    due_at: datetime | None = None
    too_late_at: datetime | None = None
    """Both set for a sample: its tick, and the instant after which it is skipped."""

    @property
    def is_scheduled(self) -> bool:
        """Whether a schedule started it, so the date must still be today."""
        return self.trigger in ("schedule", "sample")

    @property
    def is_automatic(self) -> bool:
        """Whether no person started it, so rejected credentials must not be tried again."""
        return self.is_scheduled or self.retry_of is not None

    def require_in_time(self, now: datetime) -> None:
        """Stop a sample that is late by more than its interval: the next one reads the links anyway.

        Raises:
            LateSampleError: the sample is late by more than one interval.

        """
        if self.due_at is None or self.too_late_at is None or now <= self.too_late_at:
            return
        minutes = (self.too_late_at - self.due_at).total_seconds() / 60
        raise LateSampleError(
            f"Skipped without a request: the sample of {self.due_at:%Y-%m-%d %H:%M} UTC would have begun at "
            f"{now:%H:%M:%S}, later than its interval of {minutes:g} min allows.",
            remedy="The next tick reads the links again; if this happens often, let Dagster run more at a time "
            "(max_concurrent_runs) or sample less often.",
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of a sync, to show to a person. `total` is None if unknown; a `note` is a warning."""

    kind: Literal["page", "walk", "load", "note"]
    text: str
    done: int = 0
    total: int | None = None


Listener = Callable[[Progress], None]


def ignore(_: Progress) -> None:
    """Report no progress."""
