"""The commands of docs/deploy-postgresql.md and docs/deploy-celery.md do what the pages say, word by word.

Left out are those that need root, another machine or a download; addresses, ports and folders are the test's own.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from inode_pipeline.config import LocalSettings
from inode_pipeline.emulator import EmulatorConfig, EmulatorServer
from inode_pipeline.warehouse.tables import LINKS_TABLE
from tests.operating.processes import ROOT, free_port, wait_for
from tests.operating.running import Deployment
from tests.operating.workers import running_redis
from tests.postgresql import PostgreSQLServer, running_postgresql

pytestmark = [pytest.mark.soak, pytest.mark.postgresql, pytest.mark.timeout(1200)]

LEFT_OUT = ("make demo", ".venv/bin/pip install", "sudo ", "printf ", "scp ")
LINKS = 25


def commands(page: str) -> list[str]:
    """Each block of commands of a page, in order, without the commands that are left out."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs" / page).read_text(), re.MULTILINE | re.DOTALL)
    return ["".join(line for line in block.splitlines(True) if not line.startswith(LEFT_OUT)) for block in blocks]


class Machine:
    """A checkout with its folders in one place, in which the commands of a page are run."""

    def __init__(self, folder: Path, changes: Mapping[str, str], variables: Mapping[str, str]) -> None:
        self.checkout = folder / "checkout"
        self.checkout.mkdir(parents=True)
        for name in ("sql", "workspace.yaml"):
            (self.checkout / name).symlink_to(ROOT / name)
        (self.checkout / ".venv").symlink_to(Path(sys.prefix))
        shutil.copytree(ROOT / "deploy", self.checkout / "deploy", ignore=shutil.ignore_patterns("__pycache__"))
        self._changes = {**changes, "/var/lib/inode-pipeline": str(folder / "lib")}
        for file in (self.checkout / "deploy").glob("*.yaml"):
            file.write_text(self._ours(file.read_text()))
        self.home = folder / "lib/dagster"
        others = {k: v for k, v in os.environ.items() if not k.startswith(("INODE_", "DAGSTER_", "PG"))}
        self._environment = others | dict(variables) | {"HOME": str(folder)}

    def run(self, *blocks: str) -> subprocess.Popen[bytes]:
        """Run the blocks one after the other in one shell, which waits for what it has started."""
        script = "\n".join(["set -e", *map(self._ours, blocks), "wait"])
        with (self.checkout / "log").open("ab") as log:
            return subprocess.Popen(
                ["bash", "-c", script],
                cwd=self.checkout,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _ours(self, text: str) -> str:
        for theirs, ours in self._changes.items():
            text = text.replace(theirs, ours)
        return text


@contextmanager
def at_work(machine: Machine, *blocks: str) -> Iterator[None]:
    """Run the blocks; the processes that they leave are ended afterwards."""
    shell = machine.run(*blocks)
    try:
        yield
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()


@pytest.fixture
def server() -> Iterator[PostgreSQLServer]:
    """A server of its own, since the pages name databases and roles."""
    with running_postgresql() as server:
        yield server


@pytest.fixture
def account() -> Iterator[EmulatorServer]:
    """The account of the pages."""
    with EmulatorServer(EmulatorConfig(links=LINKS, page_size=10, max_page_size=10)) as server:
        yield server


@pytest.fixture
def first(server: PostgreSQLServer, account: EmulatorServer, tmp_path: Path) -> tuple[Machine, dict[str, str], str]:
    """The machine of the pages, what is other here than there, and the address of its webserver."""
    port = free_port()
    key = f"demo-api-key\nINODE_BASE_URL={account.base_url}"
    changes = {"your-key": key, "port: 5432": f"port: {server.port}", "4266": str(free_port()), "-p 3000": f"-p {port}"}
    path = f"{server.programs}:{os.environ['PATH']}"
    superuser = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "postgres", "PATH": path}
    return Machine(tmp_path / "first", changes, superuser), changes, f"http://127.0.0.1:{port}"


def loads_today(address: str, server: PostgreSQLServer) -> None:
    """A run of today, started as the page of the job does it, ends well and fills the table."""
    wait_for("the webserver", lambda: httpx.get(f"{address}/server_info").is_success, 300)
    warehouse = LocalSettings(warehouse_url=server.url("inode", "inode_loader"), _env_file=None)
    running: Any = Deployment(address, warehouse, None)  # type: ignore[arg-type]  # its processes are the shell's
    run = running.launch(datetime.now(ZoneInfo("America/Toronto")).date())
    assert running.end_of(run, 400) == "SUCCESS"
    assert len(running.rows(LINKS_TABLE, "link_id")) == LINKS


def test_the_page_about_postgresql(first: Any, server: PostgreSQLServer) -> None:
    """From two empty databases to a run that is green; neither role reads the other's database."""
    machine, _, address = first
    with at_work(machine, *commands("deploy-postgresql.md")):
        loads_today(address, server)
    denied = "SELECT has_table_privilege('{}', '{}', 'SELECT')"
    assert server.execute(denied.format("dagster", "inode.links"), "inode") == [(False,)]
    assert server.execute(denied.format("inode_loader", "runs"), "dagster") == [(False,)]


def test_the_page_about_celery(first: Any, server: PostgreSQLServer, tmp_path: Path) -> None:
    """The run is executed by the worker, which has nothing but a checkout and three files of the first machine."""
    machine, changes, address = first
    before, processes = commands("deploy-postgresql.md")[:-2], commands("deploy-postgresql.md")[-2]
    _, more, worker, _ = commands("deploy-celery.md")
    with ExitStack() as stack:
        redis = stack.enter_context(running_redis(tmp_path / "redis", "--requirepass", "redis-secret"))
        machine._changes["redis://:redis-secret@10.0.0.1:6379/0"] = redis.url.replace("//", "//:redis-secret@")
        stack.enter_context(at_work(machine, *before, more, processes))
        wait_for("the webserver", lambda: httpx.get(f"{address}/server_info").is_success, 300)
        second = Machine(tmp_path / "second", changes, {"PGPORT": str(server.port)})
        second.home.mkdir(parents=True)
        shutil.copy(machine.checkout / ".env", second.checkout)  # the page's scp
        for name in ("dagster.yaml", "dagster.env"):
            shutil.copy(machine.home / name, second.home)
        stack.enter_context(at_work(second, worker))
        loads_today(address, server)
        assert "succeeded in" in (second.checkout / "log").read_text()
        kept = (tmp_path / "redis/appendonlydir").glob("*")
        assert not any(secret in file.read_bytes() for file in kept for secret in (b"dagster-secret", b"demo-api-key"))
