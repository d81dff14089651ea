"""An account on the emulator, a warehouse that can be put back as it was, and the command in processes that may die."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

import inode_pipeline
from inode_pipeline.config import LocalSettings
from inode_pipeline.emulator import EmulatorConfig, EmulatorServer
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse
from tests.invariants import assert_invariants

CHECKOUT = Path(inode_pipeline.__file__).parents[1]

LOGIN = {
    "INODE_USERNAME": "demo",
    "INODE_PASSWORD": "demo-password",
    "INODE_CLIENT_ID": "demo-client",
    "INODE_CLIENT_SECRET": "demo-client-secret",
}


@pytest.fixture(scope="session")
def zygote() -> Iterator[subprocess.Popen[str]]:
    """A process that has everything imported and becomes the command as often as it is asked."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("zygote.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield process
    with suppress(BrokenPipeError):
        process.communicate(timeout=10)


class Commands:
    """Runs the command in processes of its own, which may be killed at a chosen point."""

    def __init__(self, zygote: subprocess.Popen[str], folder: Path) -> None:
        assert zygote.stdin is not None
        assert zygote.stdout is not None
        self._wishes: IO[str] = zygote.stdin
        self._answers: IO[str] = zygote.stdout
        self._folder = folder
        self.output = folder / "output"
        self._at_work: int | None = None

    def run(self, *arguments: str, variables: dict[str, str], log_everything: bool = False, **death: float) -> int:
        """The exit code of the command, negative for a signal."""
        self.start(*arguments, variables=variables, log_everything=log_everything, **death)
        return self.wait()

    def start(self, *arguments: str, variables: dict[str, str], log_everything: bool = False, **death: float) -> int:
        """The process's number. Only one at a time: `wait` comes before the next."""
        wanted = {
            "arguments": arguments,
            "variables": {"PATH": os.environ["PATH"], "HOME": str(self._folder), **variables},
            "folder": str(self._folder),
            "output": str(self.output),
            "log_everything": log_everything,
            **death,
        }
        self._wishes.write(json.dumps(wanted) + "\n")
        self._wishes.flush()
        self._at_work = int(json.loads(self._answers.readline())["pid"])
        return self._at_work

    def wait(self) -> int:
        """The exit code of what was started."""
        self._at_work = None
        return int(json.loads(self._answers.readline())["code"])

    @property
    def points(self) -> list[str]:
        """The points that the last run has passed."""
        return Path(f"{self.output}.points").read_text().splitlines()

    def close(self) -> None:
        """End what a test has left at work."""
        if self._at_work is not None:
            os.kill(self._at_work, signal.SIGKILL)
            self.wait()


@pytest.fixture
def commands(zygote: subprocess.Popen[str], tmp_path: Path) -> Iterator[Commands]:
    runner = Commands(zygote, tmp_path)
    yield runner
    runner.close()


@pytest.fixture
def emulator() -> Iterator[EmulatorServer]:
    """Forty links on pages of ten, which a test may change."""
    with EmulatorServer(EmulatorConfig(links=40, page_size=10, max_page_size=10)) as server:
        server.state.freeze()
        yield server


@dataclass
class Place:
    """A warehouse that can be thrown away and had again in the state in which it was kept."""

    url: str
    _keep: Callable[[], Callable[[], None]]

    @property
    def variables(self) -> dict[str, str]:
        return {"INODE_WAREHOUSE_URL": self.url}

    def keep(self) -> Callable[[], None]:
        """What puts the warehouse back as it is now. Nobody may have it open, then or now."""
        return self._keep()

    def opened(self) -> Warehouse:
        """The open warehouse; close it."""
        return open_warehouse(LocalSettings(warehouse_url=self.url, _env_file=None), lock_wait_s=10)


@pytest.fixture
def place(warehouse_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A migrated, empty warehouse of each kind in turn. Whatever was killed while it loaded, the invariants hold."""
    url = str(request.getfixturevalue("migrated_url"))
    place = _file_place(url, tmp_path) if warehouse_kind == "sqlite" else _database_place(url, request)
    yield place
    with place.opened() as warehouse:
        assert_invariants(warehouse, request)


def _file_place(url: str, tmp_path: Path) -> Place:
    path = Path(url.removeprefix("sqlite:///"))
    path.parent.mkdir(exist_ok=True)

    def files(folder: Path) -> list[Path]:
        return list(folder.glob("inode.db*"))

    def keep() -> Callable[[], None]:
        kept = tmp_path / "kept"
        kept.mkdir(exist_ok=True)
        for file in files(path.parent):
            shutil.copy(file, kept)

        def put_back() -> None:
            for file in files(path.parent):
                file.unlink()
            for file in files(kept):
                shutil.copy(file, path.parent)

        return put_back

    return Place(url, keep)


def _database_place(url: str, request: pytest.FixtureRequest) -> Place:
    server: Any = request.getfixturevalue("postgresql_server")
    name = url.rpartition("/")[2]

    def keep() -> Callable[[], None]:
        copy = server.new_database(template=name)
        request.addfinalizer(lambda: server.drop(copy))

        def put_back() -> None:
            server.drop(name)
            server.execute(f"CREATE DATABASE {name} TEMPLATE {copy}")

        return put_back

    return Place(url, keep)
