"""What the running daemon sends to a real HTTP and a real mail server: each problem once, and once when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from inode_pipeline.emulator import EmulatorConfig, EmulatorServer
from inode_pipeline.warehouse.engine import open_warehouse, transaction
from inode_pipeline.warehouse.tables import LINKS_TABLE
from tests.alerts.servers import Hook, Mailbox, a_hook, a_mailbox
from tests.operating.processes import deployed, land_and_load, settings_of, wait_for, zone_at_noon
from tests.operating.running import REPOSITORY, Deployment

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]

GRACE_MIN = 1
SENSORS = ("run_failures", "check_failures", "missed_night")

LOOKS = """
{ repositoriesOrError { ... on RepositoryConnection { nodes { sensors {
  name sensorState { ticks(limit: 1) { timestamp } } } } } } }
"""
STOP_SCHEDULE = """
mutation Stop($id: String) { stopRunningSchedule(id: $id) { __typename } }
"""
SCHEDULE = """
query Schedule($selector: ScheduleSelector!) { scheduleOrError(scheduleSelector: $selector) {
  ... on Schedule { scheduleState { id status } } } }
"""


@dataclass
class Watched(Deployment):
    """A deployment whose alerts are received."""

    hook: Hook
    mailbox: Mailbox
    tick: datetime

    def received(self) -> list[tuple[str, str]]:
        """Kind and title of each message to the HTTP server."""
        states = {"failure": "problem", "success": "over"}
        return [(states[message["type"]], message["title"]) for message in self.hook.taken]

    def mailed(self) -> list[str]:
        """The subjects of the mails."""
        return [str(letter["Subject"]) for letter in self.mailbox.taken]

    def looked_again(self) -> None:
        """Wait until each sensor has looked twice, so that at least once it began to look after now."""
        for _ in range(2):
            before = self._last_looks()
            wait_for("another look", lambda before=before: all(self._last_looks()[n] > before[n] for n in SENSORS), 240)

    def _last_looks(self) -> dict[str, float]:
        [repository] = self.ask(LOOKS)["repositoriesOrError"]["nodes"]
        return {
            sensor["name"]: max([0.0, *(tick["timestamp"] for tick in sensor["sensorState"]["ticks"])])
            for sensor in repository["sensors"]
        }


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Yesterday is loaded; the schedule ticks in some minutes, but a person has switched it off."""
    home = tmp_path_factory.mktemp("dagster")
    with ExitStack() as stack:
        server = stack.enter_context(EmulatorServer(EmulatorConfig(links=25, page_size=10, max_page_size=10)))
        measured = [record for record in server.state.freeze() if record["last_speed"]]
        server.state.records = [record for record in measured if record["last_updated"] == measured[0]["last_updated"]]
        hook, mailbox = stack.enter_context(a_hook()), stack.enter_context(a_mailbox())
        zone = ZoneInfo(zone_at_noon())
        tick = datetime.now(zone).replace(second=0, microsecond=0) + timedelta(minutes=5)
        variables = {
            "INODE_BASE_URL": server.base_url,
            "INODE_API_KEY": "demo-api-key",
            "INODE_TIMEZONE": zone.key,
            "INODE_WAREHOUSE_URL": f"sqlite:///{home / 'inode.db'}",
            "INODE_SYNC_SCHEDULE": f"{tick.minute} {tick.hour} * * *",
            "INODE_ALERT_URLS": f"{hook.address} {mailbox.address(to='nights@example.org')}",
            "INODE_ALERT_GRACE_MIN": str(GRACE_MIN),
        }
        settings = settings_of(variables)
        land_and_load(settings, tick.date() - timedelta(days=1))
        address, processes = stack.enter_context(deployed(home, variables))
        watched = Watched(address, settings, processes, hook, mailbox, tick)
        wait_for("the code location", lambda: watched.ask("{ assetNodes { id } }")["assetNodes"])
        selector = {**REPOSITORY, "scheduleName": "nightly_sync"}
        schedule = watched.ask(SCHEDULE, selector=selector)["scheduleOrError"]["scheduleState"]
        watched.ask(STOP_SCHEDULE, id=schedule["id"])
        watched.looked_again()
        yield watched


def falsify(watched: Watched, by: float) -> None:
    """Change every length, so that the units disagree."""
    with open_warehouse(watched.settings) as warehouse, transaction(warehouse) as connection:
        connection.execute(update(LINKS_TABLE).values(length_m=LINKS_TABLE.c.length_m * by))


def test_each_problem_is_reported_once_and_once_when_it_is_over(watched: Watched) -> None:
    """A failed run, a failed check and a missed night, over HTTP and by mail, whoever restarts the daemon.

    After a restart, and at the end, every sensor looks again: a message too many would be there.
    """
    today, never_landed = watched.tick.date(), watched.tick.date() - timedelta(days=9)
    failed = f"A run for {never_landed} failed: NotLandedError"
    units = "A check of the tables failed: units_agree"
    missed = f"Missed: no snapshot of {today}"
    expected: list[tuple[str, str]] = []

    def expect(*messages: tuple[str, str]) -> None:
        expected.extend(messages)
        wait_for(f"{messages}", lambda: set(expected) <= set(watched.received()), 240)

    def hold() -> None:
        watched.looked_again()
        assert sorted(watched.received()) == sorted(expected)
        assert sorted(watched.mailed()) == sorted(title for _, title in expected)

    for _ in range(2):
        assert watched.end_of(watched.launch(never_landed)) == "FAILURE"
    expect(("problem", failed))
    wait_for("the tick", lambda: datetime.now(watched.tick.tzinfo) > watched.tick, 400)
    expect(("problem", missed))
    hold()

    watched.processes.stop("daemon")
    watched.processes.start_daemon()
    hold()

    falsify(watched, 2.0)
    assert watched.end_of(watched.launch(today)) == "SUCCESS"
    expect(("over", f"Over: {failed}"), ("over", f"Over: {missed}"), ("problem", units))
    hold()

    watched.processes.kill("daemon")
    watched.processes.start_daemon()
    hold()

    falsify(watched, 0.5)
    assert watched.end_of(watched.launch(today)) == "SUCCESS"
    expect(("over", f"Over: {units}"))
    hold()
    assert not any("canary" in str(message) for message in watched.hook.taken)
