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
from inode_pipeline.sync.attempt import Listener, Progress, ignore
from inode_pipeline.sync.collector import calm_collector
from inode_pipeline.sync.compare import Comparison
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
    except merge.OvertakenError:
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
            new_fields: list[str] = []
            if earlier is not None and earlier.is_repeated:
                facts = earlier.facts
            else:
                facts, new_fields = self._staged(loading, earlier)
            if tally is not None:
                facts = replace(facts, requests=tally.requests, retries=tally.retries, logins=tally.logins)
            receipt = loading.merge(rules, replace(facts, zone=zone, reading_hash=reading))
        return receipt, list(_notes(receipt, facts, new_fields))

    def _staged(self, loading: merge.Load, earlier: merge.Earlier | None) -> tuple[merge.LoadFacts, list[str]]:
        """Stage every page of the walk, and pass it; the facts, and the fields never seen before."""
        normaliser = Normaliser(self.endpoint)
        before = None
        if earlier is not None and earlier.has_a_row_for_each:
            before = landing.walk_by_id(self.warehouse, earlier.walk_id)
        comparison = Comparison(self.warehouse, before)
        waiting = _Waiting(loading)
        for page in landing.pages(self.warehouse, self.walk):
            records = read_answer(page.body).records
            waiting.add(page.number, normaliser.page(page.number, records, comparison.known(page, records)))
        waiting.stage()
        known_fields = loading.known_fields
        normaliser.check(loading.previous_fields, self.settings.max_rejected_fraction)
        return _facts(normaliser, self.walk), normaliser.new_fields(known_fields) if known_fields else []


@dataclass
class _Waiting:
    """Batches that are staged together: staging costs by the call as well as by the row."""

    loading: merge.Load
    batches: list[Batch] = field(default_factory=list)
    rows: int = 0

    def add(self, page: int, batch: Batch) -> None:
        """Take the next page's batch; what was collected is staged when it is worth a call."""
        self.loading.hold(page, batch.unchanged)
        self.batches.append(batch)
        self.rows += batch.rows
        if self.rows >= ROWS_A_CALL or len(self.batches) >= PAGES_A_CALL:
            self.stage()

    def stage(self) -> None:
        """Stage what was collected."""
        if self.batches:
            self.loading.stage(*frames(self.batches))
        self.batches, self.rows = [], 0


def _facts(normaliser: Normaliser, walk: LandedWalk) -> merge.LoadFacts:
    return merge.LoadFacts(
        received=normaliser.received,
        duplicate=normaliser.duplicate,
        unreadable=normaliser.unreadable,
        no_data=normaliser.no_data,
        fields=normaliser.fields,
        pages=walk.pages,
        normaliser_version=NORMALISER_VERSION,
        notes=tuple(_notes_on_records(normaliser)),
    )


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
    yield from facts.notes


def _notes_on_records(normaliser: Normaliser) -> Iterator[str]:
    """What the counts do not tell; kept with the load, because a walk that repeats it is not looked into."""
    missing = [
        f"{column} in {count}" for column, count in normaliser.missing_counts.items() if 0 < count < normaliser.received
    ]
    if missing:
        yield f"Fields missing from some records, so NULL there: {', '.join(missing)}."
    if normaliser.broken_points:
        yield f"{normaliser.broken_points} points of geometries could not be read and were dropped."
    if normaliser.received and not normaliser.units_checked:
        yield "Units are not checked: no record has length, travel time and speed."
