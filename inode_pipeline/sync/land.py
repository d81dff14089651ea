"""Landing: walk an endpoint until a walk is shown to be complete, and keep its pages as received.

Not here: when to land, see `dates.py`; turning pages into rows, see `load.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from inode_pipeline.api.answer import read_answer
from inode_pipeline.api.client import INodeClient, utc_now
from inode_pipeline.api.pagination import Page
from inode_pipeline.api.walk import prove_walk
from inode_pipeline.config import Settings
from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.endpoints.record import KeyReader
from inode_pipeline.normalise.checks import Required
from inode_pipeline.sync.attempt import Listener, Progress, ignore
from inode_pipeline.warehouse.engine import Warehouse
from inode_pipeline.warehouse.landing import LandingStore
from inode_pipeline.warehouse.walks import LandedWalk, known_keys, sweep


def land(
    settings: Settings,
    warehouse: Warehouse,
    endpoint: Endpoint,
    run_id: str,
    *,
    snapshot_date: date,
    listen: Listener = ignore,
    clock: Callable[[], datetime] = utc_now,
) -> LandedWalk:
    """Walk the endpoint until a walk is shown to be complete, keep its pages as received, and return its row.

    Each page is stored before its records are read. If no walk is accepted, no page of this call is kept.
    `clock` gives the instants of the walk; demonstrations and tests pass their own.
    """
    sweep(warehouse)
    store = _FollowedStore(LandingStore(warehouse, endpoint, run_id, snapshot_date), endpoint, listen)
    identify = KeyReader(endpoint)
    try:
        with INodeClient(settings, clock=clock) as client:
            proven = prove_walk(
                client,
                endpoint.path,
                identify=identify,
                fields=identify.fields,
                known=known_keys(warehouse, endpoint),
                store=store,
            )
        return store.landing.seal(proven)
    except BaseException:
        store.landing.discard()
        raise


class _FollowedStore:
    """A landing that reports each page, and stops if the first records are not those of the endpoint."""

    def __init__(self, store: LandingStore, endpoint: Endpoint, listen: Listener) -> None:
        self.landing = store
        self._endpoint = endpoint
        self._listen = listen
        self._walks = 0
        self._received = 0
        self._is_known = False

    def begin(self, snapshot_at: datetime) -> None:
        self.landing.begin(snapshot_at)
        self._walks += 1
        self._received = 0
        if self._walks > 1:
            self._listen(Progress("walk", f"walk {self._walks}, to confirm the one before", self._walks))

    def page(self, page: Page) -> None:
        """Keep the page; the first one that has a record must have the endpoint's required fields."""
        self.landing.page(page)
        self._received += len(page.answer.records)
        if not self._is_known:
            records = [record for record in read_answer(page.body).records if isinstance(record, dict)]
            if records:
                Required.of(self._endpoint, records).check()
                self._is_known = True
        total = page.answer.count
        of = "" if total is None else f" of {total}"
        self._listen(
            Progress("page", f"page {page.number}: {self._received}{of} {self._endpoint.name}", self._received, total)
        )

    def discard(self) -> None:
        self.landing.discard()
