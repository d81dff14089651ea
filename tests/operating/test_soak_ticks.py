"""Schedules that tick every minute: beside backfills that are launched at the same moment, and with a wrong password.

Both deployments tick at the same time, so that this takes twenty minutes and not half an hour.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from inode_pipeline.emulator import EmulatorConfig, EmulatorServer
from inode_pipeline.warehouse.tables import LOADS
from inode_pipeline.warehouse.tables import RUNS as ATTEMPTS
from tests.operating.processes import deployed, land_and_load, settings_of, wait_for, zone_at_noon
from tests.operating.running import ENDED, Deployment

pytestmark = [pytest.mark.soak, pytest.mark.postgresql, pytest.mark.timeout(2400)]

TIMES = 10
TICKS = 20
EVERY_MINUTE = "* * * * *"
DAYS_LANDED = 5

SCHEDULES = """
{ repositoriesOrError { ... on RepositoryConnection { nodes { schedules {
  name scheduleState { ticks { timestamp status skipReason runIds error { message } } } } } } } }
"""


@dataclass
class Ticking(Deployment):
    """A deployment whose schedules tick every minute."""

    server: EmulatorServer

    def ticks(self) -> list[dict[str, Any]]:
        """Every tick of every schedule that is over, the oldest first, with the name of its schedule."""
        [repository] = self.ask(SCHEDULES)["repositoriesOrError"]["nodes"]
        every = [
            tick | {"schedule": schedule["name"]}
            for schedule in repository["schedules"]
            for tick in schedule["scheduleState"]["ticks"]
            if tick["status"] != "STARTED"
        ]
        return sorted(every, key=lambda tick: float(tick["timestamp"]))


@pytest.fixture(scope="module")
def both(postgresql_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ticking, Ticking]]:
    """One with the right key, on PostgreSQL, and one with a wrong password, on SQLite."""
    home = tmp_path_factory.mktemp("refused")
    refused = {
        "INODE_USERNAME": "demo",
        "INODE_PASSWORD": "wrong",
        "INODE_CLIENT_ID": "demo-client",
        "INODE_CLIENT_SECRET": "demo-client-secret",
        "INODE_WAREHOUSE_URL": f"sqlite:///{home / 'inode.db'}",
    }
    database = postgresql_server.url(postgresql_server.new_database())
    busy = {"INODE_API_KEY": "demo-api-key", "INODE_WAREHOUSE_URL": database}
    with ExitStack() as stack:
        yield (
            _ticking(stack, busy, tmp_path_factory.mktemp("busy"), landed=DAYS_LANDED),
            _ticking(stack, refused, home),
        )


def _ticking(stack: ExitStack, variables: dict[str, str], home: Any, *, landed: int = 0) -> Ticking:
    server = stack.enter_context(EmulatorServer(EmulatorConfig(links=25, page_size=10, max_page_size=10)))
    zone = zone_at_noon()
    now = datetime.now(ZoneInfo(zone))
    variables = variables | {
        "INODE_BASE_URL": server.base_url,
        "INODE_TIMEZONE": zone,
        "INODE_START_DATE": str(now.date() - timedelta(days=30)),
        "INODE_SYNC_SCHEDULE": EVERY_MINUTE,
        # Five minutes from now for the first time: the first tick of all is the nightly sync's alone.
        "INODE_SAMPLE_SCHEDULE": f"{now.minute % 5}-59/5 * * * *",
    }
    settings = settings_of(variables)
    land_and_load(settings, *(now.date() - timedelta(days=number) for number in range(landed, 0, -1)))
    address, processes = stack.enter_context(deployed(home, variables))
    return Ticking(address, settings, processes, server)


@pytest.fixture(scope="module")
def backfills(both: tuple[Ticking, Ticking]) -> list[str]:
    """Ten backfills, each launched in the second in which the schedule ticks, from both of the UI's forms in turn."""
    busy, _ = both
    wait_for("the first tick", busy.ticks)
    today = datetime.now(ZoneInfo(zone_at_noon())).date()
    days = [today - timedelta(days=number) for number in range(DAYS_LANDED, -1, -1)]
    launched = []
    for number in range(TIMES):
        time.sleep(60 - time.time() % 60)
        form = ("job", "asset")[number % 2]
        launched.append(busy.backfill(form, days if number % 3 == 0 else days[:-1]))
    return launched


def test_no_run_is_stuck(both: tuple[Ticking, Ticking], backfills: list[str]) -> None:
    """Every backfill and every tick has its run, and all of them end well."""
    busy, _ = both
    for backfill in backfills:
        runs = busy.ended(backfill, 600)
        assert runs
        assert {run["status"] for run in runs} == {"SUCCESS"}
    of_ticks = {run for tick in busy.ticks() for run in tick["runIds"]}
    assert len(of_ticks) >= TIMES

    def ended() -> list[dict[str, Any]]:
        runs = [run for run in busy.runs() if run["runId"] in of_ticks]
        return runs if {run["status"] for run in runs} <= ENDED else []

    runs = wait_for("the end of the ticks' runs", ended, 600)
    assert len(runs) == len(of_ticks)
    assert {run["status"] for run in runs} == {"SUCCESS"}


def test_no_two_loads_overlap(both: tuple[Ticking, Ticking], backfills: list[str]) -> None:
    """Each load began after the one before it had ended; each backfill loaded each of its earlier dates once."""
    busy, _ = both
    loads = busy.rows(LOADS, "started_at", "finished_at", "run_id", "snapshot_date")
    spans = sorted((begun, ended) for begun, ended, *_ in loads)
    assert [pair for pair in itertools.pairwise(spans) if pair[0][1] > pair[1][0]] == []
    today = datetime.now(ZoneInfo(zone_at_noon())).date()
    earlier = [today - timedelta(days=number) for number in range(DAYS_LANDED, 0, -1)]
    for backfill in backfills:
        runs = {run["runId"] for run in busy.runs(dagster__backfill=backfill)}
        assert sorted(load[3] for load in loads if load[2] in runs and load[3] != today) == earlier


def test_s20_of_twenty_ticks_with_a_wrong_password_one_asks_the_server(
    both: tuple[Ticking, Ticking], backfills: list[str]
) -> None:
    """The first tick's run is refused; from then on nothing is sent, and each skipped tick says why."""
    _, refused = both
    assert backfills
    ticks = wait_for("twenty ticks", lambda: (found := refused.ticks())[TICKS - 1 :] and found, 1500)
    assert refused.server.state.token_requests == 1
    assert refused.server.state.page_requests == 0
    first, *later = ticks
    assert (first["schedule"], first["status"], len(first["runIds"])) == ("nightly_sync", "SUCCESS", 1)
    skipped = [tick for tick in later if tick["status"] == "SKIPPED"]
    # A tick that came before the first run had its answer has a run of its own, which sends nothing.
    assert [tick["runIds"] for tick in later[2:] if tick not in skipped] == []
    assert all("Skipped without a request: the server refused these credentials" in t["skipReason"] for t in skipped)
    errors = [error for (error,) in refused.rows(ATTEMPTS, "error")]
    assert errors.count("PasswordRejectedError") == 1
    assert set(errors) == {"PasswordRejectedError", "RejectedBeforeError"}
