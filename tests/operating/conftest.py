"""A whole deployment: Dagster's webserver and daemon as processes of their own, an emulated account, PostgreSQL.

It is the one that `deploy/dagster.yaml` and `workspace.yaml` make, and then the one of `deploy/dagster-postgresql.yaml`
and `deploy/workspace-code-server.yaml`, each with a schedule that ticks one or two minutes after it was started. Two of
the last four dates are landed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from inode_pipeline.emulator import EmulatorConfig, EmulatorServer
from tests.operating.databases import dagster_database, warehouse_database
from tests.operating.processes import (
    deployed,
    in_files,
    in_postgresql,
    land_and_load,
    settings_of,
    zone_at_noon,
)
from tests.operating.running import Deployment

TICK_AFTER = timedelta(seconds=60)
STORES = ["files", pytest.param("postgresql", marks=pytest.mark.soak, id="postgresql_store")]
"""Where Dagster keeps its runs and events."""
FORMS = ("job", "asset")
"""The pages whose dialog launches a backfill."""
Backfills = dict[str, list[dict[str, Any]]]
"""The ended runs of a backfill launched from each of them."""


@dataclass
class LastNights(Deployment):
    """The deployment of which two of the last four dates are landed, and today is not yet."""

    server: EmulatorServer
    today: date
    landed: tuple[date, date]
    gap: date
    tick: datetime


@pytest.fixture(scope="session", params=STORES)
def deployment(
    request: pytest.FixtureRequest, postgresql_server: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LastNights]:
    """The deployment, ready to be used; its processes are ended afterwards."""
    with ExitStack() as stack:
        server = stack.enter_context(EmulatorServer(EmulatorConfig(links=25, page_size=10, max_page_size=10)))
        server.state.freeze()
        warehouse = stack.enter_context(warehouse_database(postgresql_server))
        store = in_files
        if request.param == "postgresql":
            store = in_postgresql(postgresql_server, stack.enter_context(dagster_database(postgresql_server)))
        zone = zone_at_noon()
        tick = datetime.now(ZoneInfo(zone)) + TICK_AFTER
        tick = tick.replace(second=0, microsecond=0) + timedelta(minutes=1)
        variables = {
            "INODE_BASE_URL": server.base_url,
            "INODE_API_KEY": "demo-api-key",
            "INODE_WAREHOUSE_URL": postgresql_server.url(warehouse, "inode_loader"),
            "INODE_SYNC_SCHEDULE": f"{tick.minute} {tick.hour} * * *",
            "INODE_TIMEZONE": zone,
            "INODE_START_DATE": str(tick.date() - timedelta(days=30)),
        }
        settings = settings_of(variables)
        today = tick.date()
        landed = (today - timedelta(days=4), today - timedelta(days=2))
        land_and_load(settings, *landed)
        home = tmp_path_factory.mktemp("dagster")
        address, processes = stack.enter_context(deployed(home, variables, store))
        gap = today - timedelta(days=3)
        yield LastNights(address, settings, processes, server, today, landed, gap, tick)


@pytest.fixture(scope="session")
def backfill_ids(deployment: LastNights) -> dict[str, str]:
    """A backfill over three dates from the job page's form, and one from the asset page's."""
    days = (deployment.landed[0], deployment.gap, deployment.landed[1])
    return {form: deployment.backfill(form, days) for form in FORMS}


@pytest.fixture(scope="session")
def backfills(deployment: LastNights, backfill_ids: dict[str, str]) -> Backfills:
    """The ended runs of both, which every test of this room looks at: each run costs seconds."""
    return {form: deployment.ended(backfill) for form, backfill in backfill_ids.items()}
