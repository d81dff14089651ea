"""Run the command in this process, which is fast, or as a separate process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from inode_pipeline.cli.commands import commands
from inode_pipeline.emulator import EmulatorConfig, EmulatorServer


@dataclass(frozen=True)
class Ended:
    """The exit code and outputs of a command."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """The object on standard output; anything else there is an error."""
        return json.loads(self.stdout)


Command = Callable[..., Ended]


@pytest.fixture
def run() -> Command:
    """Run the command in this process: `run("status", "--json")`, with `answers` to its questions."""

    def invoke(*arguments: str, answers: str | None = None) -> Ended:
        result: Result = CliRunner().invoke(commands, arguments, input=answers, prog_name="inode-pipeline")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        return Ended(result.exit_code, result.stdout, result.stderr)

    return invoke


@pytest.fixture
def process() -> Command:
    """Run the command as a process, in the test's folder and with only the given variables.

    `within` is a program that starts it in another environment, as in `tests/cli/test_machine.py`.
    """

    def execute(
        *arguments: str,
        variables: Mapping[str, str] | None = None,
        module: bool = True,
        within: Sequence[str] = (),
    ) -> Ended:
        program = [sys.executable, "-m", "inode_pipeline"] if module else [script()]
        environment = {"PATH": os.environ["PATH"], "HOME": str(Path.cwd()), **(variables or {})}
        done = subprocess.run(
            [*within, *program, *arguments],
            check=False,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            stdin=subprocess.DEVNULL,
            env=environment,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return execute


def script() -> str:
    """The console script in the folder of this Python."""
    return str(Path(sys.executable).with_name("inode-pipeline"))


@pytest.fixture
def emulator() -> Iterator[EmulatorServer]:
    """A small iNode with 30 links on 3 pages."""
    with EmulatorServer(EmulatorConfig(links=30, page_size=10, max_page_size=10)) as server:
        yield server


@pytest.fixture
def records(emulator: EmulatorServer) -> list[dict[str, Any]]:
    """Thirty plain links that the emulator serves and that a test may change in place."""
    links = [
        {"id": number, "name": f"Link {number}", "distance": 1000.0, "last_speed": 36.0, "last_travel_time": 100.0}
        for number in range(30)
    ]
    emulator.state.records = links
    return links


@pytest.fixture
def account(emulator: EmulatorServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Environment variables for the emulator and a SQLite file of the test."""
    config = emulator.config
    variables = {
        "INODE_BASE_URL": emulator.base_url,
        "INODE_USERNAME": config.username,
        "INODE_PASSWORD": config.password,
        "INODE_CLIENT_ID": config.client_id,
        "INODE_CLIENT_SECRET": config.client_secret,
        "INODE_WAREHOUSE_URL": f"sqlite:///{tmp_path / 'data' / 'inode.db'}",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables
