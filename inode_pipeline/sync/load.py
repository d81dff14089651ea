"""Loading: make rows of a landed walk, in one transaction that keeps all or nothing.

Keep out: which walks are loaded (`dates.py`), and the SQL (`warehouse/merge.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from uuid import uuid4

from inode_pipeline.api.answer import read_answer
from inode_pipeline.config import LocalSettings
from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.normalise import NORMALISER_VERSION, Normaliser
from inode_pipeline.normalise.hashes import reading_hash
from inode_pipeline.normalise.inventory import clean
from inode_pipeline.sync.attempt import Listener, Progress, ignore
from inode_pipeline.sync.collector import calm_collector
from inode_pipeline.warehouse import landing, merge
from inode_pipeline.warehouse.engine import Warehouse
from inode_pipeline.warehouse.landing import LandedWalk
from inode_pipeline.warehouse.receipt import Receipt


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
    reading = reading_hash(endpoint, NORMALISER_VERSION)
    with merge.loading(warehouse, endpoint, walk, load_id=str(uuid4()), run_id=run_id) as loading:
        new_fields: list[str] = []
        facts = loading.repeated(reading)
        if facts is None:
            normaliser = _staged(warehouse, endpoint, walk, loading)
            known_fields = loading.known_fields
            normaliser.check(loading.previous_fields, settings.max_rejected_fraction)
            new_fields = normaliser.new_fields(known_fields) if known_fields else []
            facts = _facts(normaliser, walk, reading)
        if tally is not None:
            facts = replace(facts, requests=tally.requests, retries=tally.retries, logins=tally.logins)
        rules = merge.MergeRules(settings.max_shrink_fraction, allow_shrink=allow_shrink)
        receipt = loading.merge(rules, replace(facts, zone=zone))
    for note in _notes(receipt, facts, new_fields):
        listen(Progress("note", note))
    return receipt


def _staged(warehouse: Warehouse, endpoint: Endpoint, walk: LandedWalk, loading: merge.Load) -> Normaliser:
    """Stage every page of the walk; return what was seen on the way."""
    normaliser = Normaliser(endpoint)
    for page in landing.pages(warehouse, walk):
        batch = normaliser.page(page.number, read_answer(page.body).records)
        loading.stage(batch.frame, batch.rejected)
    return normaliser


def _facts(normaliser: Normaliser, walk: LandedWalk, reading: str) -> merge.LoadFacts:
    return merge.LoadFacts(
        received=normaliser.received,
        duplicate=normaliser.duplicate,
        unreadable=normaliser.unreadable,
        no_data=normaliser.no_data,
        fields=normaliser.fields,
        pages=walk.pages,
        normaliser_version=NORMALISER_VERSION,
        reading_hash=reading,
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
