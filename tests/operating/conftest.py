"""A whole deployment: Dagster's webserver and daemon as processes of their own, an emulated account, PostgreSQL.

It is the one that `deploy/dagster.yaml` and `workspace.yaml` make, with a schedule that ticks one or two minutes after
it was started. Two of the last four dates are landed.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from inode_pipeline.config import Settings
from inode_pipeline.emulator import EmulatorConfig, EmulatorServer
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.sync import Attempt, sync_date
from inode_pipeline.warehouse.engine import open_warehouse, reading
from inode_pipeline.warehouse.migrate import migrate

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
READY_S = 180.0
TICK_AFTER = timedelta(seconds=60)

RUNS = """
query Runs($filter: RunsFilter!) { runsOrError(filter: $filter) { ... on Runs { results {
  runId status jobName tags { key value } } } } }
"""
FAILURES = """
query Failures($runId: ID!) { logsForRun(runId: $runId) { ... on EventConnection { events {
  __typename ... on ExecutionStepFailureEvent { failureMetadata { description } error { message } } } } } }
"""
STATUSES = """
query Statuses($asset: AssetKeyInput!) { assetNodeOrError(assetKey: $asset) { ... on AssetNode {
  assetPartitionStatuses { ... on TimePartitionStatuses { ranges { status startKey endKey } } } } } }
"""


@dataclass
class Deployment:
    """The running deployment, asked as its UI asks it."""

    address: str
    settings: Settings
    server: EmulatorServer
    today: date
    landed: tuple[date, date]
    gap: date
    tick: datetime
    processes: dict[str, subprocess.Popen[bytes]]

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of a GraphQL answer, which has no error."""
        answer = httpx.post(f"{self.address}/graphql", json={"query": query, "variables": variables}, timeout=60).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def runs(self, **tags: str) -> list[dict[str, Any]]:
        """The runs with these tags; dashes of a tag are underscores here, two underscores a slash."""
        wanted = [{"key": k.replace("__", "/"), "value": v} for k, v in tags.items()]
        found: list[dict[str, Any]] = self.ask(RUNS, filter={"tags": wanted})["runsOrError"]["results"]
        return [run | {"tags": {tag["key"]: tag["value"] for tag in run["tags"]}} for run in found]

    def sentence(self, run_id: str) -> str:
        """What the run's page shows of its failed step."""
        events = self.ask(FAILURES, runId=run_id)["logsForRun"]["events"]
        [failure] = [event for event in events if event["__typename"] == "ExecutionStepFailureEvent"]
        return f"{(failure['failureMetadata'] or {}).get('description')} {(failure['error'] or {}).get('message')}"

    def green(self, asset: str) -> set[str]:
        """The dates that the asset's page shows as materialized."""
        return self._dates(asset, "MATERIALIZED")

    def red(self, asset: str) -> set[str]:
        """The dates that the asset's page shows as failed."""
        return self._dates(asset, "FAILED")

    def _dates(self, asset: str, status: str) -> set[str]:
        node = self.ask(STATUSES, asset={"path": [asset]})["assetNodeOrError"]
        days = set()
        for found in node["assetPartitionStatuses"]["ranges"]:
            day, last = date.fromisoformat(found["startKey"]), date.fromisoformat(found["endKey"])
            while found["status"] == status and day <= last:
                days.add(str(day))
                day += timedelta(days=1)
        return days

    def rows(self, table: Any, *columns: str) -> list[tuple[Any, ...]]:
        """The table's rows in the warehouse."""
        with open_warehouse(self.settings) as warehouse, reading(warehouse) as connection:
            return [tuple(row) for row in connection.execute(select(*(table.c[name] for name in columns)))]


def wait_for(what: str, look: Callable[[], Any], seconds: float = READY_S) -> Any:
    """The first thing that is something; a failure says what was waited for."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        try:
            found = look()
        except httpx.TransportError:
            found = None
        if found:
            return found
        time.sleep(0.5)
    pytest.fail(f"{what} did not come within {seconds:g} s")


@pytest.fixture(scope="session")
def waiting() -> Callable[..., Any]:
    """`wait_for`, which a test cannot import."""
    return wait_for


@pytest.fixture(scope="session")
def deployment(postgresql_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The deployment, ready to be used; its processes are ended afterwards."""
    database = postgresql_server.new_database()
    home = tmp_path_factory.mktemp("dagster")
    shutil.copy(ROOT / "deploy/dagster.yaml", home)
    with EmulatorServer(EmulatorConfig(links=25, page_size=10, max_page_size=10)) as server:
        server.state.freeze()
        tick = datetime.now(UTC) + TICK_AFTER
        tick = tick.replace(second=0, microsecond=0) + timedelta(minutes=1)
        variables = {
            "INODE_BASE_URL": server.base_url,
            "INODE_API_KEY": "demo-api-key",
            "INODE_WAREHOUSE_URL": postgresql_server.url(database),
            "INODE_SYNC_SCHEDULE": f"{tick.minute} {tick.hour} * * *",
            "INODE_TIMEZONE": "UTC",
        }
        settings = Settings(_env_file=None, **{name[6:].lower(): value for name, value in variables.items()})
        today = tick.date()
        landed = (today - timedelta(days=4), today - timedelta(days=2))
        _land(settings, *landed)
        others = {name: value for name, value in os.environ.items() if not name.startswith(("INODE_", "DAGSTER_"))}
        environment = others | variables | {"DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1"}
        with Processes(environment, home) as (address, processes):
            gap = today - timedelta(days=3)
            yield Deployment(address, settings, server, today, landed, gap, tick, processes)
    postgresql_server.drop(database)


def _land(settings: Settings, *days: date) -> None:
    with open_warehouse(settings) as warehouse:
        migrate(warehouse)
        for day in days:
            sync_date(settings, warehouse, LINKS, day, today=day, attempt=Attempt(f"seed {day}", "person"))


class Processes:
    """The webserver and the daemon, from their start until both have ended."""

    def __init__(self, environment: dict[str, str], home: Path) -> None:
        self.environment, self.home = environment, home
        self.started: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> tuple[str, dict[str, subprocess.Popen[bytes]]]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        workspace = ("-w", str(ROOT / "workspace.yaml"))
        command = (BIN / "dagster", "instance", "concurrency", "set", "warehouse", "1")
        subprocess.run(command, env=self.environment, cwd=self.home, check=True, capture_output=True, timeout=120)
        try:
            self._start("webserver", "dagster-webserver", "-h", "127.0.0.1", "-p", str(port), *workspace)
            self._start("daemon", "dagster-daemon", "run", *workspace)
            address = f"http://127.0.0.1:{port}"
            wait_for("the webserver", lambda: httpx.get(f"{address}/server_info").status_code == 200)
        except BaseException:
            self.__exit__()
            raise
        return address, self.started

    def _start(self, name: str, program: str, *arguments: str) -> None:
        with (self.home / f"{name}.log").open("wb") as log:
            command = [str(BIN / program), *arguments]
            self.started[name] = subprocess.Popen(
                command, env=self.environment, cwd=self.home, stdout=log, stderr=log, start_new_session=True
            )

    def __exit__(self, *_: object) -> None:
        for process in self.started.values():
            process.send_signal(signal.SIGINT)
        for process in self.started.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
