"""Dagster at work as people run it: the schedule's tick, and both of the UI's backfills over three dates with a gap."""

from __future__ import annotations

import itertools

import pytest

from inode_pipeline.warehouse.tables import LINKS_TABLE, LOADS
from inode_pipeline.warehouse.tables import RUNS as ATTEMPTS
from tests.operating.conftest import FORMS, Backfills, LastNights
from tests.operating.processes import wait_for
from tests.operating.running import ENDED, date_of

pytestmark = [pytest.mark.slow, pytest.mark.postgresql, pytest.mark.xdist_group("operating"), pytest.mark.timeout(600)]


@pytest.mark.parametrize("form", FORMS)
def test_each_date_of_a_backfill_is_a_run_of_its_own(deployment: LastNights, backfills: Backfills, form: str) -> None:
    """The landed dates succeed; the run of the gap fails, is about that date alone and says why."""
    runs = {date_of(run): run for run in backfills[form]}
    assert {day: run["status"] for day, run in runs.items()} == {
        str(deployment.landed[0]): "SUCCESS",
        str(deployment.gap): "FAILURE",
        str(deployment.landed[1]): "SUCCESS",
    }
    assert {run["jobName"] for run in backfills[form]} == {{"job": "sync_links", "asset": "__ASSET_JOB"}[form]}
    sentence = deployment.sentence(runs[str(deployment.gap)]["runId"])
    assert f"[NotLandedError] {deployment.gap} cannot be loaded: nothing was landed on it" in sentence


@pytest.mark.usefixtures("backfills")
@pytest.mark.parametrize("form", FORMS)
def test_the_page_of_a_backfill_counts_true(deployment: LastNights, backfill_ids: dict[str, str], form: str) -> None:
    """Two dates succeeded and one failed, on the page of either backfill."""
    assert deployment.counts(backfill_ids[form]) == (2, 1)


@pytest.mark.parametrize("asset", ["raw_links", "links"])
def test_two_dates_are_green_and_the_gap_is_red(deployment: LastNights, backfills: Backfills, asset: str) -> None:
    """The table of dates shows exactly which ones can be relied on."""
    days = {str(day) for day in deployment.landed}
    assert days <= deployment.green(asset)
    assert deployment.red(asset) == {str(deployment.gap)}


def test_the_rows_are_in_the_database(deployment: LastNights, backfills: Backfills) -> None:
    """Each of both backfills has loaded both dates again, one after the other, and changed no row."""
    runs = {run["runId"] for form in backfills.values() for run in form}
    loads = deployment.rows(LOADS, "started_at", "finished_at", "run_id", "snapshot_date", "updated", "inserted")
    of_backfills = [load for load in loads if load[2] in runs]
    assert sorted(load[3] for load in of_backfills) == sorted(deployment.landed * 2)
    assert {load[4:] for load in of_backfills} == {(0, 0)}
    spans = sorted((begun, ended) for begun, ended, *_ in loads)
    assert all(ended <= begun for (_, ended), (begun, _) in itertools.pairwise(spans))
    assert {str(key) for (key,) in deployment.rows(LINKS_TABLE, "link_id")} == {
        str(record["id"]) for record in deployment.server.state.records
    }


def test_the_tick_of_the_schedule_runs_for_its_date(deployment: LastNights, backfills: Backfills) -> None:
    """Nobody clicked: the daemon launches a run of the tick's date, which fetches that day's links."""
    [run] = wait_for("the tick's run", lambda: deployment.runs(dagster__schedule_name="nightly_sync"), 300)
    assert run["tags"]["dagster/partition"] == str(deployment.today)
    wait_for("its end", lambda: deployment.runs(dagster__schedule_name="nightly_sync")[0]["status"] in ENDED, 300)
    [run] = deployment.runs(dagster__schedule_name="nightly_sync")
    assert run["status"] == "SUCCESS"
    attempts = deployment.rows(ATTEMPTS, "run_id", "trigger", "snapshot_date", "outcome")
    assert (run["runId"], "schedule", deployment.today, "ok") in attempts
    assert str(deployment.today) in deployment.green("links")
