"""Runs on two of Celery's workers: a lost worker and a restarted Redis lose none of thirty dates, nor the night."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from inode_pipeline.emulator import EmulatorConfig, EmulatorServer
from inode_pipeline.warehouse.tables import LINKS_TABLE, LOADS, WALKS
from tests.operating.databases import dagster_database, warehouse_database
from tests.operating.processes import (
    deployed,
    in_postgresql,
    land_and_load,
    settings_of,
    wait_for,
    zone_at_noon,
)
from tests.operating.running import ENDED, Deployment, date_of
from tests.operating.test_lost_machines import Held
from tests.operating.workers import CELERY, Redis, Worker, busy, running_redis

pytestmark = [
    pytest.mark.soak,
    pytest.mark.postgresql,
    pytest.mark.xdist_group("celery"),
    pytest.mark.timeout(3000),
]

LOG = logging.getLogger(__name__)
DATES = 30
LINKS = 25


@dataclass
class Spread(Deployment):
    """A deployment whose runs start on either of two workers, and the dates that are landed."""

    server: EmulatorServer
    redis: Redis
    workers: dict[str, Worker]
    landed: tuple[date, ...]
    today: date


@pytest.fixture(scope="module")
def spread(postgresql_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spread]:
    """Webserver, daemon and code server in one folder, a worker in each of two others; no file is shared."""
    folder = tmp_path_factory.mktemp("celery")
    with ExitStack() as stack:
        server = stack.enter_context(EmulatorServer(EmulatorConfig(links=LINKS, page_size=10, max_page_size=10)))
        server.state.freeze()
        redis = stack.enter_context(running_redis(folder / "redis"))
        warehouse = stack.enter_context(warehouse_database(postgresql_server))
        store = in_postgresql(postgresql_server, stack.enter_context(dagster_database(postgresql_server)))
        tick = datetime.now(ZoneInfo(zone_at_noon())).replace(second=0, microsecond=0) + timedelta(minutes=4)
        landed = tuple(tick.date() - timedelta(days=n) for n in range(DATES, 0, -1))
        settings = {
            "INODE_BASE_URL": server.base_url,
            "INODE_API_KEY": "demo-api-key",
            "INODE_WAREHOUSE_URL": postgresql_server.url(warehouse, "inode_loader"),
            "INODE_SYNC_SCHEDULE": f"{tick.minute} {tick.hour} * * *",
            "INODE_TIMEZONE": str(tick.tzinfo),
            "INODE_START_DATE": str(landed[0]),
        }
        land_and_load(settings_of(settings), *landed)

        def with_workers(home: Path) -> dict[str, str]:
            variables = store(home)
            with (home / "dagster.yaml").open("a") as written:
                written.write((CELERY / "launcher.yaml").read_text())
            return variables | {"DAGSTER_REDIS_URL": redis.url, "PYTHONPATH": str(CELERY)}

        home = folder / "head"
        home.mkdir()
        address, processes = stack.enter_context(deployed(home, settings, with_workers))
        workers = {}
        for name in ("north", "south"):
            workers[name] = Worker(folder / name, processes.environment, settings, home)
            workers[name].start()
            stack.callback(workers[name].kill)
        yield Spread(address, settings_of(settings), processes, server, redis, workers, landed, tick.date())


@dataclass
class Story:
    """What came of the thirty dates and the night: the runs of the backfill, the newest first, and the tick's."""

    runs: list[dict[str, Any]]
    night: dict[str, Any]


@pytest.fixture(scope="module")
def story(spread: Spread) -> Story:
    """A backfill and the tick of the night; a worker is lost and comes back, Redis is killed and comes back."""
    backfill = spread.backfill("job", spread.landed)

    def ended() -> int:
        return sum(run["status"] in ENDED for run in spread.runs(dagster__backfill=backfill))

    wait_for("a fifth of the dates", lambda: ended() >= DATES // 5, 900)
    [lost] = wait_for("a worker at work", lambda: busy(spread.redis)[:1])
    spread.workers[lost].kill()
    wait_for("half of the dates", lambda: ended() >= DATES // 2, 1200)
    spread.redis.kill()
    time.sleep(5)
    spread.redis.start()
    spread.workers[lost].start()
    spread.ended(backfill, 1500)
    [night] = wait_for("the tick's run", lambda: spread.runs(dagster__schedule_name="nightly_sync"), 400)
    spread.end_of(night["runId"], 400)
    return Story(spread.runs(dagster__backfill=backfill), night)


def test_every_date_has_its_status(spread: Spread, story: Story) -> None:
    """Each date is green at the end, and so is the night's; the newest run of each has succeeded."""
    newest: dict[str, str] = {}
    for run in story.runs:  # the newest first
        newest.setdefault(date_of(run), run["status"])
    assert newest == {str(day): "SUCCESS" for day in spread.landed}
    assert spread.status(story.night["runId"]) == "SUCCESS"
    assert {str(day) for day in (*spread.landed, spread.today)} <= spread.green("links")
    assert spread.red("links") == set()


def test_the_lost_run_was_started_again(spread: Spread, story: Story) -> None:
    """It is red and says why, and Dagster has started it again once; nothing else failed."""
    [failed] = [run for run in story.runs if run["status"] != "SUCCESS"]
    [again] = spread.runs(dagster__parent_run_id=failed["runId"])
    assert (again["status"], date_of(again)) == ("SUCCESS", date_of(failed))


def test_both_workers_took_part(spread: Spread, story: Story) -> None:
    """Each has executed runs, in a process for each."""
    done = {name: worker.log().count("succeeded in") for name, worker in spread.workers.items()}
    assert all(done.values()), done


def test_a_walk_whose_worker_is_lost_is_made_by_another_one(spread: Spread) -> None:
    """Lost between two pages, a run is red within minutes and started again, and today is complete."""
    with Held(spread) as held:
        run = held.launched()
        [lost] = busy(spread.redis)
        spread.workers[lost].kill()
        began = time.monotonic()
    [again] = wait_for("the second run", lambda: spread.runs(dagster__parent_run_id=run), 300)
    LOG.info("started again after %.0f s", time.monotonic() - began)
    assert spread.end_of(again["runId"]) == "SUCCESS"
    walks = spread.rows(WALKS, "run_id", "snapshot_date", "received")
    assert [walk for walk in walks if walk[0] == run] == []
    assert (again["runId"], spread.today, LINKS) in walks
    spread.workers[lost].start()


def test_loads_never_overlap(spread: Spread, story: Story) -> None:
    """Whichever worker they were on, one load began after the one before it had ended, and no row is missing."""
    loads = spread.rows(LOADS, "started_at", "finished_at", "run_id", "snapshot_date", "received")
    spans = sorted(load[:2] for load in loads)
    assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(spans))
    assert {load[4] for load in loads} == {LINKS}
    of_runs = {run["runId"] for run in story.runs}
    assert {load[3] for load in loads if load[2] in of_runs} == set(spread.landed)
    assert len(spread.rows(LINKS_TABLE, "link_id")) == LINKS
