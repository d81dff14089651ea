"""Made-up walks and pages, landed into a warehouse."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest

from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.warehouse.engine import Warehouse
from inode_pipeline.warehouse.landing import LandingStore
from inode_pipeline.warehouse.walks import LandedWalk

START = datetime(2026, 11, 23, 9, 30, 0, 123456, tzinfo=UTC)
DAY = date(2026, 11, 23)


@dataclass(frozen=True)
class MadePage:
    """What landing needs of the API's page."""

    number: int
    body: bytes = b'{"count": 1, "results": []}'
    address: str = "https://api.example/v1/links/?page=1"
    fetched_at: datetime = START


@dataclass(frozen=True)
class MadeWalk:
    """What landing needs of an accepted walk."""

    snapshot_at: datetime = START
    verdict: str = "proven"
    pages: int = 2
    received: int = 2
    requests: int = 2
    retries: int = 0
    logins: int = 1
    unreadable: int = 0


@dataclass
class Lander:
    """Lands whole walks of two pages into a warehouse."""

    warehouse: Warehouse
    start: datetime = START
    day: date = DAY
    page: type[MadePage] = field(default=MadePage)
    walk: type[MadeWalk] = field(default=MadeWalk)

    def store(self, run_id: str = "run", day: date = DAY) -> LandingStore:
        return LandingStore(self.warehouse, LINKS, run_id, day)

    def land(
        self, snapshot_at: datetime = START, *, run_id: str = "run", day: date = DAY, bodies: tuple[bytes, ...] = ()
    ) -> LandedWalk:
        bodies = bodies or (b'{"results": [1]}', b'{"results": [2]}')
        store = self.store(run_id, day)
        store.begin(snapshot_at)
        for number, body in enumerate(bodies, start=1):
            store.page(MadePage(number, body, fetched_at=snapshot_at + timedelta(seconds=number)))
        return store.seal(MadeWalk(snapshot_at=snapshot_at, pages=len(bodies)))


@pytest.fixture
def lander(warehouse: Warehouse) -> Lander:
    """Lands walks into a migrated warehouse of each kind in turn."""
    return Lander(warehouse)


@pytest.fixture
def lander_class() -> type[Lander]:
    """To land into a warehouse that a test opens itself."""
    return Lander
