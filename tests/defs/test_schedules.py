"""When the nightly sync runs, for which date, and when it does not."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from inode_pipeline.config import Settings
from inode_pipeline.errors import PasswordRejectedError
from inode_pipeline.warehouse import runs
from inode_pipeline.warehouse.engine import Warehouse

if TYPE_CHECKING:
    from conftest import Location

TICK = datetime(2026, 11, 23, 4, 30, tzinfo=UTC)

TICKS = """
import json, os, sys
from datetime import datetime
import dagster as dg
from dagster._utils.schedules import cron_string_iterator

def ticks(start):
    from inode_pipeline.definitions import defs
    from inode_pipeline.defs.resources import InodeResource

    schedule = defs.resolve_schedule_def("nightly_sync")
    begin = datetime.fromisoformat(start).timestamp()
    ticks = cron_string_iterator(begin, schedule.cron_schedule, schedule.execution_timezone)
    for tick in (next(ticks) for _ in range(2)):
        with dg.build_schedule_context(
            repository_def=defs.get_repository_def(), scheduled_execution_time=tick,
            resources={"inode": InodeResource(read_dotenv=False)},
        ) as context:
            [request] = schedule.evaluate_tick(context).run_requests
        yield tick.isoformat(), request.partition_key

found = []
for zone, cron, *starts in json.loads(sys.argv[1]):
    os.environ |= {"INODE_TIMEZONE": zone, "INODE_SYNC_SCHEDULE": cron, "INODE_START_DATE": "2026-01-01"}
    for name in [name for name in sys.modules if name.startswith("inode_pipeline.def")]:
        del sys.modules[name]  # the definitions read their settings when they are loaded
    found.append([tick for start in starts for tick in ticks(start)])
print(json.dumps(found))
"""

CLOCK_CHANGES = [
    (
        "Europe/Berlin",
        "30 2 * * *",
        [
            ["2026-03-29T03:00:00+02:00", "2026-03-29"],
            ["2026-03-30T02:30:00+02:00", "2026-03-30"],
            ["2026-10-25T02:30:00+01:00", "2026-10-25"],
            ["2026-10-26T02:30:00+01:00", "2026-10-26"],
        ],
    ),
    (
        "America/Santiago",
        "0 0 * * *",
        [
            ["2026-09-06T00:00:00-04:00", "2026-09-06"],
            ["2026-09-07T00:00:00-03:00", "2026-09-07"],
            ["2026-04-05T00:00:00-04:00", "2026-04-05"],
            ["2026-04-06T00:00:00-04:00", "2026-04-06"],
        ],
    ),
    (
        "America/Santiago",
        "30 23 * * *",
        [
            ["2026-09-05T23:30:00-04:00", "2026-09-05"],
            ["2026-09-06T23:30:00-03:00", "2026-09-06"],
            ["2026-04-04T23:30:00-03:00", "2026-04-04"],
            ["2026-04-05T23:30:00-04:00", "2026-04-05"],
        ],
    ),
    (
        "Australia/Lord_Howe",
        "45 1 * * *",
        [
            ["2026-10-04T01:45:00+10:30", "2026-10-04"],
            ["2026-10-05T01:45:00+11:00", "2026-10-05"],
            ["2026-04-05T01:45:00+10:30", "2026-04-05"],
            ["2026-04-06T01:45:00+10:30", "2026-04-06"],
        ],
    ),
]


def tick(location: Location, at: datetime = TICK) -> dg.RunRequest | str:
    """What a tick of the nightly schedule asks for, or why it is skipped."""
    return location.tick("nightly_sync", at)


def reject(warehouse: Warehouse, settings: Settings, trigger: runs.Trigger = "schedule") -> None:
    """A run whose password the server refused."""
    problem = PasswordRejectedError("The server refused the login.", remedy="Check INODE_PASSWORD.")
    begun = runs.begin_run(warehouse, "earlier", trigger, TICK.date())
    runs.finish_run(warehouse, begun, "failed", problem, runs.credential_mark(settings))


@pytest.fixture
def warehouse_kind() -> str:
    """One database is enough here: what Dagster does does not depend on it, and what is read is tested on both."""
    return "sqlite"


def test_the_schedule_is_on_from_the_start(location: Location) -> None:
    """The nightly sync runs without a click, at half past four unless a setting says otherwise."""
    schedule = location.definitions.resolve_schedule_def("nightly_sync")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 4 * * *", "UTC")
    assert schedule.job_name == "sync_links"


def test_a_tick_asks_for_its_own_date(location: Location) -> None:
    """The request is for the day of the tick and tells that a schedule made it."""
    request = tick(location)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-11-23"
    assert request.tags["inode/trigger"] == "schedule"


def test_m66_each_date_has_one_tick_when_the_clocks_change(tmp_path: Path) -> None:
    """Where the hour is missing, comes twice, or is midnight itself, the tick comes once, on its own date."""
    half_a_day = timedelta(hours=12)
    cases = [
        (zone, cron, *(str(datetime.fromisoformat(expected[first][0]) - half_a_day) for first in (0, 2)))
        for zone, cron, expected in CLOCK_CHANGES
    ]
    done = subprocess.run(
        [sys.executable, "-c", TICKS, json.dumps(cases)],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [expected for *_, expected in CLOCK_CHANGES] == json.loads(done.stdout)


def test_a_tick_before_the_start_date_is_skipped(location: Location) -> None:
    """Before INODE_START_DATE there is no partition to ask for."""
    assert tick(location, datetime(2025, 12, 31, 4, 30, tzinfo=UTC)) == (
        "2025-12-31 is before 2026-01-01, with which Dagster's calendar begins (INODE_START_DATE)."
    )


def test_s20_a_tick_with_refused_credentials_is_skipped_without_a_request(
    location: Location, filled: Warehouse, settings: Settings, account: object
) -> None:
    """Twenty ticks after a refused password send nothing, say what to do, and leave a row each that says skipped."""
    reject(filled, settings)
    reasons = {tick(location, TICK.replace(minute=minute)) for minute in range(20)}
    [reason] = reasons
    assert "PasswordRejectedError" in str(reason)
    assert "INODE_PASSWORD" in str(reason)
    assert account.requests == []
    assert not any(secret in str(reason) for secret in ("canary-password", "canary-client-secret"))
    assert outcomes(filled) == {"failed": 1, "skipped": 20}


def test_s20_changed_credentials_are_tried(
    location: Location, filled: Warehouse, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new password ends the pause."""
    reject(filled, settings)
    monkeypatch.setenv("INODE_PASSWORD", "another")
    assert isinstance(tick(location), dg.RunRequest)


def test_s20_a_person_who_runs_a_sync_ends_the_pause(location: Location, filled: Warehouse, settings: Settings) -> None:
    """A run that a person started later puts the refusal out of date, if it was not refused itself."""
    reject(filled, settings)
    runs.finish_run(filled, runs.begin_run(filled, "later", "person", date(2026, 11, 23)), "ok")
    assert isinstance(tick(location), dg.RunRequest)


def test_wrong_settings_do_not_silence_the_night(location: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the tick cannot know, it asks for the run, which fails with the ConfigError where everybody sees it."""
    monkeypatch.setenv("INODE_AUTH", "telepathy")
    assert isinstance(tick(location), dg.RunRequest)


def outcomes(warehouse: Warehouse) -> dict[str, int]:
    """How many attempts ended how."""
    from sqlalchemy import func, select

    from inode_pipeline.warehouse.engine import reading
    from inode_pipeline.warehouse.tables import RUNS

    with reading(warehouse) as connection:
        rows = connection.execute(select(RUNS.c.outcome, func.count()).group_by(RUNS.c.outcome)).all()
    return {str(outcome): count for outcome, count in rows}
