"""The instance files that a deployment copies."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from dagster import DagsterInstance

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    """An instance made by deploy/dagster.yaml, in a folder of its own."""
    shutil.copy(DEPLOY / "dagster.yaml", tmp_path)
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


def test_one_machine_loads_one_run_at_a_time_and_calls_nobody(instance: DagsterInstance) -> None:
    """The pool admits one run, telemetry is off, and a lost run gives its turn back."""
    pools = instance.get_concurrency_config().pool_config
    assert (pools.default_pool_limit, pools.pool_granularity.value) == (1, "run")
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
