"""Loading: make rows of a landed walk, in one transaction that keeps all or nothing.

Keep out: which walks are loaded (`dates.py`), and the SQL (`warehouse/merge.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import uuid4

from inode_pipeline.api.answer import read_answer
from inode_pipeline.config import LocalSettings
from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.normalise import NORMALISER_VERSION, Batch, Normaliser, frames
from inode_pipeline.normalise.hashes import reading_hash
from inode_pipeline.normalise.inventory import clean
from inode_pipeline.normalise.sums import Sums
from inode_pipeline.sync.attempt import Listener, Progress, ignore
from inode_pipeline.sync.collector import calm_collector
from inode_pipeline.sync.compare import Comparison, DoubtfulError
from inode_pipeline.warehouse import landing, merge
from inode_pipeline.warehouse.engine import Warehouse
from inode_pipeline.warehouse.landing import LandedWalk
from inode_pipeline.warehouse.receipt import Receipt

ROWS_A_CALL: Final = 1000
PAGES_A_CALL: Final = 100


@calm_collector()
def load(
    settings: LocalSettings,
    warehouse: Warehouse,
    endpoint: Endpoint,
    walk: LandedWalk,
    run_id: str,
    *,
    tally: LandedWalk | None = None,
    allow_shrink: bool = False,
    zone: str | None = None,
    listen: Listener = ignore,
) -> Receipt:
    """Make rows of a landed walk: typed, staged and merged in one transaction, all of it or nothing.

    Everything that can stop a load is known before its commit and raises inside it. `tally` is the walk itself if
    this call has asked the API for it, so that the receipt counts its requests. `zone` is remembered by the first load.
    """
    loads = _Loads(settings, warehouse, endpoint, walk, run_id)
    rules = merge.MergeRules(settings.max_shrink_fraction, allow_shrink=allow_shrink)
    try:
        receipt, notes = loads.once(rules, tally, zone, may_compare=True)
    except (merge.OvertakenError, DoubtfulError):
        receipt, notes = loads.once(rules, tally, zone, may_compare=False)
    for note in notes:
        listen(Progress("note", note))
    return receipt


@dataclass(frozen=True)
class _Loads:
    """What is the same however often a walk is loaded."""

    settings: LocalSettings
    warehouse: Warehouse
    endpoint: Endpoint
    walk: LandedWalk
    run_id: str

    def once(
        self, rules: merge.MergeRules, tally: LandedWalk | None, zone: str | None, *, may_compare: bool
    ) -> tuple[Receipt, list[str]]:
        """Load the walk; the receipt, and what is to be said beside it."""
        reading = reading_hash(self.endpoint, NORMALISER_VERSION)
        names = {"load_id": str(uuid4()), "run_id": self.run_id}
        with merge.loading(self.warehouse, self.endpoint, self.walk, **names) as loading:
            earlier = loading.compare(reading) if may_compare else None
            facts, sums = self._compared(loading, earlier) if earlier else self._looked_at(loading)
            new_fields = [] if earlier and facts.fields.keys() <= earlier.fields.keys() else _new(loading, facts)
            if tally is not None:
                facts = replace(facts, requests=tally.requests, retries=tally.retries, logins=tally.logins)
            receipt = loading.merge(rules, replace(facts, zone=zone, reading_hash=reading))
        return receipt, [*_notes(receipt, facts, new_fields), *_notes_on_records(self.endpoint, sums)]

    def _compared(self, loading: merge.Load, earlier: merge.Earlier) -> tuple[merge.LoadFacts, Sums]:
        """Stage the records in which the walk differs from an earlier one; the facts, and what all of its add up to."""
        sums = Comparison(self.warehouse, loading, self.endpoint, self.walk, earlier).stage()
        facts = merge.LoadFacts(
            received=sums.records,
            duplicate=earlier.duplicate,
            unreadable=0,
            no_data=sums.no_data,
            fields=sums.leaves,
            pages=self.walk.pages,
            normaliser_version=NORMALISER_VERSION,
            sums=sums.as_json(),
        )
        return facts, sums

    def _looked_at(self, loading: merge.Load) -> tuple[merge.LoadFacts, Sums]:
        """Stage every page of the walk, and pass it; the facts, and what its records add up to."""
        normaliser = Normaliser(self.endpoint)
        waiting = _Waiting(loading)
        for page in landing.pages(self.warehouse, self.walk):
            waiting.add(normaliser.page(page.number, read_answer(page.body).records))
        waiting.stage()
        normaliser.check(loading.previous_fields, self.settings.max_rejected_fraction)
        sums = normaliser.sums
        facts = merge.LoadFacts(
            received=normaliser.received,
            duplicate=normaliser.duplicate,
            unreadable=normaliser.unreadable,
            no_data=sums.no_data,
            fields=normaliser.fields,
            pages=self.walk.pages,
            normaliser_version=NORMALISER_VERSION,
            sums=sums.as_json() if sums.is_exact else None,
        )
        return facts, sums


@dataclass
class _Waiting:
    """Batches that are staged together: staging costs by the call as well as by the row."""

    loading: merge.Load
    batches: list[Batch] = field(default_factory=list)
    rows: int = 0

    def add(self, batch: Batch) -> None:
        """Take the next page's batch; what was collected is staged when it is worth a call."""
        self.batches.append(batch)
        self.rows += batch.rows
        if self.rows >= ROWS_A_CALL or len(self.batches) >= PAGES_A_CALL:
            self.stage()

    def stage(self) -> None:
        """Stage what was collected."""
        if self.batches:
            self.loading.stage(*frames(self.batches))
        self.batches, self.rows = [], 0


def _new(loading: merge.Load, facts: merge.LoadFacts) -> list[str]:
    """The fields that no committed load has seen, as the API spells them; none on a first load."""
    known = loading.known_fields
    return sorted(facts.fields.keys() - known) if known else []


def _notes(receipt: Receipt, facts: merge.LoadFacts, new_fields: Sequence[str]) -> Iterator[str]:
    """What a green load must not hide, a sentence each."""
    name = receipt.endpoint
    if receipt.verdict == "unverified":
        yield f"The walk is unverified: the API counts no {name}, so none was marked as gone."
    if facts.unreadable:
        yield f"{facts.unreadable} records have no readable id, so no {name} were marked as gone."
    if receipt.rejected:
        yield f"{receipt.rejected} of {receipt.received} records could not be typed; see rejected_records."
    if receipt.duplicate:
        yield f"{receipt.duplicate} records repeated an id within a page; the newest of each was kept."
    if new_fields:
        yield f"Fields never seen before: {', '.join(map(clean, new_fields))}."


def _notes_on_records(endpoint: Endpoint, sums: Sums) -> Iterator[str]:
    """What the receipt does not tell of the records."""
    missing = sums.missing_of(endpoint).items()
    some = [f"{column} in {count}" for column, count in missing if 0 < count < sums.records]
    if some:
        yield f"Fields missing from some records, so NULL there: {', '.join(some)}."
    if sums.broken_points:
        yield f"{sums.broken_points} points of geometries could not be read and were dropped."
    if sums.records and not sums.moving:
        yield "Units are not checked: no record has length, travel time and speed."
