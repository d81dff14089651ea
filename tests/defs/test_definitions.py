"""Loading the code location: what it declares, and that it needs no setting and touches neither network nor files."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest
from sqlalchemy import insert

import inode_pipeline
from inode_pipeline.config import LocalSettings
from inode_pipeline.errors import ConfigError
from inode_pipeline.warehouse.engine import open_warehouse, transaction
from inode_pipeline.warehouse.migrate import migrate
from inode_pipeline.warehouse.tables import WALKS
from inode_pipeline.warehouse.walks import LandedWalk

if TYPE_CHECKING:
    from conftest import Location

PROJECT = Path(__file__).parents[2]

LOAD = """
import sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.bind", "socket.getaddrinfo"):
        raise SystemExit(f"{event} while loading the definitions")
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        raise SystemExit(f"{arguments[0]} was opened for writing while loading the definitions")

sys.addaudithook(watch)
from inode_pipeline.definitions import defs
print(sorted(key.to_user_string() for key in defs.resolve_all_asset_keys()))
"""

ASSETS = ["link_observations", "link_snapshots", "link_versions", "links", "raw_links"]
REPORT = "network_report"


def run(*command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the environment in a folder, with these variables and none of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("INODE_", "DAGSTER_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    environment = {**kept, "PATH": path, "DAGSTER_DISABLE_TELEMETRY": "1", "PYTHONDONTWRITEBYTECODE": "1", **variables}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_loading_needs_no_setting_sends_nothing_and_writes_nothing(tmp_path: Path) -> None:
    """In an empty folder without a variable, warnings being errors, all assets are there and the folder stays empty."""
    done = run(sys.executable, "-W", "error", "-c", LOAD, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{sorted([*ASSETS, REPORT])}\n", "")
    assert list(tmp_path.iterdir()) == []


FIRST = "from inode_pipeline.defs.partitions import DAYS; print(DAYS.start.date())"


def test_the_calendar_begins_with_the_first_landed_date(tmp_path: Path) -> None:
    """A warehouse that was filled shows no empty years before it, even where the first walk's pages are purged."""
    noon = datetime(2026, 3, 5, 12, tzinfo=UTC)
    counts = dict.fromkeys(("pages", "received", "requests", "retries", "logins"), 1)
    with open_warehouse(LocalSettings.load()) as warehouse:
        migrate(warehouse)
        with transaction(warehouse) as connection:
            for number, day in enumerate((noon, noon + timedelta(days=9))):
                walk = LandedWalk(str(number), "links", "run", day, day.date(), day, "proven", **counts, purged_at=noon)
                connection.execute(insert(WALKS).values(asdict(walk)))
    done = run(sys.executable, "-c", FIRST, folder=tmp_path)
    assert (done.stdout, done.stderr) == ("2026-03-05\n", "")


def test_the_calendar_of_an_empty_warehouse_begins_today(tmp_path: Path) -> None:
    """A file that is not there is not made; one that is no warehouse is for the run to refuse."""
    today = f"{datetime.now(UTC).date()}\n"
    assert run(sys.executable, "-c", FIRST, folder=tmp_path).stdout == today
    (tmp_path / "other.db").write_text("no database" * 100)
    other = {"INODE_WAREHOUSE_URL": "sqlite:///other.db"}
    assert run(sys.executable, "-c", FIRST, folder=tmp_path, **other).stdout == today
    assert [path.name for path in tmp_path.iterdir()] == ["other.db"]


def test_the_calendar_of_postgresql_begins_today_with_a_warning(tmp_path: Path) -> None:
    """No server is asked for what a setting can say."""
    done = run(sys.executable, "-c", FIRST, folder=tmp_path, INODE_WAREHOUSE_URL="postgresql://u@127.0.0.1:1/x")
    assert done.stdout == f"{datetime.now(UTC).date()}\n"
    assert done.stderr.startswith("INODE_START_DATE is not set, so Dagster's calendar begins today")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("INODE_TIMEZONE", "Mars/Olympus"),
        ("INODE_START_DATE", "yesterday"),
        ("INODE_SYNC_SCHEDULE", "at noon"),
        ("INODE_SAMPLE_SCHEDULE", "often"),
    ],
)
def test_m70_a_malformed_variable_is_named(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading stops with a ConfigError that names the variable where a zone, a date or a schedule is none."""
    monkeypatch.setenv(variable, value)
    loaded_anew = str(Path(inode_pipeline.__file__).parent / "defs" / "partitions.py")
    with pytest.raises(ConfigError, match=variable):
        runpy.run_path(loaded_anew)


def test_m70_a_schedule_that_dagster_cannot_follow_is_named() -> None:
    """A cron expression that only others understand is a ConfigError as well."""
    from inode_pipeline.defs.schedules import cron

    with pytest.raises(ConfigError, match=r"INODE_SYNC_SCHEDULE='0 4 \* \* 5L'"):
        cron("INODE_SYNC_SCHEDULE", "0 4 * * 5L")


@pytest.mark.slow
def test_m70_dagster_shows_the_malformed_variable(tmp_path: Path) -> None:
    """Dagster itself ends with the ConfigError's own sentence."""
    done = run("dagster", "definitions", "validate", "-m", "inode_pipeline.definitions", folder=tmp_path,
               INODE_TIMEZONE="Mars/Olympus", DAGSTER_HOME=str(tmp_path))  # fmt: skip
    assert done.returncode == 1
    assert "ConfigError: INODE_TIMEZONE='Mars/Olympus': not a time zone" in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("dg", "check", "defs"), id="dg check defs"),
        pytest.param(("dagster", "definitions", "validate", "-w", "workspace.yaml"), id="dagster definitions validate"),
    ],
)
def test_dagster_accepts_the_location(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Dagster's own checks pass in the project's folder with no setting in the environment."""
    done = run(*command, folder=PROJECT, DAGSTER_HOME=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_assets_are_those_of_the_contract(location: Location) -> None:
    """`raw_links` feeds the four tables; all are in one group, daily, described, and wait for the one pool."""
    graph = location.definitions.resolve_asset_graph()
    keys = {name: dg.AssetKey(name) for name in ASSETS}
    assert set(graph.get_all_asset_keys()) == {*keys.values(), dg.AssetKey(REPORT)}
    raw = keys.pop("raw_links")
    assert {key: {raw} for key in keys.values()} == {key: graph.get(key).parent_keys for key in keys.values()}
    for key in (raw, *keys.values()):
        node = graph.get(key)
        assert node.group_name == "inode"
        assert isinstance(node.partitions_def, dg.DailyPartitionsDefinition)
        assert node.backfill_policy == dg.BackfillPolicy.multi_run(1)
        assert node.description
        assert not node.owners  # nobody whom the user did not name
        assert node.kinds
        assert node.pools == {"warehouse"}


def test_today_is_a_partition(location: Location, today: date) -> None:
    """The last partition is today, since a snapshot belongs to the day on which it is taken."""
    from inode_pipeline.defs.partitions import DAYS

    assert DAYS.get_first_partition_key() == "2026-01-01"
    assert DAYS.get_last_partition_key() == today.isoformat()


def test_every_job_schedule_and_sensor_says_what_it_does(location: Location) -> None:
    """None of those that we name is without a description in the UI."""
    repository = location.definitions.get_repository_def()
    named = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    for definition in (*named, *repository.schedule_defs, *repository.sensor_defs):
        assert definition.description, definition.name


def test_everything_runs_in_one_process(location: Location) -> None:
    """The job and every other run of the location, such as a backfill of assets, start no process for a step."""
    assert location.definitions.resolve_job_def("sync_links").executor_def.name == "in_process"
    assert location.definitions.resolve_implicit_global_asset_job_def().executor_def.name == "in_process"


def test_s2_the_resource_has_no_secret_to_show(location: Location) -> None:
    """Dagster shows a resource's fields: ours only says whether .env is read."""
    from inode_pipeline.defs.resources import InodeResource

    assert set(InodeResource.model_fields) == {"read_dotenv"}
