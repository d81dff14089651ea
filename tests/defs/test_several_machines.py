"""What a machine has for itself is refused where runs start on several machines, as with Celery."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest
from dagster import DagsterInstance

from inode_pipeline.analysis.report import DEFAULT
from inode_pipeline.emulator.state import State
from inode_pipeline.warehouse.engine import Warehouse

if TYPE_CHECKING:
    from conftest import Location

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.fixture
def spread(location: Location, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Location]:
    """The code location with an instance whose runs go to Celery's workers, as deploy/celery makes it."""
    monkeypatch.syspath_prepend(str(DEPLOY / "celery"))
    monkeypatch.setenv("DAGSTER_REDIS_URL", "redis://127.0.0.1:1/0")
    home = tmp_path / "dagster"
    home.mkdir()
    parts = (DEPLOY / "dagster.yaml", DEPLOY / "celery/launcher.yaml")
    (home / "dagster.yaml").write_text("".join(part.read_text() for part in parts))
    with DagsterInstance.from_config(str(home)) as instance:
        location.instance = instance
        yield location


def run(location: Location, job: str) -> Any:
    """Run a job that has no dates, and return its result."""
    return location.definitions.resolve_job_def(job).execute_in_process(
        instance=location.instance, raise_on_error=False
    )


@pytest.mark.parametrize("warehouse_kind", ["sqlite"])
@pytest.mark.parametrize("job", ["sync", "sample"])
def test_a_sqlite_warehouse_is_refused(
    spread: Location, filled: Warehouse, account: State, today: date, job: str
) -> None:
    """One sentence says why and what to do; the API is not asked."""
    run = getattr(spread, job)(today)
    assert not run.is_ok
    assert run.sentence.startswith("[ConfigError] INODE_WAREHOUSE_URL is the SQLite file ")
    assert (
        "each machine would have its own: Dagster's InodeRunLauncher starts runs on several machines." in run.sentence
    )
    assert "Set INODE_WAREHOUSE_URL to a PostgreSQL database, the same on every machine." in run.sentence
    assert account.requests == []


@pytest.mark.postgresql
@pytest.mark.parametrize("warehouse_kind", ["postgresql"])
def test_a_postgresql_warehouse_is_shared(spread: Location, filled: Warehouse, today: date) -> None:
    """Any machine may load it."""
    assert spread.sync(today).is_ok


@pytest.mark.postgresql
@pytest.mark.parametrize("warehouse_kind", ["postgresql"])
def test_the_report_is_not_asked_for(spread: Location, filled: Warehouse, today: date, tmp_path: Path) -> None:
    """Its file would be on whichever machine wrote it last; the sensor says so, and a run that a person starts."""
    sensor = next(found for found in spread.definitions.sensors or [] if found.name == "report_after_success")
    spread.sync(today)
    [sync] = spread.instance.get_runs()
    [event] = [entry.dagster_event for entry in spread.instance.all_logs(sync.run_id) if entry.dagster_event][-1:]
    skipped = sensor(dg.build_run_status_sensor_context(sensor.name, event, spread.instance, sync))
    result = run(spread, "write_report")
    [failure] = [event for event in result.all_events if event.is_step_failure]
    told = failure.step_failure_data.user_failure_data.description
    assert isinstance(skipped, dg.SkipReason)
    assert told.startswith(f"[ConfigError] {skipped.skip_message}")
    assert "Run `inode-pipeline report` on the machine where people read it" in told
    assert not (tmp_path / DEFAULT).exists()
