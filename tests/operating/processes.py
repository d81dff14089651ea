"""The webserver and the daemon of `deploy/` as processes of their own, in a home and with a warehouse of their own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import httpx
import pytest

from inode_pipeline.config import Settings
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.sync import Attempt, sync_date
from inode_pipeline.warehouse.engine import open_warehouse
from inode_pipeline.warehouse.migrate import migrate

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
READY_S = 180.0


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


def zone_at_noon() -> str:
    """A zone in which it is about noon now, so that no test runs into another date."""
    continents = ("Africa/", "America/", "Asia/", "Atlantic/", "Pacific/")
    places = (name for name in sorted(available_timezones()) if name.startswith(continents))
    return next(name for name in places if datetime.now(ZoneInfo(name)).hour == 12)


def settings_of(variables: Mapping[str, str]) -> Settings:
    """The settings that these variables of the environment make."""
    return Settings(_env_file=None, **{name[6:].lower(): value for name, value in variables.items()})


def land_and_load(settings: Settings, *days: date) -> None:
    """Sync each of these dates as if it were today."""
    with open_warehouse(settings) as warehouse:
        migrate(warehouse)
        for day in days:
            sync_date(settings, warehouse, LINKS, day, today=day, attempt=Attempt(f"seed {day}", "person"))


@contextmanager
def deployed(home: Path, variables: Mapping[str, str]) -> Iterator[tuple[str, Processes]]:
    """A deployment whose processes are ended afterwards: its address and its processes."""
    shutil.copy(ROOT / "deploy/dagster.yaml", home)
    others = {name: value for name, value in os.environ.items() if not name.startswith(("INODE_", "DAGSTER_"))}
    environment = others | dict(variables) | {"DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1"}
    command = (BIN / "dagster", "instance", "concurrency", "set", "warehouse", "1")
    subprocess.run(command, env=environment, cwd=home, check=True, capture_output=True, timeout=120)
    processes = Processes(environment, home)
    try:
        processes.start_webserver()
        processes.start_daemon()
        wait_for("the webserver", lambda: httpx.get(f"{processes.address}/server_info").status_code == 200)
        yield processes.address, processes
    finally:
        for name in list(processes.started):
            processes.stop(name)


class Processes:
    """The webserver and the daemon of one DAGSTER_HOME."""

    def __init__(self, environment: dict[str, str], home: Path) -> None:
        self.environment, self.home = environment, home
        self.started: dict[str, subprocess.Popen[bytes]] = {}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = str(free.getsockname()[1])
        self.address = f"http://127.0.0.1:{self._port}"

    def start_webserver(self) -> None:
        self._start("webserver", "dagster-webserver", "-h", "127.0.0.1", "-p", self._port)

    def start_daemon(self) -> None:
        self._start("daemon", "dagster-daemon", "run")

    def stop(self, name: str) -> None:
        """End a process as Ctrl-C does."""
        process = self.started.pop(name)
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def kill(self, name: str) -> None:
        """End a process and what it has started without a word, as a lost machine does."""
        process = self.started.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def log(self, name: str) -> str:
        """What the process has said."""
        return (self.home / f"{name}.log").read_text(errors="replace")

    def _start(self, name: str, program: str, *arguments: str) -> None:
        with (self.home / f"{name}.log").open("ab") as log:
            command = [str(BIN / program), *arguments, "-w", str(ROOT / "workspace.yaml")]
            self.started[name] = subprocess.Popen(
                command, env=self.environment, cwd=self.home, stdout=log, stderr=log, start_new_session=True
            )
