"""Samples: more readings on the same date, in time or not at all, beside everything else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest
import time_machine
from sqlalchemy import Table, select

from inode_pipeline.config import ScheduleSettings, Settings
from inode_pipeline.defs import schedules
from inode_pipeline.emulator.state import State
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.sync import land
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.tables import LINK_FACTS, LOADS, RUNS, WALKS

if TYPE_CHECKING:
    from conftest import Location, Run

ASSETS = ("raw_links", "links", "link_versions", "link_snapshots", "link_observations")
QUARTER = timedelta(minutes=15)
NOON = datetime(2026, 5, 12, 12, tzinfo=UTC)

TICKS = """
import json, os, sys
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo
from dagster._utils.schedules import cron_string_iterator

def ticks(schedule, day):
    zone = ZoneInfo(schedule.execution_timezone)
    begin, end = (datetime.combine(d, time(), zone).timestamp() for d in (day, day + timedelta(days=1)))
    ticks = cron_string_iterator(begin, schedule.cron_schedule, schedule.execution_timezone)
    while (tick := next(ticks).timestamp()) < end:
        yield tick

found = []
os.environ["INODE_START_DATE"] = "2026-01-01"
for zone, minutes, nights in json.loads(sys.argv[1]):
    os.environ |= {"INODE_TIMEZONE": zone, "INODE_SAMPLE_SCHEDULE": f"{minutes} * * * *"}
    for name in [name for name in sys.modules if name.startswith("inode_pipeline.def")]:
        del sys.modules[name]  # the definitions read their settings when they are loaded
    from inode_pipeline.definitions import defs

    schedule = defs.resolve_schedule_def("sample_links")
    found += [[schedule.default_status.value, list(ticks(schedule, date.fromisoformat(day)))] for day in nights]
print(json.dumps(found))
"""

QUARTERS = [
    ("America/New_York", "*/15", {"2026-03-08": 92, "2026-11-01": 100, "2026-11-02": 96}),
    ("America/St_Johns", "7-59/15", {"2026-03-08": 92, "2026-11-01": 100}),
    ("Australia/Lord_Howe", "2,17,32,47", {"2026-10-04": 94, "2026-04-05": 98}),
    ("America/Santiago", "*/15", {"2026-09-06": 92, "2026-04-04": 100}),
]
"""How many quarters of an hour a day has when the clocks change, by zone and minutes of the schedule."""


@pytest.fixture
def sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    """The schedule asks every quarter of an hour, in UTC."""
    on = ScheduleSettings(sample_schedule="*/15 * * * *", _env_file=None)
    monkeypatch.setattr(schedules, "SCHEDULES", on)


@pytest.fixture
def clock(account: State) -> Iterator[time_machine.Coordinates]:
    """A clock that begins at noon of a Tuesday and goes on from there; the links show what they measured then."""
    with time_machine.travel(NOON) as clock:
        account.freeze()
        yield clock


def table(warehouse: Warehouse, which: Table, *columns: str) -> list[tuple[Any, ...]]:
    names = [which.c[name] for name in columns]
    with reading(warehouse) as connection:
        return [tuple(row) for row in connection.execute(select(*names).order_by(*names))]


def sample(location: Location, at: datetime) -> Run:
    """The run that the tick at this instant asks for."""
    request = location.tick("sample_links", at)
    assert isinstance(request, dg.RunRequest), request
    return location.sample(date.fromisoformat(str(request.partition_key)), request.tags)


def measure(account: State, link: int, at: datetime, travel_time_s: float | None, samples: int | None) -> None:
    """Let a link show this measurement from now on."""
    record = account.records[link]
    record["last_updated"], record["last_travel_time"], record["sample_size"] = at.isoformat(), travel_time_s, samples
    record["last_speed"] = None


def test_without_the_setting_the_schedule_is_there_and_off(location: Location) -> None:
    """It can be found in the UI, says which setting it wants, and asks for nothing even if it is switched on there."""
    schedule = location.definitions.resolve_schedule_def("sample_links")
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
    assert schedule.job_name == "sample_links"
    assert "INODE_SAMPLE_SCHEDULE is empty" in str(schedule.description)
    assert str(location.tick("sample_links", NOON)).startswith("Off: INODE_SAMPLE_SCHEDULE is empty.")


def test_every_quarter_of_a_day_is_sampled_once_when_the_clocks_change(tmp_path: Path) -> None:
    """A day of 23, 25 or 24 and a half hours has as many ticks as it has quarters of an hour, each 15 minutes apart."""
    done = subprocess.run(
        [sys.executable, "-c", TICKS, json.dumps(QUARTERS)],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {"RUNNING"} == {status for status, _ in found}
    assert [number for *_, nights in QUARTERS for number in nights.values()] == [len(ticks) for _, ticks in found]
    assert {900.0} == {later - earlier for _, ticks in found for earlier, later in pairwise(ticks)}


def test_a_tick_asks_for_its_own_date_outside_the_pool(
    location: Location, sampling: None, clock: time_machine.Coordinates
) -> None:
    """The request says what it is and until when it is worth it; neither the job nor its step waits for a pool."""
    request = location.tick("sample_links", NOON)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-05-12"
    assert {name: value for name, value in request.tags.items() if name.startswith("inode/")} == {
        "inode/trigger": "sample",
        "inode/due_at": "2026-05-12T12:00:00+00:00",
        "inode/too_late_at": "2026-05-12T12:15:00+00:00",
    }
    job = location.definitions.resolve_job_def("sample_links")
    assert job.executor_def.name == "in_process"
    assert [op.pools for op in job.all_node_defs] == [set()]


def test_a_sample_is_told_at_each_asset_of_its_date(
    location: Location, filled: Warehouse, sampling: None, clock: time_machine.Coordinates
) -> None:
    """Its run is green, and each of the five assets has the date with the counts of this very sample."""
    run = sample(location, NOON)
    assert run.is_ok
    assert table(filled, RUNS, "trigger", "snapshot_date", "outcome") == [("sample", NOON.date(), "ok")]
    for asset in ASSETS:
        assert list(run.materialized(asset)) == ["2026-05-12"]
        assert location.instance.get_materialized_partitions(dg.AssetKey(asset)) == {"2026-05-12"}
    raw, links, observations = (
        run.materialized(asset)["2026-05-12"] for asset in ("raw_links", "links", "link_observations")
    )
    assert (raw["received"], links["dagster/row_count"], links["walks"]) == (25, 25, 1)
    assert "not_known" not in links
    # What a night shows at length would fill Dagster's store if it came with every sample.
    assert not {"preview", "receipt", "dagster/column_schema"} & set(links | raw | observations)
    assert observations["observations_inserted"] == len(table(filled, LINK_FACTS.observations, "link_id")) > 0


def test_samples_of_a_quarter_make_its_mean(
    location: Location, filled: Warehouse, account: State, sampling: None, clock: time_machine.Coordinates
) -> None:
    """Three readings of a link are three observations; the quarter hour is their mean, weighted by sample count."""
    link = str(account.records[0]["id"])
    readings = [(timedelta(minutes=1), 60.0, 1), (timedelta(minutes=6), 90.0, 2), (timedelta(minutes=11), 120.0, 3)]
    for after, travel_time_s, samples in readings:
        measure(account, 0, NOON + after, travel_time_s, samples)
        clock.move_to(NOON + after)
        assert sample(location, NOON).is_ok
    receipts = table(filled, LOADS, "snapshot_at", "snapshot_date", "received", "requests")
    # The first load of all is confirmed by a second walk; each later one is one walk of three pages.
    assert [receipt[1:] for receipt in receipts] == [(NOON.date(), 25, 6), (NOON.date(), 25, 3), (NOON.date(), 25, 3)]
    observations = table(filled, LINK_FACTS.observations, "link_id", "observed_at", "travel_time_s", "sample_count")
    assert [row[1:] for row in observations if row[0] == link] == [(NOON + at, s, n) for at, s, n in readings]
    bins = table(filled, LINK_FACTS.bins, "link_id", "bin_start_at", "mean_travel_time_s", "n_observations")
    assert [row[1:] for row in bins if row[0] == link] == [(NOON, (60 + 2 * 90 + 3 * 120) / 6, 3)]


def test_both_hours_of_the_night_when_the_clocks_go_back_are_kept_apart(
    location: Location, filled: Warehouse, account: State, sampling: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half past one comes twice in New York; both samples belong to the one date, and neither replaces the other."""
    monkeypatch.setenv("INODE_TIMEZONE", "America/New_York")
    first = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    instants = [first, first + timedelta(hours=1)]
    for number, at in enumerate(instants):
        with time_machine.travel(at):
            measure(account, 0, at, 60.0 + number, 5)
            assert sample(location, at).is_ok
    assert [row[0] for row in table(filled, LOADS, "snapshot_date")] == [date(2026, 11, 1)] * 2
    link = str(account.records[0]["id"])
    bins = table(filled, LINK_FACTS.bins, "link_id", "bin_start_at", "mean_travel_time_s")
    assert [row[1:] for row in bins if row[0] == link] == [(instants[0], 60.0), (instants[1], 61.0)]


def test_the_nightly_sync_and_the_samples_share_a_date(
    location: Location, filled: Warehouse, account: State, sampling: None, clock: time_machine.Coordinates
) -> None:
    """A nightly run between two samples is one reading more; loading the date again loads all three and no other."""
    for tags in ({"inode/trigger": "sample"}, {"inode/trigger": "schedule"}, {"inode/trigger": "sample"}):
        run = location.sample if tags["inode/trigger"] == "sample" else location.sync
        assert run(NOON.date(), tags=tags).is_ok
        clock.shift(QUARTER)
    before = table(filled, LINK_FACTS.observations, *LINK_FACTS.observations.c.keys())
    clock.shift(timedelta(days=1))
    account.requests.clear()
    again = location.sync(NOON.date())
    assert again.materialized("links")["2026-05-12"]["walks"] == 3
    assert account.requests == []
    assert table(filled, LINK_FACTS.observations, *LINK_FACTS.observations.c.keys()) == before


@pytest.mark.parametrize(("late", "is_asked"), [(QUARTER, True), (QUARTER + timedelta(seconds=1), False)])
def test_a_tick_that_is_evaluated_late_by_more_than_an_interval_is_skipped(
    location: Location, filled: Warehouse, account: State, sampling: None, late: timedelta, is_asked: bool
) -> None:
    """When the daemon was away, the tick says so, sends nothing, and stands in `runs` as skipped."""
    with time_machine.travel(NOON + late, tick=False):
        answer = location.tick("sample_links", NOON)
    if is_asked:
        assert isinstance(answer, dg.RunRequest)
        assert table(filled, RUNS, "outcome") == []
        return
    assert str(answer).startswith("Skipped without a request: the sample of 2026-05-12 12:00 UTC")
    assert table(filled, RUNS, "run_id", "trigger", "snapshot_date", "outcome", "error") == [
        ("sample_links 2026-05-12T12:00:00+00:00", "sample", NOON.date(), "skipped", "LateSampleError")
    ]
    assert account.requests == []


def test_a_run_that_waited_longer_than_an_interval_is_skipped(
    location: Location, filled: Warehouse, account: State, sampling: None, clock: time_machine.Coordinates
) -> None:
    """Asked for in time and started too late, it is red, sends nothing, changes nothing and is counted as skipped."""
    request = location.tick("sample_links", NOON)
    assert isinstance(request, dg.RunRequest)
    clock.shift(QUARTER + timedelta(seconds=1))
    run = location.sample(NOON.date(), request.tags)
    assert run.sentence.startswith("[LateSampleError] Skipped without a request: the sample of 2026-05-12 12:00 UTC")
    assert [event.event_type_value for event in run.events].count("STEP_UP_FOR_RETRY") == 0
    assert table(filled, RUNS, "trigger", "outcome", "error") == [("sample", "skipped", "LateSampleError")]
    assert (account.requests, table(filled, WALKS, "walk_id")) == ([], [])


def test_a_sample_whose_date_is_over_says_that_it_was_missed(
    location: Location, filled: Warehouse, account: State, sampling: None
) -> None:
    """The tick before midnight that begins after it would store today's state under yesterday's date."""
    tick = datetime(2026, 5, 12, 23, 45, tzinfo=UTC)
    with time_machine.travel(tick) as clock:
        request = location.tick("sample_links", tick)
        assert isinstance(request, dg.RunRequest)
        clock.shift(QUARTER)
        run = location.sample(tick.date(), request.tags)
    assert run.sentence.startswith("[MissedTickError] ")
    assert account.requests == []
    assert table(filled, LOADS, "load_id") == []


def test_the_daemons_retry_of_a_sample_loads_what_was_landed(
    location: Location, filled: Warehouse, settings: Settings, account: State, sampling: None
) -> None:
    """A killed run's walk keeps its own instant, so it is loaded however late, without the API."""
    again = {"dagster/retry_number": "1", "dagster/root_run_id": "killed", "dagster/parent_run_id": "killed"}
    with time_machine.travel(NOON) as clock:
        request = location.tick("sample_links", NOON)
        assert isinstance(request, dg.RunRequest)
        walk = land(settings, filled, LINKS, "killed", snapshot_date=NOON.date())
        account.requests.clear()
        clock.shift(timedelta(hours=1))
        run = location.sample(NOON.date(), request.tags | again)
    assert run.is_ok
    assert account.requests == []
    assert table(filled, LOADS, "walk_id", "snapshot_at") == [(walk.walk_id, walk.snapshot_at)]


def test_s20_twenty_samples_with_a_wrong_password_log_in_once(
    location: Location, filled: Warehouse, account: State, sampling: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run is refused; each later tick asks for no run, and stands in `runs` as skipped."""
    monkeypatch.setenv("INODE_PASSWORD", "canary-wrong")
    for number in range(20):
        at = NOON + number * QUARTER
        with time_machine.travel(at):
            request = location.tick("sample_links", at)
            if isinstance(request, dg.RunRequest):
                location.sample(at.date(), request.tags)
    assert account.token_requests == len(account.requests) == 1
    assert [row[0] for row in table(filled, RUNS, "outcome")] == ["failed", *["skipped"] * 19]


def test_a_sample_gives_up_after_a_quarter_of_an_hour(settings: Settings) -> None:
    """An API that is away must not keep later samples and the nightly sync from their turn for an hour."""
    from inode_pipeline.defs.sampling import _with_short_deadline

    patient = settings.model_copy(update={"walk_deadline_s": 3600.0})
    assert _with_short_deadline(patient).walk_deadline_s == 900
    assert _with_short_deadline(settings).walk_deadline_s == settings.walk_deadline_s == 30
