"""Loading: make rows of a landed walk, in one transaction that keeps all or nothing.

Not here: which walks are loaded, see `dates.py`; the SQL, see `warehouse/merge.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import uuid4

from inode_pipeline.api.answer import read_answer
from inode_pipeline.config import LocalSettings, Settings
from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.normalise import NORMALISER_VERSION, Batch, Normaliser, frames
from inode_pipeline.normalise.inventory import clean
from inode_pipeline.normalise.sums import Sums
from inode_pipeline.sync.attempt import Listener, Progress, ignore
from inode_pipeline.sync.collector import calm_collector
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
    this call has asked the API for it, so that the receipt counts its requests. `zone` and the API's address
    are stored by the first load.
    """
    rules = merge.MergeRules(settings.max_shrink_fraction, allow_shrink=allow_shrink)
    normaliser = Normaliser(endpoint)
    with merge.loading(warehouse, endpoint, walk, load_id=str(uuid4()), run_id=run_id) as loading:
        _stage_pages(warehouse, walk, normaliser, loading)
        normaliser.check(loading.previous_fields, settings.max_rejected_fraction)
        facts = _facts(walk, normaliser, tally, zone)
        new_fields = _new_fields(loading, facts)
        base_url = settings.base_url if isinstance(settings, Settings) else None
        receipt = loading.merge(rules, replace(facts, base_url=base_url))
    for note in (*_notes(receipt, facts, new_fields), *_notes_on_records(endpoint, normaliser.sums)):
        listen(Progress("note", note))
    return receipt


def _stage_pages(warehouse: Warehouse, walk: LandedWalk, normaliser: Normaliser, loading: merge.Load) -> None:
    waiting = _Waiting(loading)
    for page in landing.pages(warehouse, walk):
        waiting.add(normaliser.page(page.number, read_answer(page.body).records))
    waiting.stage()


def _facts(walk: LandedWalk, normaliser: Normaliser, tally: LandedWalk | None, zone: str | None) -> merge.LoadFacts:
    return merge.LoadFacts(
        received=normaliser.received,
        duplicate=normaliser.duplicate,
        unreadable=normaliser.unreadable,
        no_data=normaliser.sums.no_data,
        fields=normaliser.fields,
        pages=walk.pages,
        normaliser_version=NORMALISER_VERSION,
        requests=tally.requests if tally else 0,
        retries=tally.retries if tally else 0,
        logins=tally.logins if tally else 0,
        zone=zone,
    )


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


def _new_fields(loading: merge.Load, facts: merge.LoadFacts) -> list[str]:
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
