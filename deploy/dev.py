"""The Dagster UI against the emulator, on this machine only: `make dev`.

Four processes that live and die together: the emulator, the webserver, the daemon and this one. Everything they keep
is in `.dagster/` and `data/dev.db` of the checkout, or of the folder that is named: `python deploy/dev.py FOLDER`.
Not here: production, see `docs/nightly.md`.
"""

from __future__ import annotations

import fcntl
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from inode_pipeline.cli.demo import CITY_ZONE
from inode_pipeline.cli.demo_days import SAMPLE_SCHEDULE

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
STOP_WAIT_S = 20
DATABASE = Path("data/dev.db")
LOG = Path("dev.log")
REPORT = Path("data/network_report.html")
"""Both below the folder of Dagster."""

Child = subprocess.Popen[bytes]


def main() -> int:
    """Start everything, say where to click, and stop everything on Ctrl-C, on SIGTERM or when one of them ends."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT
    port = os.environ.get("PORT", "3000")
    try:
        with _alone(folder / ".dagster") as home:
            return _serve(folder, home, _free(port))
    except KeyboardInterrupt:
        print("Stopped.", flush=True)
        return 0


def _serve(folder: Path, home: Path, ui_port: int) -> int:
    shutil.copy(ROOT / "deploy/dagster.yaml", home)
    emulator_port = _any_port()
    environment = _environment(folder, home, emulator_port)
    # The first use of a pool that nobody has set is not protected, and it makes the store before the others open it.
    _run("dagster", "instance", "concurrency", "set", "warehouse", "1", environment=environment, folder=home)
    if not (folder / DATABASE).exists():
        print("Reading fourteen nights and two days of samples of a synthetic iNode, about 20 s ...", flush=True)
        _run("python", str(ROOT / "deploy/seed.py"), str(folder / DATABASE), environment=environment, folder=home)
    print("Starting Dagster and the synthetic iNode, about 15 s ...", flush=True)
    with (home / LOG).open("wb") as log, _children(environment, home, emulator_port, ui_port, log) as children:
        is_told = False
        while all(child.poll() is None for child in children):
            if not is_told and _answers(ui_port):
                print(_where_to_click(ui_port, folder, home), flush=True)
                is_told = True
            time.sleep(0.5)
    print(f"One of the processes has ended, so all were stopped; {home / LOG} says why.", file=sys.stderr)
    return 1


@contextmanager
def _alone(home: Path) -> Iterator[Path]:
    """The folder of Dagster, which no two daemons may share."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home / "dev.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.exit(f"`make dev` is running already with {home}; stop it with Ctrl-C where it was started.")
        yield home


def _environment(folder: Path, home: Path, emulator_port: int) -> dict[str, str]:
    """The shell's environment with the emulator's account; `.env` is not read, since `.dagster` has none."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(("INODE_", "DAGSTER_"))}
    return others | {
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "INODE_BASE_URL": f"http://127.0.0.1:{emulator_port}/api/",
        "INODE_API_KEY": "demo-api-key",
        "INODE_AUTH": "api_key",
        "INODE_TIMEZONE": CITY_ZONE,
        "INODE_SAMPLE_SCHEDULE": SAMPLE_SCHEDULE,
        "INODE_WAREHOUSE_URL": f"sqlite:///{folder / DATABASE}",
    }


@contextmanager
def _children(
    environment: dict[str, str], home: Path, emulator_port: int, ui_port: int, log: IO[bytes]
) -> Iterator[list[Child]]:
    workspace = ("-w", str(ROOT / "workspace.yaml"))
    commands = [
        ("inode-pipeline", "emulator", "--port", str(emulator_port)),
        ("dagster-webserver", "-h", "127.0.0.1", "-p", str(ui_port), "--log-level", "warning", *workspace),
        ("dagster-daemon", "run", "--log-level", "warning", *workspace),
    ]
    children: list[Child] = []
    try:
        for name, *arguments in commands:
            # A session of its own: Ctrl-C reaches this process only, which ends the others in order.
            children.append(
                subprocess.Popen(
                    [BIN / name, *arguments],
                    env=environment,
                    cwd=home,
                    start_new_session=True,
                    stdout=log,
                    stderr=log,
                )
            )
        yield children
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave half of them behind
        print("Stopping ...", flush=True)
        for child in reversed(children):
            child.terminate()
        for child in children:
            _wait(child)


def _wait(child: Child) -> None:
    """Wait until a process has ended, and end whatever it leaves behind in its session."""
    try:
        child.wait(STOP_WAIT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)


def _run(name: str, *arguments: str, environment: dict[str, str], folder: Path) -> None:
    done = subprocess.run([BIN / name, *arguments], env=environment, cwd=folder, capture_output=True, check=False)
    if done.returncode:
        sys.exit(done.stderr.decode(errors="replace"))


def _free(port: str) -> int:
    """The port for the UI, if nothing listens there."""
    try:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", int(port)))
    except (ValueError, OverflowError):
        sys.exit(f"PORT={port} is not a port; use for example PORT=3001 make dev.")
    except OSError as problem:
        sys.exit(f"Port {port} cannot be used ({problem.strerror}); choose another, for example PORT=3001 make dev.")
    return int(port)


def _any_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/server_info")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _where_to_click(ui_port: int, folder: Path, home: Path) -> str:
    return f"""
Dagster is at http://127.0.0.1:{ui_port}, with a synthetic iNode behind it; Ctrl-C stops everything.
  The table     Assets > links: verdict, changes, receipt and a preview for each date, checks, plots
  Fetch today   Jobs > sync_links > Materialize all... > the last date > Launch run
  A backfill    the same dialog with the last week: on one of its dates nothing was landed, so it turns red and says why
The report is {home / REPORT}; each run of sync_links writes it anew.
The tables are in {folder / DATABASE}."""


if __name__ == "__main__":
    sys.exit(main())
