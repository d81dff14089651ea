"""What the sensors notice, and that one problem is one message. The messages wait in the cursor: nobody listens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest
import time_machine
from sqlalchemy import select, text, update

from inode_pipeline.alerts import Journal
from inode_pipeline.config import Settings
from inode_pipeline.defs.resources import InodeResource
from inode_pipeline.emulator.state import State
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import PasswordRejectedError
from inode_pipeline.sync import Attempt, sync_date
from inode_pipeline.warehouse import runs
from inode_pipeline.warehouse.engine import Warehouse, transaction
from inode_pipeline.warehouse.migrate import pending
from inode_pipeline.warehouse.tables import LINK_FACTS, LINKS_TABLE

if TYPE_CHECKING:
    from conftest import Location

DAY = timedelta(days=1)
NIGHT = datetime(2026, 11, 23, 4, 30, tzinfo=UTC)


class Watch:
    """One sensor, ticking with its cursor; every message that it ever wrote."""

    def __init__(self, location: Location, name: str) -> None:
        self.location, self.name, self.cursor = location, name, None
        self.messages: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.events: list[Any] = []

    def tick(self) -> list[tuple[str, str]]:
        """The messages of this tick: state and title of each."""
        sensor = self.location.definitions.resolve_sensor_def(self.name)
        with dg.build_sensor_context(
            instance=self.location.instance,
            cursor=self.cursor,
            definitions=self.location.definitions,
            resources={"inode": InodeResource(read_dotenv=False)},
        ) as context:
            data = sensor.evaluate_tick(context)
        journal = Journal.from_json(data.cursor)
        new = journal.waiting
        self.cursor = data.cursor
        if self.name != "freshness":
            journal.waiting = []
            self.cursor = journal.to_json()
        self.events = list(data.asset_events or [])
        self.messages = [(message.state, message.title) for message in new]
        self.texts = [message.text for message in new]
        return self.messages


@pytest.fixture
def watch(location: Location, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Watch]:
    """What watches by the name of a sensor; an address is set and nobody listens there."""
    monkeypatch.setenv("INODE_ALERT_URLS", "json://127.0.0.1:9/canary-hook")
    return lambda name: Watch(location, name)


@pytest.fixture
def warehouse_kind() -> str:
    """One database is enough here: what Dagster does does not depend on it, and what is read is tested on both."""
    return "sqlite"


def test_all_sensors_are_on_from_the_start(location: Location) -> None:
    """Nobody has to switch on what tells of trouble."""
    repository = location.definitions.get_repository_def()
    states = {sensor.name: sensor.default_status for sensor in repository.sensor_defs}
    names = ("run_failures", "check_failures", "missed_night", "freshness")
    assert {name: states[name] for name in names} == dict.fromkeys(names, dg.DefaultSensorStatus.RUNNING)


def test_a_failed_run_is_told_once_and_its_end_once(
    location: Location,
    watch: Callable[[str], Watch],
    filled: Warehouse,
    today: date,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three runs with one wrong password are one message; the run that succeeds is one more, and then silence."""
    failures = watch("run_failures")
    assert failures.tick() == []
    with monkeypatch.context() as wrong:
        wrong.setenv("INODE_PASSWORD", "canary-wrong")
        location.sync(today)
        assert failures.tick() == [("problem", f"A run for {today} failed: PasswordRejectedError")]
        assert "[PasswordRejectedError] " in failures.texts[0]
        assert "Nothing was ever loaded" in failures.texts[0]
        location.sync(today)
        location.sync(today)
        assert failures.tick() == []
    location.sync(today)
    assert failures.tick() == [("over", f"Over: A run for {today} failed: PasswordRejectedError")]
    assert failures.tick() == []
    assert "canary" not in failures.cursor


def test_a_success_for_earlier_dates_ends_no_problem_of_today(
    location: Location,
    watch: Callable[[str], Watch],
    filled: Warehouse,
    settings: Settings,
    account: State,
    today: date,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A backfill needs no password, so its green does not say that the password is right again."""
    yesterday = today - DAY
    sync_date(settings, filled, LINKS, yesterday, today=yesterday, attempt=Attempt("seed", "person"))
    failures = watch("run_failures")
    failures.tick()
    with monkeypatch.context() as wrong:
        wrong.setenv("INODE_PASSWORD", "canary-wrong")
        location.sync(today)
    assert [state for state, _ in failures.tick()] == ["problem"]
    assert location.sync(yesterday).is_ok
    assert failures.tick() == []


def test_failures_before_anybody_watched_are_no_news(
    location: Location, watch: Callable[[str], Watch], filled: Warehouse, today: date
) -> None:
    """Who switches alerts on is not told what failed last month."""
    location.sync(today - DAY)
    assert watch("run_failures").tick() == []


def test_a_killed_run_is_told_unless_it_is_started_again(
    location: Location, watch: Callable[[str], Watch], filled: Warehouse, today: date
) -> None:
    """A run that ends without a word is told as lost; one that the daemon will start again is not told yet."""
    failures = watch("run_failures")
    failures.tick()
    for tags in ({"dagster/will_retry": "true"}, {}):
        run = location.instance.create_run_for_job(
            location.definitions.resolve_job_def("sync_links"), tags={"dagster/partition": str(today), **tags}
        )
        location.instance.report_run_failed(run)
        expected = [] if tags else [("problem", f"A run for {today} failed: LostRun")]
        assert failures.tick() == expected


@pytest.mark.changes_tables_by_hand
def test_a_failed_check_is_reported_once_and_its_end_once(
    location: Location, watch: Callable[[str], Watch], filled: Warehouse, today: date
) -> None:
    """What was not checked is no message; a failure is one, and one when the check passes again."""
    location.sync(today)
    checks = watch("check_failures")
    checks.tick()
    failed = "A check of the tables failed: units_agree"
    with transaction(filled) as connection:
        connection.execute(update(LINKS_TABLE).values(length_m=LINKS_TABLE.c.length_m * 2))
    for _ in range(2):
        location.checks("units_agree")
    assert checks.tick() == [("problem", failed)]
    location.checks("units_agree")
    assert checks.tick() == []
    with transaction(filled) as connection:
        connection.execute(update(LINKS_TABLE).values(length_m=LINKS_TABLE.c.length_m / 2))
    location.checks("units_agree")
    assert checks.tick() == [("over", f"Over: {failed}")]


@pytest.mark.changes_tables_by_hand
def test_a_link_that_falls_silent_later_is_reported_although_the_check_had_failed(
    location: Location, watch: Callable[[str], Watch], filled: Warehouse, today: date
) -> None:
    """Two links fall silent on different days: two messages, the second names the new one."""
    location.sync(today)
    checks = watch("check_failures")
    for number in (0, 1):
        with transaction(filled) as connection:
            observed = LINK_FACTS.observations
            links = sorted(connection.scalars(select(observed.c.link_id)))
            of_link = observed.c.link_id == links[number]
            connection.execute(update(observed).where(of_link).values(observed_at=datetime.now(UTC) - 3 * DAY))
        location.checks("no_link_is_silent")
        assert checks.tick() == [("problem", "A check of the tables failed: no_link_is_silent")]
        assert checks.texts[0].startswith("New: ") == bool(number)
        assert links[number] in checks.texts[0]
        assert checks.tick() == []


@pytest.mark.changes_tables_by_hand
def test_a_failed_check_is_not_over_because_a_run_was_killed(
    location: Location, watch: Callable[[str], Watch], filled: Warehouse, today: date
) -> None:
    """A run that plans its checks and never comes to them has no result, so nothing is reported."""
    location.sync(today)
    with transaction(filled) as connection:
        connection.execute(update(LINKS_TABLE).values(length_m=LINKS_TABLE.c.length_m * 2))
    location.checks("units_agree")
    checks = watch("check_failures")
    assert ("problem", "A check of the tables failed: units_agree") in checks.tick()
    job = location.definitions.resolve_job_def("sync_links")
    run = location.instance.create_run_for_job(job, tags={"dagster/partition": str(today)})
    assert checks.tick() == []
    location.instance.report_run_failed(run)
    assert checks.tick() == []


def test_a_missed_night_is_told_when_its_grace_is_over(
    watch: Callable[[str], Watch], filled: Warehouse, settings: Settings
) -> None:
    """Two hours after a tick without a snapshot one message goes out, and one when there is a snapshot again."""
    night = watch("missed_night")
    with time_machine.travel(NIGHT - timedelta(hours=1)) as clock:
        assert night.tick() == []
        clock.move_to(NIGHT + timedelta(minutes=119))
        assert night.tick() == []
        clock.move_to(NIGHT + timedelta(minutes=121))
        assert night.tick() == [("problem", "Missed: no snapshot of 2026-11-23")]
        assert "stays a gap" in night.texts[0]
        clock.move_to(NIGHT + timedelta(minutes=180))
        assert night.tick() == []
        day = NIGHT.date()
        sync_date(settings, filled, LINKS, day, today=day, attempt=Attempt("late", "person"))
        assert night.tick() == [("over", "Over: Missed: no snapshot of 2026-11-23")]


@pytest.mark.parametrize("sensor", ["missed_night", "freshness", "run_failures", "check_failures"])
def test_before_the_first_sync_a_sensor_makes_no_file_and_reports_nothing(
    location: Location, watch: Callable[[str], Watch], account: State, today: date,
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sensor: str,
) -> None:  # fmt: skip
    """The daemon runs before anybody has synced: looking leaves no database, and no night is missed yet."""
    path = tmp_path / "not yet" / "inode.db"
    monkeypatch.setenv("INODE_WAREHOUSE_URL", f"sqlite:///{path}")
    watched = watch(sensor)
    with time_machine.travel(NIGHT - timedelta(hours=1)) as clock:
        assert watched.tick() == []
        clock.move_to(NIGHT + timedelta(hours=3))
        assert watched.tick() == []
    assert not path.exists()


@pytest.mark.parametrize("sensor", ["missed_night", "freshness"])
def test_an_empty_database_is_not_reported_either(
    watch: Callable[[str], Watch], empty_warehouse: Warehouse, account: State, monkeypatch: pytest.MonkeyPatch,
    sensor: str,
) -> None:  # fmt: skip
    """No table yet means no alert, and none is made by looking."""
    url = empty_warehouse.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("INODE_WAREHOUSE_URL", url)
    watched = watch(sensor)
    with time_machine.travel(NIGHT - timedelta(hours=1)) as clock:
        assert watched.tick() == []
        clock.move_to(NIGHT + timedelta(hours=3))
        assert watched.tick() == []
    assert pending(empty_warehouse) != []


def test_a_night_that_was_due_before_anybody_watched_is_no_news(
    watch: Callable[[str], Watch], filled: Warehouse
) -> None:
    """On the day of the installation nothing is missed."""
    with time_machine.travel(NIGHT + timedelta(hours=5)):
        assert watch("missed_night").tick() == []


def test_s20_a_refused_password_is_one_message_for_all_nights(
    watch: Callable[[str], Watch], filled: Warehouse, settings: Settings
) -> None:
    """The failed run has told the reason; the nights that are skipped because of it are not told again."""
    night = watch("missed_night")
    problem = PasswordRejectedError("The server refused the login.", remedy="Check INODE_PASSWORD.")
    with time_machine.travel(NIGHT - timedelta(hours=1)) as clock:
        night.tick()
        for number, outcome in enumerate(("failed", "skipped", "skipped")):
            clock.move_to(NIGHT + number * DAY + timedelta(seconds=5))
            begun = runs.begin_run(filled, f"run {number}", "schedule", NIGHT.date() + number * DAY)
            runs.finish_run(filled, begun, outcome, problem)
            clock.move_to(NIGHT + number * DAY + timedelta(hours=3))
            assert night.tick() == []


def test_a_warehouse_that_is_away_is_told(watch: Callable[[str], Watch], filled: Warehouse) -> None:
    """Where nobody can tell whether the night is missed, that is the message, and its end is another."""
    night = watch("missed_night")
    schema = "inode." if filled.is_postgresql else ""
    with time_machine.travel(NIGHT - timedelta(hours=1)) as clock:
        night.tick()
        clock.move_to(NIGHT + timedelta(hours=3))
        with transaction(filled) as connection:
            connection.execute(text(f"ALTER TABLE {schema}loads RENAME TO away"))
        assert night.tick() == [("problem", "It cannot be checked whether last night was missed")]
        with transaction(filled) as connection:
            connection.execute(text(f"ALTER TABLE {schema}away RENAME TO loads"))
        assert ("over", "Over: It cannot be checked whether last night was missed") in night.tick()


def test_time_alone_fails_the_check_of_freshness(
    location: Location, watch: Callable[[str], Watch], filled: Warehouse, settings: Settings
) -> None:
    """Without any run the check turns red a grace after the tick, is shown once, and then keeps quiet."""
    freshness = watch("freshness")
    day = NIGHT.date() - DAY
    with time_machine.travel(NIGHT - timedelta(hours=1)) as clock:
        sync_date(settings, filled, LINKS, day, today=day, attempt=Attempt("evening", "person"))
        freshness.tick()
        assert {event.check_name: event.passed for event in freshness.events} == {
            "data_is_fresh": True,
            "no_night_is_missed": True,
        }
        freshness.tick()
        assert freshness.events == []
        clock.move_to(NIGHT + timedelta(hours=3))
        freshness.tick()
        assert {event.check_name: event.passed for event in freshness.events} == {
            "data_is_fresh": False,
            "no_night_is_missed": False,
        }


def test_without_an_address_the_sensors_stay_quiet(
    location: Location, watch: Callable[[str], Watch], filled: Warehouse, today: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is kept for nobody."""
    monkeypatch.delenv("INODE_ALERT_URLS")
    failures = watch("run_failures")
    failures.tick()
    location.sync(today - DAY)
    assert failures.tick() == []
