"""The assets at work: what a date means, what is shown of it, and that a failure is exact and keeps its secrets."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
import pytest
import time_machine
from sqlalchemy import func, select

from inode_pipeline.analysis.status import SAMPLING_OFF
from inode_pipeline.config import Settings
from inode_pipeline.emulator.state import State
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.sync import Attempt, land, sync_date
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.tables import LINK_FACTS, LINKS_TABLE, RUNS

if TYPE_CHECKING:
    from conftest import Location

SECRETS = ("canary-password", "canary-client-secret")
SCHEDULED = {"inode/trigger": "schedule"}
RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
DAY = timedelta(days=1)


def land_on(settings: Settings, warehouse: Warehouse, *days: date) -> None:
    """A walk landed and loaded on each date, as if it had been that day's."""
    for day in days:
        sync_date(settings, warehouse, LINKS, day, today=day, attempt=Attempt(f"seed {day}", "person"))


def rows(warehouse: Warehouse) -> list[tuple[object, ...]]:
    with reading(warehouse) as connection:
        return [tuple(row) for row in connection.execute(select(LINKS_TABLE).order_by("link_id"))]


def attempts(warehouse: Warehouse, *columns: str) -> list[tuple[object, ...]]:
    with reading(warehouse) as connection:
        order = (RUNS.c.started_at, RUNS.c.attempt)
        return [tuple(row) for row in connection.execute(select(*(RUNS.c[name] for name in columns)).order_by(*order))]


def test_today_is_fetched_and_loaded(location: Location, filled: Warehouse, account: State, today: date) -> None:
    """A run of today fills both assets for today from the API, in one login."""
    run = location.sync(today)
    assert run.is_ok
    assert len(rows(filled)) == 25
    assert account.token_requests == 1
    for asset in ("raw_links", "links"):
        assert list(run.materialized(asset)) == [today.isoformat()]
    assert attempts(filled, "trigger", "snapshot_date", "outcome") == [("person", today, "ok")]


def test_the_page_of_links_says_first_how_complete_it_is_and_what_changed(
    location: Location, filled: Warehouse, today: date
) -> None:
    """After what nobody can know come the verdict, a sentence and the changes; what it cost comes after the preview."""
    run = location.sync(today)
    links = run.materialized("links")[today.isoformat()]
    assert links["not_known"] == SAMPLING_OFF
    assert list(links)[:5] == ["not_known", "verdict", "summary", "inserted", "updated"]
    assert links["summary"] == (
        "Complete: a second, independent reading agrees. Of 25 records 25 are new, 0 changed, 0 unchanged; 0 vanished."
    )
    order = list(links)
    assert order.index("vanished") < order.index("preview") < order.index("requests") < order.index("dagster/row_count")
    assert (links["dagster/row_count"], links["inserted"], links["vanished"]) == (25, 25, 0)
    name = links["dagster/table_name"]
    assert name.endswith(".inode.links") if filled.is_postgresql else name == "links"
    assert {"link_id", "length_m", "deleted_at"} <= {column.name for column in links["dagster/column_schema"].columns}


def test_nothing_measured_is_said_before_everything_else(
    location: Location, filled: Warehouse, account: State, today: date
) -> None:
    """A server that shows configuration only is loaded, and the page of `links` begins with that."""
    for record in account.records:
        for field in ("last_speed", "last_travel_time", "sample_size"):
            record[field] = None
    links = location.sync(today).materialized("links")[today.isoformat()]
    assert next(iter(links)) == "not_measured"
    assert links["not_measured"].startswith("Nothing is measured: none of the 25 links has a speed or a travel time")


def test_the_first_rows_are_a_table_that_fits(location: Location, filled: Warehouse, today: date) -> None:
    """Ten rows of three short columns, the measurement among them."""
    run = location.sync(today)
    raw = run.materialized("raw_links")[today.isoformat()]
    assert (raw["dagster/row_count"], raw["pages"], raw["received"]) == (raw["pages"], raw["pages"], 25)
    [table] = [e for e in run.stored if e.asset_materialization and e.asset_materialization.label == "links"]
    preview = dict(table.asset_materialization.metadata)["preview"].records
    assert [record.data["link_id"] for record in preview] == [str(row[0]) for row in rows(filled)][:10]
    assert set(preview[0].data) == {"link_id", "name", "last_speed_kmh"}


def test_the_receipt_is_one_line_of_the_runs_log(location: Location, filled: Warehouse, today: date) -> None:
    """Whoever reads the log of a run finds how complete it is, what changed and what it cost in one place."""
    [line] = [line for line in location.sync(today).log() if line.startswith("links: snapshot of")]
    assert "complete: a second, independent reading agrees (confirmed)" in line
    assert "received 25 records on 3 pages: 25 inserted, 0 updated, 0 unchanged" in line
    assert "requests" in line
    assert "\n" not in line


def test_each_page_is_told_in_the_log_of_the_run(location: Location, filled: Warehouse, today: date) -> None:
    """Whoever watches the run sees the pages come in."""
    told = location.sync(today).log()
    assert sum("page" in line for line in told) >= 3


def test_today_again_fetches_again(location: Location, filled: Warehouse, account: State, today: date) -> None:
    """A second run of today asks the API once more and changes no row."""
    location.sync(today)
    before = rows(filled)
    account.requests.clear()
    run = location.sync(today)
    assert account.page_requests > 0
    links = run.materialized("links")[today.isoformat()]
    assert (links["inserted"], links["updated"], links["unchanged"]) == (0, 0, 25)
    assert rows(filled) == before


def test_a_landed_date_is_loaded_again_without_the_api(
    location: Location, filled: Warehouse, settings: Settings, account: State, today: date
) -> None:
    """An earlier date is made of the pages that were landed on it; nothing is sent."""
    land_on(settings, filled, today - DAY)
    before = rows(filled)
    account.requests.clear()
    run = location.sync(today - DAY)
    assert run.is_ok
    assert account.requests == []
    links = run.materialized("links")[str(today - DAY)]
    assert (links["received"], links["requests"], links["walks"]) == (25, 0, 1)
    assert rows(filled) == before


def test_a_date_without_pages_fails_once_with_its_sentence(
    location: Location, filled: Warehouse, account: State, today: date
) -> None:
    """What was never landed cannot be had: one attempt, one sentence, no request, nothing made."""
    run = location.sync(today - DAY)
    assert not run.is_ok
    assert run.sentence.startswith("[NotLandedError] ")
    assert str(today - DAY) in run.sentence
    assert account.requests == []
    assert len(attempts(filled, "run_id")) == 1
    assert run.materialized("raw_links") == run.materialized("links") == {}


def test_a_backfill_of_assets_names_its_one_date_as_a_range(
    location: Location, filled: Warehouse, settings: Settings, today: date
) -> None:
    """Dagster tags such a run with the first and the last date; they are the same one, and it is loaded."""
    day = today - DAY
    land_on(settings, filled, day)
    run = location.sync(day, tags=dict.fromkeys(RANGE_TAGS, str(day)))
    assert run.is_ok
    for asset in ("raw_links", "links"):
        assert list(run.materialized(asset)) == [str(day)]
        assert location.instance.get_materialized_partitions(dg.AssetKey(asset)) == {str(day)}


def test_a_scheduled_run_that_begins_after_its_day_says_that_it_was_missed(
    location: Location, filled: Warehouse, settings: Settings, account: State, today: date
) -> None:
    """Even where pages of the day are landed, the tick's own fetch did not happen, and that is said."""
    land_on(settings, filled, today - DAY)
    account.requests.clear()
    run = location.sync(today - DAY, tags=SCHEDULED)
    assert run.sentence.startswith("[MissedTickError] ")
    assert account.requests == []


def test_a_persons_rerun_of_a_missed_tick_is_the_persons(
    location: Location, filled: Warehouse, settings: Settings, today: date
) -> None:
    """Re-executed from the UI the same run loads what was landed on its date."""
    land_on(settings, filled, today - DAY)
    tags = {**SCHEDULED, "dagster/parent_run_id": "parent", "dagster/root_run_id": "parent"}
    assert location.sync(today - DAY, tags=tags).is_ok


def test_m62_the_daemons_retry_loads_what_the_killed_run_had_landed(
    location: Location, filled: Warehouse, settings: Settings, account: State, today: date
) -> None:
    """The walk that a killed run left landed and not loaded is loaded by its retry, without the API."""
    land(settings, filled, LINKS, "killed", snapshot_date=today)
    account.requests.clear()
    again = {"dagster/retry_number": "1", "dagster/root_run_id": "killed", "dagster/parent_run_id": "killed"}
    run = location.sync(today, tags={**SCHEDULED, **again})
    assert run.is_ok
    assert account.requests == []
    assert len(rows(filled)) == 25


def test_a_shrink_stops_its_date_until_run_config_allows_it(
    location: Location, filled: Warehouse, account: State, today: date
) -> None:
    """Half of the links missing stops the run and changes nothing; `allow_shrink` in the run config lets it pass."""
    location.sync(today)
    before = rows(filled)
    del account.records[10:]
    run = location.sync(today)
    assert run.sentence.startswith("[SuspiciousShrinkError] ")
    assert rows(filled) == before
    allowed = location.sync(today, run_config={"ops": {"links_by_date": {"config": {"allow_shrink": True}}}})
    assert allowed.materialized("links")[str(today)]["vanished"] == 15


def test_s20_a_refused_password_is_tried_once(
    location: Location, filled: Warehouse, account: State, today: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In spite of the retry policy the server sees one login, and the event log sees no secret."""
    monkeypatch.setenv("INODE_PASSWORD", "canary-wrong")
    run = location.sync(today)
    assert run.sentence.startswith("[PasswordRejectedError] ")
    assert account.token_requests == 1
    assert not any(secret in run.text for secret in (*SECRETS, "canary-wrong"))
    assert rows(filled) == []


def test_a_passing_trouble_is_tried_again(
    location: Location, filled: Warehouse, account: State, today: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the server asks for too long a pause, the step is tried again after one minute and after three more."""
    waits: list[float] = []
    sleep = time.sleep

    def pass_quickly(seconds: float) -> None:
        if seconds < 20:
            sleep(seconds)
            return
        waits.append(seconds)
        clock.shift(seconds)

    monkeypatch.setattr(time, "sleep", pass_quickly)
    account.retry_after_s = 60  # a walk may take half of that
    with time_machine.travel(datetime.combine(today, datetime.min.time(), UTC)) as clock:
        run = location.sync(today)
    assert run.sentence.startswith("[RateLimitedError] ")
    assert [event.event_type_value for event in run.events].count("STEP_UP_FOR_RETRY") == 2
    assert [attempt for (attempt,) in attempts(filled, "attempt")] == [1, 2, 3]
    assert waits == pytest.approx([60, 180], abs=5)


def test_m70_missing_settings_are_named_in_the_run(
    location: Location, filled: Warehouse, account: State, today: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings are checked when the run starts: one sentence naming the variable, one attempt, no request."""
    monkeypatch.delenv("INODE_PASSWORD")
    run = location.sync(today)
    assert run.sentence.startswith("[ConfigError] ")
    assert "INODE_PASSWORD" in run.sentence
    assert account.requests == []


def test_s1_a_run_leaves_no_secret_in_the_event_log(
    location: Location, filled: Warehouse, account: State, today: date
) -> None:
    """Neither a run that succeeds nor one that fails on the way puts a secret or a token into Dagster's store."""
    account.on_page = lambda number: account.records.append({"id": None}) if number == 1 else None
    runs = [location.sync(today), location.sync(today - DAY)]
    account.on_page = None
    text = "\n".join(run.text for run in runs)
    assert not any(secret in text for secret in SECRETS)


@pytest.mark.parametrize("asset", ["raw_links", "links", "link_observations"])
def test_selecting_one_asset_makes_all(location: Location, filled: Warehouse, today: date, asset: str) -> None:
    """The tables are filled in one transaction, so whichever is selected, all are made and shown as made."""
    run = location.sync(today, asset_selection=[dg.AssetKey(asset)])
    assert run.is_ok
    for name in ("raw_links", "links", "link_versions", "link_snapshots", "link_observations"):
        assert list(run.materialized(name)) == [str(today)]


def test_the_fact_tables_show_what_a_date_left_in_them(location: Location, filled: Warehouse, today: date) -> None:
    """The rows of the date are counted, not those of years; new observations are, and corrected ones, too."""
    run = location.sync(today)
    versions, snapshots, observations = (
        run.materialized(name)[today.isoformat()] for name in ("link_versions", "link_snapshots", "link_observations")
    )
    with reading(filled) as connection:
        observed = connection.execute(select(func.count()).select_from(LINK_FACTS.observations)).scalar_one()
    assert 0 < observed <= 25
    assert (versions["dagster/row_count"], snapshots["dagster/partition_row_count"]) == (25, 25)
    assert observations["dagster/partition_row_count"] == observations["observations_inserted"] == observed
    assert (observations["no_data"], observations["observations_corrected"]) == (25 - observed, 0)
    assert "dagster/row_count" not in observations
    columns = {column.name: column for column in observations["dagster/column_schema"].columns}
    assert list(columns) == list(LINK_FACTS.observations.c.keys())
    assert (columns["speed_kmh"].type, columns["speed_kmh"].description.endswith(" Unit: km/h.")) == ("double", True)
