"""One run of one contestant, in a process of its own, against an API and a database that are there already.

Keep out: which runs there are (`cases.py`) and what is made of their figures (`report.py`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api import API_KEY, PAGE_SIZE

HERE = Path(__file__).parent
OWN_PYTHON = HERE / ".venv" / "bin" / "python"
"""The environment of what is not a dependency of the product: dlt and matplotlib."""

CLIENTS = {
    "ours": ["ours.py"],
    "naive": ["naive.py"],
    "floor": ["floor.py"],
    "dlt, tuned": ["with_dlt.py", "tuned"],
    "dlt, as documented": ["with_dlt.py", "documented"],
}
NEEDED = ["dlt[sqlalchemy]==1.31.0", "psycopg2-binary", "pyarrow", "matplotlib", "sqlalchemy<2.1"]


@dataclass(frozen=True)
class Target:
    """Where a contestant reads and writes. `url` names no driver; `folder` is its own."""

    base_url: str
    url: str
    folder: Path

    def environment(self, contestant: str, **settings: object) -> dict[str, str]:
        """The environment of the contestant's process; `settings` go over what stands here."""
        is_naive = contestant == "naive"
        url = self.url.replace("postgresql:", "postgresql+psycopg:") if is_naive else self.url
        kept = {name: value for name, value in os.environ.items() if not name.startswith("INODE_")}
        return {
            **kept,
            "PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE)]),
            "BENCH_API": self.base_url,
            "BENCH_API_KEY": API_KEY,
            "BENCH_DATABASE": url,
            "BENCH_FOLDER": str(self.folder),
            "BENCH_PAGE_SIZE": str(PAGE_SIZE),
            "INODE_BASE_URL": self.base_url,
            "INODE_API_KEY": API_KEY,
            "INODE_WAREHOUSE_URL": self.url,
            "INODE_TIMEZONE": "UTC",
            **{name: str(value) for name, value in settings.items()},
        }


def run(contestant: str, target: Target, **settings: object) -> dict[str, Any]:
    """Run a contestant once, and return what it measured of itself."""
    script, *arguments = CLIENTS[contestant]
    python = str(OWN_PYTHON) if script == "with_dlt.py" else sys.executable
    command = [python, str(HERE / "clients" / script), *arguments]
    done = subprocess.run(
        command,
        env=target.environment(contestant, **settings),
        cwd=target.folder,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{contestant} failed:\n{done.stderr[-4000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def run_whole(command: list[str], target: Target, **settings: object) -> dict[str, Any]:
    """Run a command as its user does, and return what all of it cost, the start of the process included."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command],
        env=target.environment("ours", **settings),
        cwd=target.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    problem = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} failed:\n{problem.decode()[-4000:]}")
    wall_s = time.perf_counter() - begun
    return {"wall_s": wall_s, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_mb": usage.ru_maxrss * 1024 / 1e6}


def make_environment() -> None:
    """Make the benchmark's own environment, once."""
    if not OWN_PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", str(HERE / ".venv")], check=True)
        subprocess.run([str(OWN_PYTHON), "-m", "pip", "install", "--quiet", *NEEDED], check=True)
