"""Loading: turn a landed walk into rows, all or nothing, in one transaction.

Not here: which walks are loaded, see `dates.py`; the SQL, see `warehouse/merge.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from inode_pipeline.api.answer import read_answer
from inode_pipeline.config import LocalSettings
from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.normalise import NORMALISER_VERSION, Batch, Normaliser, frames
from inode_pipeline.sync.attempt import Listener, Progress, ignore
from inode_pipeline.text import short
from inode_pipeline.warehouse import landing, merge
from inode_pipeline.warehouse.engine import Warehouse
from inode_pipeline.warehouse.receipt import Receipt
from inode_pipeline.warehouse.walks import LandedWalk

ROWS_A_CALL: Final = 1000
PAGES_A_CALL: Final = 100


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
    base_url: str | None = None,
    listen: Listener = ignore,
) -> Receipt:
    """Turn a landed walk into rows: typed, staged and merged in one transaction, all or nothing.

    Everything that can stop a load raises inside it, before the commit. `tally` is the walk itself if this call has
    fetched it, so that the receipt counts its requests. The first load stores `zone` and
    `base_url`.
    """
    rules = merge.MergeRules(settings.max_shrink_fraction, allow_shrink=allow_shrink)
    normaliser = Normaliser(endpoint, walk.snapshot_at)
    with merge.loading(warehouse, endpoint, walk, load_id=str(uuid4()), run_id=run_id) as loading:
        _stage_pages(warehouse, walk, normaliser, loading)
        normaliser.check(loading.previous_fields, settings.max_rejected_fraction)
        facts = _facts(walk, normaliser, tally, zone, base_url)
        new_fields = _new_fields(loading, facts)
        receipt = loading.merge(rules, facts)
    for note in (
        *_note_on_measurements(normaliser),
        *_notes(receipt, normaliser.unreadable, new_fields),
        *_notes_on_records(normaliser),
    ):
        listen(Progress("note", note))
    return receipt


def _stage_pages(warehouse: Warehouse, walk: LandedWalk, normaliser: Normaliser, loading: merge.Load) -> None:
    waiting = _Waiting(loading)
    for page in landing.pages(warehouse, walk):
        answer = read_answer(page.body)
        waiting.add(normaliser.page(page.number, answer.records, is_clean=answer.is_clean))
    waiting.stage()


def _facts(
    walk: LandedWalk, normaliser: Normaliser, tally: LandedWalk | None, zone: str | None, base_url: str | None
) -> merge.LoadFacts:
    return merge.LoadFacts(
        received=normaliser.received,
        duplicate=normaliser.duplicate,
        no_data=normaliser.counts.no_data,
        fields=normaliser.fields,
        pages=walk.pages,
        normaliser_version=NORMALISER_VERSION,
        requests=tally.requests if tally else 0,
        retries=tally.retries if tally else 0,
        logins=tally.logins if tally else 0,
        zone=zone,
        base_url=base_url,
    )


@dataclass
class _Waiting:
    """Batches that are staged together, because staging has a cost per call as well as per row."""

    loading: merge.Load
    batches: list[Batch] = field(default_factory=list)
    rows: int = 0

    def add(self, batch: Batch) -> None:
        """Add the next page's batch, and stage once enough is collected."""
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
    """The fields that no committed load had, as the API spells them; none on a first load."""
    known = loading.known_fields
    return sorted(facts.fields.keys() - known) if known else []


def _notes(receipt: Receipt, unreadable: int, new_fields: Sequence[str]) -> Iterator[str]:
    """One sentence for each thing that a green load must not hide."""
    name = receipt.endpoint
    if receipt.verdict == "unverified":
        yield f"The walk is unverified: nothing shows that it is complete, so no {name} were marked as gone."
    if unreadable:
        yield f"{unreadable} records have no readable id, so no {name} were marked as gone."
    if receipt.rejected:
        yield f"{receipt.rejected} of {receipt.received} records could not be typed; see rejected_records."
    if receipt.duplicate:
        yield f"{receipt.duplicate} records repeated an id within a page; the newest of each was kept."
    if new_fields:
        yield f"Fields never seen before: {', '.join(map(short, new_fields))}."


def _notes_on_records(normaliser: Normaliser) -> Iterator[str]:
    """Notes on the records that the receipt does not have."""
    counts = normaliser.counts
    missing = counts.missing_of(normaliser.endpoint_read).items()
    some = [f"{column} in {count}" for column, count in missing if 0 < count < counts.records]
    if some:
        yield f"Fields missing from some records, so NULL there: {', '.join(some)}."
    if counts.geometries:
        yield f"{counts.geometries} geometries could not be read and are NULL."
    if counts.broken_points:
        yield f"{counts.broken_points} points of geometries could not be read and were dropped."
    if counts.odd_times:
        yield (
            f"{counts.odd_times} times of measurement lie before 2000 or more than a day after the walk and are NULL; "
            "if such a time stands for no data, list it in null_values of the field map."
        )
    if counts.left_out:
        yield f"{counts.left_out} fields were left out of extra: no database keeps what they hold (NaN, NUL)."
    if counts.records and not counts.moving:
        yield "Units are not checked: no record has length, travel time and speed."


def _note_on_measurements(normaliser: Normaliser) -> Iterator[str]:
    """If nothing was measured, which the receipt says first, name the objects that may hold measurements."""
    unread = ", ".join(short(path) for path in normaliser.unread_measurements)
    if unread and normaliser.counts.no_data == normaliser.received - normaliser.rejected - normaliser.duplicate:
        yield f"Not read, although it has fields named like measurements: {unread}. A field map can name them."
