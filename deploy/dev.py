"""The Dagster UI against the emulator, on this machine only: `make dev`.

Four processes that live and die together: the emulator, the webserver, the daemon and this one. Everything they keep
is in `.dagster/` and `data/dev.db` of the checkout. Keep out: production, which has `docs/nightly.md`.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".dagster"
BIN = Path(sys.executable).parent
STOP_WAIT_S = 20


def main() -> int:
    """Start everything, say where to click, and stop everything on Ctrl-C, on SIGTERM or when one of them ends."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    HOME.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(ROOT / "deploy/dagster.yaml", HOME)
    emulator_port, ui_port = _free_port(), int(os.environ.get("PORT", "3000"))
    environment = _environment(emulator_port)
    # The first use of a pool that nobody has set is not protected, and it makes the store before the others open it.
    _run("dagster", "instance", "concurrency", "set", "warehouse", "1", environment=environment)
    with _children(environment, emulator_port, ui_port) as children:
        print(_where_to_click(ui_port), flush=True)
        try:
            while all(child.poll() is None for child in children):
                time.sleep(0.5)
        except KeyboardInterrupt:
            print("Stopping ...", flush=True)
            return 0
    print("One of the processes has ended, so all were stopped; its last words are above.", file=sys.stderr)
    return 1


def _environment(emulator_port: int) -> dict[str, str]:
    """The shell's environment with the emulator's account; `.env` is not read, since `.dagster` has none."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(("INODE_", "DAGSTER_"))}
    return others | {
        "DAGSTER_HOME": str(HOME),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "INODE_BASE_URL": f"http://127.0.0.1:{emulator_port}/api/",
        "INODE_API_KEY": "demo-api-key",
        "INODE_AUTH": "api_key",
        "INODE_TIMEZONE": "UTC",
        "INODE_WAREHOUSE_URL": f"sqlite:///{ROOT / 'data/dev.db'}",
    }


@contextmanager
def _children(environment: dict[str, str], emulator_port: int, ui_port: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    workspace = ("-w", str(ROOT / "workspace.yaml"))
    commands = [
        ("inode-pipeline", "emulator", "--port", str(emulator_port)),
        ("dagster-webserver", "-h", "127.0.0.1", "-p", str(ui_port), "--log-level", "warning", *workspace),
        ("dagster-daemon", "run", "--log-level", "warning", *workspace),
    ]
    children: list[subprocess.Popen[bytes]] = []
    try:
        for name, *arguments in commands:
            # A session of its own: Ctrl-C reaches this process only, which ends the others in order.
            children.append(
                subprocess.Popen(
                    [BIN / name, *arguments],
                    env=environment,
                    cwd=HOME,
                    start_new_session=True,
                    stdout=subprocess.DEVNULL,
                )
            )
        yield children
    finally:
        for child in reversed(children):
            child.terminate()
        for child in children:
            _wait(child)


def _wait(child: subprocess.Popen[bytes]) -> None:
    try:
        child.wait(STOP_WAIT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _run(name: str, *arguments: str, environment: dict[str, str]) -> None:
    done = subprocess.run([BIN / name, *arguments], env=environment, cwd=HOME, capture_output=True, check=False)
    if done.returncode:
        sys.exit(done.stderr.decode(errors="replace"))


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _where_to_click(ui_port: int) -> str:
    return f"""
Dagster starts at http://127.0.0.1:{ui_port} (ready in about 15 s), against a synthetic iNode; Ctrl-C stops everything.
  Fetch today   Jobs > sync_links > Materialize all... > the last date > Launch
  The table     Assets > links: row counts, columns, receipts and a preview for each date
  A backfill    the same dialog with a range; a date on which nothing was landed stays red and says why
The tables are in data/dev.db."""


if __name__ == "__main__":
    sys.exit(main())
