"""The data set with which the speed of the views is measured is the same as after real loads."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from inode_pipeline.config import LocalSettings
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.sync import load
from inode_pipeline.warehouse.engine import open_warehouse, reading
from inode_pipeline.warehouse.landing import LandingStore
from inode_pipeline.warehouse.migrate import migrate
from inode_pipeline.warehouse.tables import LINK_FACTS
from tests.views.slice import ZONE, Slice


class WholeAnswer:
    """The page and the proof of a walk with a single page."""

    number, address, verdict, pages, requests, retries, logins, unreadable = 1, "made", "proven", 1, 1, 0, 1, 0

    def __init__(self, at, records):
        self.snapshot_at = self.fetched_at = at
        self.body, self.received = json.dumps(records).encode(), len(records)


def rows(warehouse, table, *but):
    columns = [column for column in table.columns if column.name not in but]
    with reading(warehouse) as connection:
        return [tuple(row) for row in connection.execute(select(*columns).order_by(*table.primary_key.columns))]


def load_as_sampled(made, loaded, settings):
    """Land and load the observations of the generated warehouse, walk by walk."""
    walks = {}
    with reading(made) as connection:
        for row in connection.execute(select(LINK_FACTS.observations)).mappings():
            record = {
                "id": row["link_id"], "name": "x", "travel_time": row["travel_time_s"], "speed": row["speed_kmh"],
                "sample_count": row["sample_count"], "last_updated": row["observed_at"].isoformat(),
            }  # fmt: skip
            walks.setdefault(row["snapshot_at"], []).append(record)
    for at in sorted(walks):
        store = LandingStore(loaded, LINKS, f"run {at}", (at - timedelta(hours=4)).date())
        store.begin(at)
        answer = WholeAnswer(at, walks[at])
        store.page(answer)
        load(settings, loaded, LINKS, store.seal(answer), "run", allow_shrink=True, zone=ZONE)


@pytest.mark.slow
def test_real_loads_leave_the_bins_of_the_slice(world, tmp_path):
    """Two hours of twelve links, loaded walk by walk, give exactly the same observations and bins."""
    small = Slice(links=12, days=1, samples=24)
    small.fill(world)
    settings = LocalSettings(warehouse_url=f"sqlite:///{tmp_path / 'loaded.db'}", _env_file=None)
    with open_warehouse(settings) as loaded:
        migrate(loaded)
        load_as_sampled(world.warehouse, loaded, settings)
        for table in (LINK_FACTS.observations, LINK_FACTS.bins):
            found = rows(loaded, table)
            assert rows(world.warehouse, table) == found
            assert len(found) > 90
