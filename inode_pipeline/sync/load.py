"""Loading: make rows of a landed walk, in one transaction that keeps all or nothing.

Keep out: which walks are loaded (`dates.py`), and the SQL (`warehouse/merge.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from uuid import uuid4

from inode_pipeline.api.answer import read_answer
from inode_pipeline.config import LocalSettings
from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.normalise import NORMALISER_VERSION, Normaliser
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
    normaliser = Normaliser(endpoint)
    with merge.loading(warehouse, endpoint, walk, load_id=str(uuid4()), run_id=run_id) as loading:
        for page in landing.pages(warehouse, walk):
            batch = normaliser.page(page.number, read_answer(page.body).records)
            loading.stage(batch.frame, batch.rejected)
        known_fields = loading.known_fields
        normaliser.check(loading.previous_fields, settings.max_rejected_fraction)
        receipt = loading.merge(
            merge.MergeRules(settings.max_shrink_fraction, allow_shrink=allow_shrink),
            merge.LoadFacts(
                received=normaliser.received,
                duplicate=normaliser.duplicate,
                unreadable=normaliser.unreadable,
                no_data=normaliser.no_data,
                fields=normaliser.fields,
                pages=walk.pages,
                requests=tally.requests if tally else 0,
                retries=tally.retries if tally else 0,
                logins=tally.logins if tally else 0,
                normaliser_version=NORMALISER_VERSION,
                zone=zone,
            ),
        )
        notes = list(_notes(normaliser, receipt, known_fields))
    for note in notes:
        listen(Progress("note", note))
    return receipt


def _notes(normaliser: Normaliser, receipt: Receipt, known_fields: Collection[str]) -> Iterator[str]:
    """What a green load must not hide, a sentence each."""
    name = normaliser.endpoint.name
    if receipt.verdict == "unverified":
        yield f"The walk is unverified: the API counts no {name}, so none was marked as gone."
    if normaliser.unreadable:
        yield f"{normaliser.unreadable} records have no readable id, so no {name} were marked as gone."
    if receipt.rejected:
        yield f"{receipt.rejected} of {receipt.received} records could not be typed; see rejected_records."
    if receipt.duplicate:
        yield f"{receipt.duplicate} records repeated an id within a page; the newest of each was kept."
    if known_fields and (new := normaliser.new_fields(known_fields)):
        yield f"Fields never seen before: {', '.join(map(clean, new))}."
    missing = [
        f"{column} in {count}" for column, count in normaliser.missing_counts.items() if 0 < count < receipt.received
    ]
    if missing:
        yield f"Fields missing from some records, so NULL there: {', '.join(missing)}."
    if normaliser.broken_points:
        yield f"{normaliser.broken_points} points of geometries could not be read and were dropped."
    if receipt.received and not normaliser.units_checked:
        yield "Units are not checked: no record has length, travel time and speed."
