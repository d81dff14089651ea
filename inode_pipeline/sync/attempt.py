"""Who asks for a date, and how the way is followed. Plain data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from inode_pipeline.warehouse.runs import Trigger


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who asks for a date, and whether it is a machine that tries again by itself."""

    run_id: str
    trigger: Trigger
    retry_of: str | None = None
    """Set for an automatic retry: the run whose landed and unloaded walk is loaded instead of fetching anew."""

    @property
    def is_scheduled(self) -> bool:
        """Whether a clock asked, so that the date must still be today."""
        return self.trigger in ("schedule", "sample")

    @property
    def is_automatic(self) -> bool:
        """Whether no person has just asked, so that rejected credentials must not be tried again."""
        return self.is_scheduled or self.retry_of is not None


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of the journey, as a person follows it. `total` is None where it is not known; a `note` is a warning."""

    kind: Literal["page", "walk", "load", "note"]
    text: str
    done: int = 0
    total: int | None = None


Listener = Callable[[Progress], None]


def ignore(_: Progress) -> None:
    """Follow nothing."""
