"""One run of one contestant: a whole process, its start included, against a running API and database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api import API_KEY, PAGE_SIZE

HERE = Path(__file__).parent
OWN_PYTHON = HERE / ".venv" / "bin" / "python"
"""The environment of dlt, which is no dependency of the product and wants an older SQLAlchemy."""

OURS = [sys.executable, "-m", "inode_pipeline"]
CLIENTS = {
    "ours": [*OURS, "sync", "--json"],
    "naive": [sys.executable, str(HERE / "clients" / "naive.py")],
    "dlt, tuned": [str(OWN_PYTHON), str(HERE / "clients" / "with_dlt.py")],
}
NEEDED = ["dlt==1.31.0", "psycopg2-binary", "pyarrow"]


@dataclass(frozen=True)
class Target:
    """Where a contestant reads and writes. `url` names psycopg 3 as its driver; `folder` is the contestant's own."""

    base_url: str
    url: str
    folder: Path

    def environment(self, **settings: object) -> dict[str, str]:
        """The environment of the contestant's process; `settings` go over what is set here."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("INODE_")}
        return {
            **kept,
            "PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE)]),
            "BENCH_API": self.base_url,
            "BENCH_API_KEY": API_KEY,
            "BENCH_DATABASE": self.url,
            "BENCH_FOLDER": str(self.folder),
            "BENCH_PAGE_SIZE": str(PAGE_SIZE),
            "INODE_BASE_URL": self.base_url,
            "INODE_API_KEY": API_KEY,
            "INODE_WAREHOUSE_URL": self.url,
            "INODE_TIMEZONE": "UTC",
            **{name: str(value) for name, value in settings.items()},
        }


def run(command: list[str], target: Target, **settings: object) -> dict[str, Any]:
    """Run a command as its user does, and return what it cost and the JSON that it printed last, if any.

    CPU is user and system time of the process and its children; memory is the peak of the largest of them.
    """
    begun = time.perf_counter()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as problems:
        environment = target.environment(**settings)
        process = subprocess.Popen(command, env=environment, cwd=target.folder, stdout=output, stderr=problems)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall_s = time.perf_counter() - begun
        output.seek(0)
        problems.seek(0)
        if process.returncode:
            raise RuntimeError(f"{command} failed:\n{problems.read().decode()[-4000:]}")
        lines = output.read().decode().splitlines()
    printed = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    cost = {"wall_s": wall_s, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_mb": usage.ru_maxrss * 1024 / 1e6}
    return {**cost, "printed": printed}


def make_environment() -> None:
    """Make the environment of dlt, once."""
    if not OWN_PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", str(HERE / ".venv")], check=True)
        subprocess.run([str(OWN_PYTHON), "-m", "pip", "install", "--quiet", *NEEDED], check=True)
