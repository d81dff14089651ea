"""Redis and Celery's workers of `deploy/celery` as processes of their own, each in a folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from celery import Celery

from tests.operating.processes import BIN, ROOT, answers, free_port, wait_for

CELERY = ROOT / "deploy/celery"


class Redis:
    """A Redis that writes what it is told to the disk at once, as docs/deploy-celery.md asks for."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder, self._port, self._options = folder, free_port(), options
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start it and wait until it answers."""
        program = shutil.which("redis-server")
        if program is None:
            pytest.fail("The tests of Celery need redis-server: apt-get install redis-server")
        where = ("--bind", "127.0.0.1", "--port", str(self._port), "--dir", str(self._folder))
        with (self._folder / "log").open("ab") as log:
            command = [program, *where, "--appendonly", "yes", *self._options]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for("Redis", lambda: answers(self._port))

    def kill(self) -> None:
        """End it without a word."""
        self._process.kill()
        self._process.wait()


class Worker:
    """One of Celery's workers, with a folder, a `.env` and a DAGSTER_HOME of its own."""

    def __init__(self, folder: Path, environment: Mapping[str, str], settings: Mapping[str, str], head: Path) -> None:
        self.name, self._folder = folder.name, folder
        home = folder / "dagster"
        home.mkdir(parents=True)
        shutil.copy(head / "dagster.yaml", home)
        lines = "".join(f"{name}='{value}'\n" for name, value in settings.items())
        (folder / ".env").write_text(lines)
        (folder / ".env").chmod(0o600)
        self._environment = {k: v for k, v in environment.items() if not k.startswith("INODE_")}
        self._environment["DAGSTER_HOME"] = str(home)

    def start(self) -> None:
        """Start it."""
        command = [str(BIN / "celery"), "-A", "inode_workers", "worker", "-l", "INFO", "-c", "4"]
        command += ["-n", f"{self.name}@%h"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, env=self._environment, cwd=self._folder, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self) -> None:
        """End it and what it has started without a word, as a lost machine does."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def log(self) -> str:
        """What it has said."""
        return (self._folder / "log").read_text(errors="replace")


@contextmanager
def running_redis(folder: Path, *options: str) -> Iterator[Redis]:
    """A Redis with these options more, ended at the end."""
    folder.mkdir()
    redis = Redis(folder, *options)
    redis.start()
    try:
        yield redis
    finally:
        redis.kill()


def busy(redis: Redis) -> list[str]:
    """The names of the workers that have a run."""
    app = Celery(broker=redis.url)
    with app.connection_for_write() as connection:  # a new one: those of before a restart are broken
        active = app.control.inspect(timeout=2, connection=connection).active() or {}
    return [name.partition("@")[0] for name, tasks in active.items() if tasks]
