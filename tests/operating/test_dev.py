"""`make dev` as a new user meets it: it says where to click, and Ctrl-C leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.operating.processes import ROOT, wait_for
from tests.operating.running import Deployment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

COMMAND = [sys.executable, str(ROOT / "deploy/dev.py")]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Dev:
    """The command at work in a folder of its own; what it prints is in `said`."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.address = folder, f"http://127.0.0.1:{port}"
        self._log = folder / "said.txt"
        with self._log.open("w") as log:
            environment = {**os.environ, "PORT": str(port)}
            self.process = subprocess.Popen([*COMMAND, str(folder)], env=environment, stdout=log, stderr=log)

    @property
    def said(self) -> str:
        return self._log.read_text()

    def left(self) -> list[str]:
        """The processes that keep its folder as DAGSTER_HOME."""
        home = f"DAGSTER_HOME={self.folder / '.dagster'}\0".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if home in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_text().replace("\0", " "))
            except OSError:  # it has just ended, or is somebody else's
                continue
        return found


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Dev]:
    dev = Dev(tmp_path, free_port())
    yield dev
    if dev.process.poll() is None:
        dev.process.send_signal(signal.SIGINT)
        dev.process.wait(90)


def test_it_says_where_to_click_and_ctrl_c_leaves_nothing_behind(dev: Dev) -> None:
    """It fills a warehouse and says where to click; a second one in the folder is refused; then all ends, with 0."""
    wait_for("the address", lambda: f"Dagster is at {dev.address}," in dev.said, 500)
    assert httpx.get(f"{dev.address}/server_info").status_code == 200
    assert "sync_links > Materialize all" in dev.said
    assert "synthetic" in (dev.folder / ".dagster/data/network_report.html").read_text()
    shown = Deployment(dev.address, None, None)  # type: ignore[arg-type]  # it is only asked
    today = datetime.now(ZoneInfo("America/Toronto")).date()
    nights = {str(today - timedelta(days=ago)) for ago in range(1, 15) if ago != 5}
    assert shown.green("links") - {str(today)} == nights
    assert len(dev.left()) >= 3

    command = [*COMMAND, str(dev.folder)]
    second = subprocess.run(
        command, env={**os.environ, "PORT": str(free_port())}, capture_output=True, text=True, timeout=60, check=False
    )
    assert (second.returncode, "`make dev` is running already" in second.stderr) == (1, True), second.stderr

    dev.process.send_signal(signal.SIGINT)
    assert dev.process.wait(90) == 0
    assert dev.left() == []
    assert "Traceback" not in dev.said
    assert dev.said.rstrip().endswith("Stopping ...\nStopped.")


def test_a_port_that_is_taken_is_named_at_once(tmp_path: Path) -> None:
    """One line says which port, and how to choose another; nothing was started."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*COMMAND, str(tmp_path)],
            env={**os.environ, "PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Port {port} cannot be used (Address already in use); choose another, for example PORT=3001 make dev.\n"
    )
