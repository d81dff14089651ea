"""What is killed in the middle, and what comes back by itself."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from inode_pipeline.warehouse.tables import LINKS_TABLE, WALKS
from inode_pipeline.warehouse.tables import RUNS as ATTEMPTS
from tests.operating.conftest import LastNights
from tests.operating.running import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.postgresql, pytest.mark.xdist_group("operating"), pytest.mark.timeout(600)]


def process_of(deployment: LastNights, run: str) -> int | None:
    """The process in which a run is at work, as `runs` has it."""
    attempts = deployment.rows(ATTEMPTS, "run_id", "process", "finished_at")
    return next((int(process.split(":")[-2]) for key, process, end in attempts if key == run and end is None), None)


def test_m62_a_killed_run_is_started_again_and_ends_well(deployment: LastNights) -> None:
    """Killed between two pages, a run is red; Dagster starts it again by itself, and the table is then complete."""
    wait_for("the code location", lambda: deployment.ask("{ assetNodes { id } }")["assetNodes"])
    reached, go_on = threading.Event(), threading.Event()
    runs: list[str] = []

    def hold(_: int) -> None:  # the tick's own run may come in between, and is let through
        if runs and not go_on.is_set() and process_of(deployment, runs[0]):
            reached.set()
            go_on.wait(60)

    deployment.server.state.on_page = hold
    try:
        run = deployment.launch(deployment.today)
        runs.append(run)
        wait_for("a page of the run", reached.is_set)
        os.kill(wait_for("its process", lambda: process_of(deployment, run)), signal.SIGKILL)
    finally:
        go_on.set()
        deployment.server.state.on_page = None
    [again] = wait_for("the second run", lambda: deployment.runs(dagster__parent_run_id=run), 240)
    assert again["tags"]["dagster/retry_number"] == "1"
    wait_for("its end", lambda: deployment.runs(dagster__parent_run_id=run)[0]["status"] == "SUCCESS", 240)
    walks = deployment.rows(WALKS, "run_id", "snapshot_date", "received")
    assert [walk for walk in walks if walk[0] == run] == []
    assert (again["runId"], deployment.today, 25) in walks
    assert len(deployment.rows(LINKS_TABLE, "link_id")) == 25
