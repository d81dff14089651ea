"""What is killed in the middle, and what comes back by itself."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from inode_pipeline.warehouse.tables import LINKS_TABLE, WALKS
from inode_pipeline.warehouse.tables import RUNS as ATTEMPTS

if TYPE_CHECKING:
    from conftest import Deployment

pytestmark = [pytest.mark.slow, pytest.mark.postgresql, pytest.mark.xdist_group("operating"), pytest.mark.timeout(600)]

LAUNCH = """
mutation LaunchRun($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""


def launched(deployment: Deployment) -> str:
    """A run of today, as the launchpad starts one."""
    tag = {"key": "dagster/partition", "value": str(deployment.today)}
    selector = {"repositoryLocationName": "inode_pipeline", "repositoryName": "__repository__", "jobName": "sync_links"}
    params = {"selector": selector, "runConfigData": {}, "executionMetadata": {"tags": [tag]}}
    answer = deployment.ask(LAUNCH, params=params)["launchRun"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return str(answer["run"]["runId"])


def process_of(deployment: Deployment, run: str) -> int | None:
    """The process in which a run is at work, as `runs` has it."""
    attempts = deployment.rows(ATTEMPTS, "run_id", "process", "finished_at")
    return next((int(process.split(":")[-2]) for key, process, end in attempts if key == run and end is None), None)


def test_m62_a_killed_run_is_started_again_and_ends_well(deployment: Deployment, waiting: Any) -> None:
    """Killed between two pages, a run is red; Dagster starts it again by itself, and the table is then complete."""
    waiting("the code location", lambda: deployment.ask("{ assetNodes { id } }")["assetNodes"])
    reached, go_on = threading.Event(), threading.Event()
    runs: list[str] = []

    def hold(_: int) -> None:  # the tick's own run may come in between, and is let through
        if runs and not go_on.is_set() and process_of(deployment, runs[0]):
            reached.set()
            go_on.wait(60)

    deployment.server.state.on_page = hold
    try:
        run = launched(deployment)
        runs.append(run)
        waiting("a page of the run", reached.is_set)
        os.kill(waiting("its process", lambda: process_of(deployment, run)), signal.SIGKILL)
    finally:
        go_on.set()
        deployment.server.state.on_page = None
    [again] = waiting("the second run", lambda: deployment.runs(dagster__parent_run_id=run), 240)
    assert again["tags"]["dagster/retry_number"] == "1"
    waiting("its end", lambda: deployment.runs(dagster__parent_run_id=run)[0]["status"] == "SUCCESS", 240)
    walks = deployment.rows(WALKS, "run_id", "snapshot_date", "received")
    assert [walk for walk in walks if walk[0] == run] == []
    assert (again["runId"], deployment.today, 25) in walks
    assert len(deployment.rows(LINKS_TABLE, "link_id")) == 25
