"""Loads in processes of their own: killed at any step, and several at once."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("load_process.py")


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The script, ready for its first line."""
    command = [sys.executable, str(SCRIPT), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        try:
            assert started.stdout is not None
            assert started.stdout.readline() == "ready\n"
            yield started
        finally:
            started.kill()


def say(started: subprocess.Popen[str], line: str) -> None:
    assert started.stdin is not None
    started.stdin.write(f"{line}\n")
    started.stdin.flush()


def answer(started: subprocess.Popen[str]) -> str:
    assert started.stdout is not None
    return started.stdout.readline().strip()


@pytest.mark.slow
def test_m59_a_load_killed_at_any_step_is_done_as_a_whole_or_not_at_all(loader: Any, migrated_url: str) -> None:
    """SIGKILL before each statement and before the commit in turn: every next load succeeds without a cleaning."""
    loader.load(0, {str(number): 0 for number in range(20)})
    loader.land(1)
    before = (loader.rows(), loader.rejects(), loader.loads())
    with process(migrated_url, "kill") as loading:
        for step in itertools.count():
            say(loading, str(step))
            assert answer(loading) in ("killed", "done")
            if before != (loader.rows(), loader.rejects(), loader.loads()):
                break
    assert step > 20
    assert {1.0} == {row["length_m"] for row in loader.rows().values()}
    assert ["rejected"] == [row["link_id"] for row in loader.rejects()]
    assert ["the-load"] == [row["load_id"] for row in loader.loads()[1:]]


@pytest.mark.slow
def test_m63_loads_of_two_processes_never_overlap(loader: Any, migrated_url: str) -> None:
    """Both finish, every walk is loaded once, and no load began before the one before it had finished."""
    first, second = ["1", "4", "5", "8", "9"], ["2", "3", "6", "7", "10"]
    with process(migrated_url, "load", *first) as one, process(migrated_url, "load", *second) as other:
        for started in (one, other):
            say(started, "go")
        assert ["done", "done"] == [answer(started) for started in (one, other)]
    loads = loader.loads()
    assert {f"load-{day}" for day in range(1, 11)} == {row["load_id"] for row in loads}
    for earlier, later in itertools.pairwise(loads):
        assert earlier["finished_at"] <= later["started_at"]
    state = loader.state()
    assert (10, 10, None, None) == state["day-10"]
    assert [(day, day, day, day + 1) for day in range(1, 10)] == [state[f"day-{day}"] for day in range(1, 10)]
