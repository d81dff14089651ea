"""The receipt of a load: what arrived, what became of it, and what it cost. Plain data, no SQL.

Each record counts once: rejected, duplicate, superseded, inserted, updated or unchanged; together they are `received`.
Not here: how a count is found, see `merge.py`; how a receipt is printed, see `cli/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

SUM = ("rejected", "duplicate", "superseded", "inserted", "updated", "unchanged")
"""The counts of which every record has exactly one."""

ADDED = (
    "pages", "requests", "retries", "logins", "received", *SUM, "reopened", "vanished", "no_data",
    "observations_inserted", "observations_corrected", "seconds", "walks",
)  # fmt: skip
"""The figures that several receipts add up to."""


@dataclass(frozen=True, slots=True)
class LoadFacts:
    """What only the caller knows of a load.

    `received` counts every record of the walk, `unreadable` those whose key cannot be read (they are among the rejected
    rows as well), `fields` how many records had each dotted path. `requests`, `retries` and `logins` are those of this
    call, 0 without the API. `zone` is the one whose dates the walks have, `base_url` the API's address; the first load
    stores both.
    """

    received: int
    duplicate: int
    unreadable: int
    no_data: int
    fields: Mapping[str, int]
    pages: int
    normaliser_version: int
    requests: int = 0
    retries: int = 0
    logins: int = 0
    zone: str | None = None
    base_url: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one load did; of several added up, the ids are the newest's and `walks` says how many.

    `seconds` is the time from the load's beginning until just before its commit.
    """

    load_id: str
    walk_id: str
    endpoint: str
    snapshot_date: date
    snapshot_at: datetime
    verdict: str
    pages: int
    requests: int
    retries: int
    logins: int
    received: int
    rejected: int
    duplicate: int
    superseded: int
    inserted: int
    updated: int
    unchanged: int
    reopened: int
    vanished: int
    no_data: int
    observations_inserted: int
    observations_corrected: int
    seconds: float
    walks: int = 1

    @property
    def balance(self) -> int:
        """How many records are counted too little, or too often if negative: 0 in every committed load."""
        return self.received - sum(int(getattr(self, name)) for name in SUM)

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints: dates and times in ISO form, times in UTC."""
        printed = asdict(self)
        printed["snapshot_date"] = self.snapshot_date.isoformat()
        printed["snapshot_at"] = self.snapshot_at.isoformat()
        return printed


def sum_of(receipts: Sequence[Receipt]) -> Receipt:
    """One receipt of several: counts and seconds added, everything else of the newest walk.

    Raises:
        ValueError: there is none to add.

    """
    newest = max(receipts, key=lambda receipt: receipt.snapshot_at)
    return replace(newest, **{name: sum(getattr(receipt, name) for receipt in receipts) for name in ADDED})
