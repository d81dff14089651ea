"""The processes of `deploy/` in a home and with a warehouse of their own: webserver, daemon and maybe a code server."""

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
import yaml

from inode_pipeline.config import Settings
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.sync import Attempt, sync_date
from inode_pipeline.warehouse.engine import open_warehouse
from inode_pipeline.warehouse.migrate import migrate
from tests.postgresql import PostgreSQLServer

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


def answers(port: int) -> bool:
    """Whether something listens on this port of this machine."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


Store = Callable[[Path], dict[str, str]]
"""Writes `dagster.yaml` and `workspace.yaml` into a home; returns the variables that they read."""


def in_files(home: Path) -> dict[str, str]:
    """Dagster's store in files; the webserver and the daemon start a code server each."""
    shutil.copy(ROOT / "deploy/dagster.yaml", home)
    shutil.copy(ROOT / "workspace.yaml", home)
    return {}


def in_postgresql(server: PostgreSQLServer, database: str) -> Store:
    """Dagster's store in this database, whose owner is the role `dagster`; one code server for everybody."""

    def write(home: Path) -> dict[str, str]:
        with_its_port(home, "dagster-postgresql.yaml", "dagster.yaml", 5432, server.port)
        with_its_port(home, "workspace-code-server.yaml", "workspace.yaml", 4266, free_port())
        names = {"HOST": "127.0.0.1", "USERNAME": "dagster", "PASSWORD": "secret", "DATABASE": database}
        return {f"DAGSTER_PG_{name}": value for name, value in names.items()}

    return write


def with_its_port(home: Path, file: str, name: str, port: int, ours: int) -> None:
    """Copy a file of `deploy/` into a home, with another port in the place of the usual one."""
    text = (ROOT / "deploy" / file).read_text()
    assert text.count(f"port: {port}") == 1
    (home / name).write_text(text.replace(f"port: {port}", f"port: {ours}"))


def free_port() -> int:
    """A port of this machine on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def deployed(home: Path, variables: Mapping[str, str], store: Store = in_files) -> Iterator[tuple[str, Processes]]:
    """A deployment whose processes are ended afterwards: its address and its processes."""
    # Without compiled modules, which an installation has, each run would spend five seconds more on its imports.
    left_out = ("INODE_", "DAGSTER_", "PYTHONDONTWRITEBYTECODE")
    others = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    own = {"DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1"}
    environment = others | dict(variables) | store(home) | own
    command = (BIN / "dagster", "instance", "concurrency", "set", "warehouse", "1")
    subprocess.run(command, env=environment, cwd=home, check=True, capture_output=True, timeout=120)
    processes = Processes(environment, home)
    try:
        processes.start_code_server()
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
        self._port = free_port()
        self._workspace = home / "workspace.yaml"
        self.address = f"http://127.0.0.1:{self._port}"

    def start_code_server(self) -> None:
        """Start the code server that the workspace names, if it names one, and wait until it answers."""
        [location] = yaml.safe_load(self._workspace.read_text())["load_from"]
        if "grpc_server" in location:
            port = int(location["grpc_server"]["port"])
            address = ("-h", "127.0.0.1", "-p", str(port))
            self._start("code server", "dagster", "api", "grpc", *address, "-m", "inode_pipeline.definitions")
            wait_for("the code server", lambda: answers(port))

    def start_webserver(self) -> None:
        self._start_webserver("webserver", self._port)

    def start_analysts_webserver(self) -> int:
        """Start a second webserver, which only reads, and return its port once it answers."""
        port = free_port()
        self._start_webserver("analysts", port, "--read-only")
        wait_for("the analysts' webserver", lambda: httpx.get(f"http://127.0.0.1:{port}/server_info").is_success)
        return port

    def start_daemon(self) -> None:
        self._start("daemon", "dagster-daemon", "run", "-w", str(self._workspace))

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

    def _start_webserver(self, name: str, port: int, *options: str) -> None:
        where = ("-h", "127.0.0.1", "-p", str(port), "-w", str(self._workspace))
        self._start(name, "dagster-webserver", *where, *options)

    def _start(self, name: str, program: str, *arguments: str) -> None:
        with (self.home / f"{name}.log").open("ab") as log:
            self.started[name] = subprocess.Popen(
                [str(BIN / program), *arguments],
                env=self.environment,
                cwd=self.home,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
