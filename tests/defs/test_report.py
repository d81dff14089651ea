"""The report as an asset: made of the tables beside the sync, which it can neither slow nor fail."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from inode_pipeline.analysis.report import DEFAULT
from inode_pipeline.warehouse.engine import Warehouse

if TYPE_CHECKING:
    from conftest import Location


def write(location: Location) -> Any:
    """Run the report's own job, and return its result."""
    job = location.definitions.resolve_job_def("write_report")
    return job.execute_in_process(instance=location.instance, raise_on_error=False)


@pytest.fixture
def warehouse_kind() -> str:
    """One database is enough here: what Dagster does does not depend on it, and what is read is tested on both."""
    return "sqlite"


def test_it_is_made_of_the_tables_and_belongs_to_no_date(location: Location) -> None:
    """Downstream of the four tables, in their group, described, outside the pool that loads wait for."""
    node = location.definitions.resolve_asset_graph().get(dg.AssetKey("network_report"))
    tables = ("links", "link_versions", "link_snapshots", "link_observations")
    assert node.parent_keys == {dg.AssetKey(table) for table in tables}
    assert (node.group_name, node.kinds) == ("inode", {"html"})
    assert (node.partitions_def, node.pools) == (None, set())
    assert node.description


def test_a_sync_does_not_make_it(location: Location) -> None:
    """Neither the job of the sync nor the backfill of its assets holds the report."""
    keys = location.definitions.resolve_job_def("sync_links").asset_layer.selected_asset_keys
    assert dg.AssetKey("network_report") not in keys


def test_the_job_writes_the_file_and_says_where(
    location: Location, filled: Warehouse, today: date, tmp_path: Path
) -> None:
    """The metadata names the file, its size and as of when its data is."""
    assert location.sync(today).is_ok
    result = write(location)

    [event] = result.asset_materializations_for_node("network_report")
    shown = {name: value.value for name, value in event.metadata.items()}
    path = tmp_path / DEFAULT
    assert result.success
    assert (shown["path"], shown["size_bytes"]) == (str(path), path.stat().st_size)
    assert shown["data_as_of"].startswith(today.isoformat())


def test_a_report_that_cannot_be_written_fails_alone(
    location: Location, filled: Warehouse, today: date, tmp_path: Path
) -> None:
    """It is told as every stop is, and is no reason to try again; the dates stay loaded."""
    assert location.sync(today).is_ok
    (tmp_path / DEFAULT).mkdir(parents=True)
    result = write(location)

    [failure] = [event for event in result.all_events if event.is_step_failure]
    description = failure.step_failure_data.user_failure_data.description
    assert not result.success
    assert description.startswith(f"[ConfigError] The report cannot be written to {tmp_path / DEFAULT}: ")
    assert location.sync(today).is_ok


@pytest.mark.parametrize("name", ["report_after_success", "report_after_failure"])
def test_each_end_of_a_sync_asks_for_one_report(location: Location, filled: Warehouse, today: date, name: str) -> None:
    """Both sensors are on from the start, watch sync_links alone and ask for the report once a run."""
    sensor = next(sensor for sensor in location.definitions.sensors or [] if sensor.name == name)
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert [target.job_name for target in sensor.targets] == ["write_report"]
    location.sync(today)
    [run] = location.instance.get_runs()
    [event] = [entry.dagster_event for entry in location.instance.all_logs(run.run_id) if entry.dagster_event][-1:]
    context = dg.build_run_status_sensor_context(name, event, location.instance, run)
    assert sensor(context).run_key == run.run_id


def test_a_backfill_asks_for_one_report_at_its_end(location: Location, filled: Warehouse, today: date) -> None:
    """While another run of the backfill is to come, the end of one asks for nothing; the end of the last one does."""
    location.sync(today, tags={"dagster/backfill": "b1"})
    [run] = location.instance.get_runs()
    to_come = location.instance.create_run_for_job(
        location.definitions.resolve_job_def("sync_links"), tags={"dagster/backfill": "b1"}
    )
    sensor = next(sensor for sensor in location.definitions.sensors or [] if sensor.name == "report_after_success")
    [event] = [entry.dagster_event for entry in location.instance.all_logs(run.run_id) if entry.dagster_event][-1:]
    context = dg.build_run_status_sensor_context("report_after_success", event, location.instance, run)
    assert isinstance(sensor(context), dg.SkipReason)
    location.instance.delete_run(to_come.run_id)
    assert sensor(context).run_key == run.run_id
