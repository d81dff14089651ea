"""What is killed in the middle, and what comes back by itself."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from typing import Any

import pytest

from inode_pipeline.warehouse.tables import LINKS_TABLE, WALKS
from inode_pipeline.warehouse.tables import RUNS as ATTEMPTS
from tests.operating.conftest import LastNights
from tests.operating.processes import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.postgresql, pytest.mark.xdist_group("operating"), pytest.mark.timeout(600)]


def process_of(deployment: LastNights, run: str) -> int | None:
    """The process in which a run is at work, as `runs` has it."""
    attempts = deployment.rows(ATTEMPTS, "run_id", "process", "finished_at")
    return next((int(process.split(":")[-2]) for key, process, end in attempts if key == run and end is None), None)


class Held:
    """Holds the server's next page of one run until it is let go."""

    def __init__(self, deployment: LastNights) -> None:
        self.deployment, self.run = deployment, ""
        self._reached, self._go_on = threading.Event(), threading.Event()

    def __enter__(self) -> Held:
        self.deployment.server.state.on_page = self._hold
        return self

    def __exit__(self, *_: object) -> None:
        self._go_on.set()
        self.deployment.server.state.on_page = None

    def launched(self) -> str:
        """Launch a run of today, and return its id as soon as it waits for a page."""
        self.run = self.deployment.launch(self.deployment.today)
        wait_for("a page of the run", self._reached.is_set)
        return self.run

    def process(self) -> int:
        """The process in which the run is at work, as `runs` has it."""
        return int(wait_for("its process", lambda: process_of(self.deployment, self.run)))

    def _hold(self, _: int) -> None:  # the tick's own run may come in between, and is let through
        if self.run and not self._go_on.is_set() and process_of(self.deployment, self.run):
            self._reached.set()
            self._go_on.wait(120)


def test_m62_a_killed_run_is_started_again_and_ends_well(deployment: LastNights) -> None:
    """Killed between two pages, a run is red; Dagster starts it again by itself, and the table is then complete."""
    with Held(deployment) as held:
        run = held.launched()
        os.kill(held.process(), signal.SIGKILL)
    [again] = wait_for("the second run", lambda: deployment.runs(dagster__parent_run_id=run), 240)
    assert again["tags"]["dagster/retry_number"] == "1"
    assert deployment.end_of(again["runId"]) == "SUCCESS"
    walks = deployment.rows(WALKS, "run_id", "snapshot_date", "received")
    assert [walk for walk in walks if walk[0] == run] == []
    assert (again["runId"], deployment.today, 25) in walks
    assert len(deployment.rows(LINKS_TABLE, "link_id")) == 25


@pytest.mark.soak
def test_a_run_outlives_the_daemon_and_what_is_queued_waits_for_the_next_one(deployment: LastNights) -> None:
    """Nothing starts while no daemon is there, what was at work comes to its end, and the next daemon goes on."""
    with Held(deployment) as held:
        run = held.launched()
        daemon = deployment.processes.started.pop("daemon")
        daemon.kill()
        daemon.wait()
        queued = deployment.launch(deployment.landed[0])
        backfill = deployment.backfill("asset", deployment.landed)
    assert deployment.end_of(run) == "SUCCESS"
    assert deployment.status(queued) == "QUEUED"
    assert deployment.runs(dagster__backfill=backfill) == []
    deployment.processes.start_daemon()
    assert deployment.end_of(queued) == "SUCCESS"
    assert {r["status"] for r in deployment.ended(backfill)} == {"SUCCESS"}


@pytest.mark.soak
def test_a_database_that_comes_back_is_waited_for(deployment: LastNights, postgresql_server: Any) -> None:
    """Killed in the middle of a run and back half a minute later, it costs minutes and no click.

    The step tries again; where Dagster's own store was away as well, the daemon starts the run again.
    """
    with Held(deployment) as held:
        run = held.launched()
        postgresql_server.kill()
    try:
        time.sleep(30)
    finally:
        postgresql_server.start()

    def ended_well() -> str | None:
        with suppress(AssertionError):  # the webserver's connections to the killed server each fail once more
            again = [found["runId"] for found in deployment.runs(dagster__parent_run_id=run)]
            return next((one for one in (run, *again) if deployment.status(one) == "SUCCESS"), None)
        return None

    loaded_by = wait_for("a run that ends well", ended_well, 480)
    outcomes = [row[1:] for row in deployment.rows(ATTEMPTS, "run_id", "outcome", "error") if row[0] == loaded_by]
    assert outcomes[-1] == ("ok", None)
    assert len(deployment.rows(LINKS_TABLE, "link_id")) == 25
