"""Samples of several processes at once: landing waits for nobody, loads exclude each other, and the newest wins."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, select

from inode_pipeline.warehouse.engine import reading, transaction
from inode_pipeline.warehouse.exclusive import wait_for_other_loads
from inode_pipeline.warehouse.tables import LINK_FACTS, LOADS, WALKS

SCRIPT = Path(__file__).with_name("sample_process.py")
PATIENCE_S = 60.0

pytestmark = pytest.mark.slow


@contextmanager
def sampler(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process that is ready to take a sample."""
    command = [sys.executable, str(SCRIPT), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert hear(process) == "ready"
            yield process
        finally:
            process.kill()


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> str:
    """What the process says after its pages."""
    while (word := hear(process)) == "page":
        pass
    return word


@contextmanager
def account_of(opened: Callable[..., Any], warehouse: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An account of three pages whose first snapshot is loaded; other processes find it in the environment."""
    monkeypatch.setenv("INODE_WAREHOUSE_URL", warehouse.engine.url.render_as_string(hide_password=False))
    with opened(links=25, page_size=10, max_page_size=10) as account:
        account.sync()
        yield account


def rows(warehouse: Any, table: Table, *columns: str) -> list[tuple[Any, ...]]:
    with reading(warehouse) as connection:
        return [tuple(row) for row in connection.execute(select(*(table.c[name] for name in columns)))]


def test_a_slow_sample_is_overtaken_by_the_next_and_both_are_kept(
    account: Callable[..., Any], warehouse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later one is landed and loaded while the earlier still reads; in the end its values stand, and both count."""
    with account_of(account, warehouse, monkeypatch) as a, sampler("slow", "hold") as slow, sampler("quick") as quick:
        link = a.server.state.records[0]
        link |= {"last_updated": "2026-05-12T13:05:00Z", "last_travel_time": 61.0, "sample_size": 4}
        go(slow)
        assert hear(slow) == "page"
        link |= {"last_updated": "2026-05-12T13:10:00Z", "last_travel_time": 62.0, "sample_size": 5}
        go(quick)
        later = datetime.fromisoformat(end(quick))
        go(slow)
        earlier = datetime.fromisoformat(end(slow))

        assert earlier < later
        loads = rows(warehouse, LOADS, "run_id", "snapshot_at", "is_present")
        assert {load for load in loads if load[0] != "run-0"} == {("quick", later, True), ("slow", earlier, False)}
        link_id = str(link["id"])
        assert a.rows()[link_id]["last_travel_time_s"] == 62.0
        times = rows(warehouse, LINK_FACTS.observations, "link_id", "travel_time_s", "snapshot_at")
        assert {row[1:] for row in times if row[0] == link_id} >= {(61.0, earlier), (62.0, later)}


def test_samples_of_four_processes_at_once_are_four_snapshots(
    account: Callable[..., Any], warehouse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is landed under an instant of its own, and no load began before the one before it had ended."""
    with account_of(account, warehouse, monkeypatch), ExitStack() as stack:
        samplers = [stack.enter_context(sampler(f"sample-{number}")) for number in range(4)]
        for process in samplers:
            go(process)
        instants = {datetime.fromisoformat(end(process)) for process in samplers}

    assert len(instants) == 4
    assert instants < {row[0] for row in rows(warehouse, WALKS, "snapshot_at")}
    spans = sorted(rows(warehouse, LOADS, "started_at", "finished_at"))
    assert len(spans) == 5
    assert all(ended <= begun for (_, ended), (begun, _) in pairwise(spans))


@pytest.mark.parametrize("warehouse_kind", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True)
def test_a_sample_is_landed_while_a_long_load_is_at_work(
    account: Callable[..., Any], warehouse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only its own load waits: the reading is whole before the other load's transaction has ended."""
    with account_of(account, warehouse, monkeypatch), sampler("sample") as process:
        with transaction(warehouse) as connection:
            wait_for_other_loads(warehouse, connection)  # what every load does first
            go(process)
            give_up = time.monotonic() + PATIENCE_S
            while "sample" not in {row[0] for row in rows(warehouse, WALKS, "run_id")}:
                assert time.monotonic() < give_up, "the sample was not landed"
            assert "sample" not in {row[0] for row in rows(warehouse, LOADS, "run_id")}
        datetime.fromisoformat(end(process))
    assert "sample" in {row[0] for row in rows(warehouse, LOADS, "run_id")}
