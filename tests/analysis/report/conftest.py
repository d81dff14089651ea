"""A warehouse with one load of an emulated network or of a test's records, and its report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from inode_pipeline.analysis.report.contents import Contents, read_contents
from inode_pipeline.analysis.report.links import METRIC, Units
from inode_pipeline.analysis.report.page import page
from inode_pipeline.config import LocalSettings, Settings
from inode_pipeline.emulator import EmulatorConfig, EmulatorServer
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.sync import Attempt, sync_date
from inode_pipeline.warehouse.engine import Warehouse
from tests.views.conftest import QUARTER, World

HOSTILE_NAMES = (
    "<script>document.title = 'taken'</script>",
    '"><img src=x onerror="document.title = `taken`">',
    "</style></title><script>document.title = 'taken'</script>",
    "<!-- <a href='https://example.org'>",
    "{{ 7 * 7 }} {% raw %} &lt;b&gt; &",
    "turned \u202eround\u202c and \x1b[31mred",
    "long" * 500,
)
EVENING_PEAK = datetime(2026, 11, 24, 22, 17, tzinfo=UTC)
MADE_AT = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)

Fill = Callable[..., None]


@pytest.fixture
def fill() -> Iterator[Fill]:
    """Load an emulated network, or these records, on a Tuesday in the city's evening peak."""
    servers = ExitStack()

    def load(warehouse: Warehouse, *, links: int = 40, records: Sequence[dict[str, Any]] | None = None) -> None:
        server = servers.enter_context(EmulatorServer(EmulatorConfig(links=links)))
        server.state.records = None if records is None else list(records)
        url = warehouse.engine.url.render_as_string(hide_password=False)
        key = server.config.api_key
        settings = Settings(base_url=server.base_url, api_key=key, warehouse_url=url, _env_file=None)
        with time_machine.travel(EVENING_PEAK):
            today = EVENING_PEAK.date()
            sync_date(settings, warehouse, LINKS, today, today=today, attempt=Attempt("run", "person"))

    with servers:
        yield load


@pytest.fixture
def hostile_records() -> list[dict[str, Any]]:
    """Links with malicious names, including slow, changed and silent ones."""
    now = EVENING_PEAK.isoformat()
    return [
        {
            "id": number,
            "name": name,
            "status": name[:40],
            "distance": 1000.0,
            "free_flow_speed": 50.0,
            "last_speed": 10.0 + number,
            "last_travel_time": 3600 / (10.0 + number),
            "last_updated": now if number % 2 else None,
        }
        for number, name in enumerate(HOSTILE_NAMES)
    ]


@pytest.fixture
def contents(warehouse: Warehouse, fill: Fill, read: Callable[..., Contents]) -> Contents:
    """The contents of the report on 40 links, on each database in turn."""
    fill(warehouse)
    return read(warehouse)


@pytest.fixture
def read() -> Callable[..., Contents]:
    """The contents of the report on a warehouse or a place, with the given settings and defaults for the others."""
    return lambda warehouse, place=None, **settings: read_contents(
        warehouse, LocalSettings(_env_file=None, **settings), place
    )


@pytest.fixture
def html(read: Callable[..., Contents]) -> Callable[..., str]:
    """The page of a warehouse, always with the same time of creation."""

    def make(warehouse: Warehouse, units: Units = METRIC, **asked: Any) -> str:
        return page(read(warehouse, **asked), units, MADE_AT)

    return make


@pytest.fixture
def a_place(warehouse: Warehouse) -> Warehouse:
    """Two links with lines, and a corridor of both, from 1 September to 24 November 2026, with a slow hour at 08:00.

    The hour from 03:00 has no measurement. Link a takes 60 s, at 08:00 150 s; link b twice that.
    """
    world = World(warehouse)
    world.live_in("America/Toronto")
    world.load(world.local("2026-11-24 17:10"), trigger="sample")
    hours = [world.local("2026-09-01 00:00") + timedelta(hours=n) for n in range(84 * 24 + 18)]
    for link_id, times in (("a", 1), ("b", 2)):
        points = [[-79.5 + 0.01 * (times - 1), 43.6], [-79.5 + 0.01 * times, 43.6]]
        world.link(link_id, geometry={"type": "LineString", "coordinates": points})
        world.baseline(link_id, 60.0 * times)
        clock = [(hour, hour.astimezone(world.zone).hour) for hour in hours]
        bins = [(at, times * (150.0 if shown == 8 else 60.0)) for at, shown in clock if shown != 3]
        world.bins(link_id, [(at + n * QUARTER, seconds) for at, seconds in bins for n in range(4)])
    world.corridor("<script>", "a", "b")
    return warehouse
