"""The instance files that a deployment copies."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster import DagsterInstance

from tests.operating.databases import dagster_database
from tests.operating.processes import in_files, in_postgresql

DEPLOY = Path(__file__).parents[2] / "deploy"


@dg.op
def nothing() -> None:
    """Do nothing."""


@dg.job
def a_job() -> None:
    """One op that does nothing."""
    nothing()


@pytest.fixture(params=["files", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def instance(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DagsterInstance]:
    """An instance made by deploy/dagster.yaml in a folder of its own, then one that keeps its runs in PostgreSQL."""
    with ExitStack() as stack:
        store = in_files
        if request.param == "postgresql":
            server = request.getfixturevalue("postgresql_server")
            store = in_postgresql(server, stack.enter_context(dagster_database(server)))
        for name, value in store(tmp_path).items():
            monkeypatch.setenv(name, value)
        yield stack.enter_context(DagsterInstance.from_config(str(tmp_path)))


def test_a_store_keeps_a_run_and_tells_who_waits_for_it(instance: DagsterInstance) -> None:
    """A new event of a run is read back, and a watcher gets it, by which a code server is told to start a run."""
    run = instance.create_run_for_job(a_job)
    seen: queue.Queue[str] = queue.Queue()
    instance.watch_event_logs(run.run_id, None, lambda event, _: seen.put(event.message))
    instance.report_engine_event("still here", run)
    assert seen.get(timeout=30) == "still here"
    assert [entry.message for entry in instance.all_logs(run.run_id)] == ["still here"]
    assert [found.run_id for found in instance.get_runs()] == [run.run_id]


def test_one_machine_loads_one_run_at_a_time_and_calls_nobody(instance: DagsterInstance) -> None:
    """The pool admits one load while the next run starts, telemetry is off, and a lost run gives its turn back."""
    pools = instance.get_concurrency_config().pool_config
    assert (pools.default_pool_limit, pools.pool_granularity.value, pools.op_granularity_run_buffer) == (1, "op", 1)
    assert not instance.telemetry_enabled
    assert not instance.nux_enabled
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_max_runtime_seconds == 14_400


def test_s20_a_failed_step_is_never_run_again_as_a_run(instance: DagsterInstance) -> None:
    """Only a killed run is started again; a failed step has decided for itself, for example on refused credentials."""
    assert instance.run_retries_enabled
    assert instance.run_retries_max_retries == 1
    assert not instance.run_retries_retry_on_asset_or_op_failure


def test_the_postgresql_instance_differs_in_its_storage_only() -> None:
    """Both files say the same but where Dagster keeps its own records, with the driver that its notifications need."""
    files = {name: yaml.safe_load((DEPLOY / name).read_text()) for name in ("dagster.yaml", "dagster-postgresql.yaml")}
    storage = files["dagster-postgresql.yaml"].pop("storage")
    assert files["dagster-postgresql.yaml"] == files["dagster.yaml"]
    assert storage["postgres"]["postgres_db"]["scheme"] == "postgresql+psycopg2"
    assert "env" in storage["postgres"]["postgres_db"]["password"]


def test_the_deployment_and_the_assets_name_one_pool() -> None:
    """The pool that a deployment limits is the one of the assets."""
    from inode_pipeline.defs.links import POOL

    assert f"set {POOL} 1" in (DEPLOY / "dagster.yaml").read_text()
