"""Dagster's own daemon at work: the schedule ticks, and the samples pass by a nightly run that waits for its pool."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from inode_pipeline.emulator import EmulatorConfig, EmulatorServer

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
ASSETS = ("raw_links", "links", "link_versions", "link_snapshots", "link_observations")
PATIENCE_S = 240.0

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("operating"), pytest.mark.timeout(900)]


@contextmanager
def daemon(home: Path, **variables: str) -> Iterator[dg.DagsterInstance]:
    """Dagster's daemon with the instance of `deploy/dagster.yaml`, whose pool has no room at first."""
    shutil.copy(ROOT / "deploy/dagster.yaml", home)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("INODE_", "DAGSTER_"))}
    environment = kept | variables | {"DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1"}
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.event_log_storage.set_concurrency_slots("warehouse", 0)
        command = [BIN / "dagster-daemon", "run", "-w", ROOT / "workspace.yaml"]
        with (home / "daemon.log").open("wb") as log:
            process = subprocess.Popen(
                command, env=environment, cwd=home, stdout=log, stderr=log, start_new_session=True
            )
        try:
            yield instance
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def wait_for(what: str, look: Callable[[], Any]) -> Any:
    """The first thing that is something; a failure says what was waited for."""
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        if found := look():
            return found
        time.sleep(0.5)
    pytest.fail(f"{what} did not come within {PATIENCE_S:g} s")


def runs(instance: dg.DagsterInstance, job: str, *statuses: dg.DagsterRunStatus) -> list[dg.DagsterRun]:
    return list(instance.get_runs(dg.RunsFilter(job_name=job, statuses=list(statuses))))


def test_samples_do_not_wait_for_the_pool_of_the_nightly_run(tmp_path: Path) -> None:
    """While the nightly run is queued behind its pool, a sample runs and is green; then the nightly run follows."""
    queued, ok = dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.SUCCESS
    account = EmulatorConfig(links=25, page_size=10, max_page_size=10)
    with (
        EmulatorServer(account) as server,
        daemon(
            tmp_path,
            INODE_BASE_URL=server.base_url,
            INODE_API_KEY=account.api_key,
            INODE_WAREHOUSE_URL=f"sqlite:///{tmp_path / 'inode.db'}",
            INODE_SYNC_SCHEDULE="* * * * *",
            INODE_SAMPLE_SCHEDULE="* * * * *",
        ) as instance,
    ):
        [sample, *_] = wait_for("a green sample", lambda: runs(instance, "sample_links", ok))
        wait_for("a nightly run in the queue", lambda: runs(instance, "sync_links", queued))
        assert runs(instance, "sync_links", ok) == []
        day = sample.tags["dagster/partition"]
        tick = datetime.fromisoformat(sample.tags["inode/due_at"])
        assert (day, tick.second) == (tick.astimezone(UTC).date().isoformat(), 0)
        assert sample.tags["dagster/schedule_name"] == "sample_links"
        for asset in ASSETS:
            assert day in instance.get_materialized_partitions(dg.AssetKey(asset))

        instance.event_log_storage.set_concurrency_slots("warehouse", 1)
        wait_for("a green nightly run", lambda: runs(instance, "sync_links", ok))
