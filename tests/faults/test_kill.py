"""The command is killed, as by a power cut, wherever it speaks to the API or to the warehouse, and then run again.

The tables must be those from before or those from after, and the next run must end right without anybody's help.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inode_pipeline.emulator import EmulatorServer
from tests.faults.conftest import LOGIN, Commands, Place
from tests.faults.tables import named_contents, orphans

FEW = 7
AFTERWARDS = ("link_baselines", "calendar")
KILLED = -signal.SIGKILL


class Rehearsal:
    """One change at the source, and what the tables are before and after the sync that brings it."""

    def __init__(self, commands: Commands, emulator: EmulatorServer, place: Place) -> None:
        self._commands = commands
        self._place = place
        self._variables = {**LOGIN, **place.variables, "INODE_BASE_URL": emulator.base_url, "INODE_PAGE_SIZE": "10"}
        self.sync()
        change(emulator.state.records)
        self._put_back = place.keep()
        self.before = self.contents()
        self.sync()
        self.points = len(commands.points)
        self.after = self.contents()
        assert self.before != self.after

    def sync(self, **death: float) -> int:
        code = self._commands.run("sync", variables=self._variables, **death)
        if not death:
            assert code == 0, self._commands.output.read_text()
        return code

    def contents(self) -> Any:
        with self._place.opened() as warehouse:
            return named_contents(warehouse)

    def die(self, **death: float) -> str:
        """Kill a sync in the kept state, and run it once more. Whether the killed one had done its work."""
        self._put_back()
        code = self.sync(**death)
        passed = self._commands.points[-1:]
        found = self.contents()
        states = [without_afterwards(state) for state in (self.before, self.after)]
        assert without_afterwards(found) in states, f"{death} {passed}: neither before nor after"
        self.sync()
        assert self.contents() == self.after, f"{death} {passed}: the next run did not recover"
        with self._place.opened() as warehouse:
            assert orphans(warehouse) == 0, f"{death} {passed}: pages were left behind"
        if code == 0:
            return "survived"
        assert code in (KILLED, -signal.SIGALRM), self._commands.output.read_text()
        return "after" if without_afterwards(found) == states[1] else "before"


def without_afterwards(state: Any) -> Any:
    """The tables of a load. Those of people are completed after its commit, by this sync or by the next."""
    return {table: rows for table, rows in state.items() if table not in AFTERWARDS}


def change(records: list[Any] | None) -> None:
    """One link is renamed, one vanishes, one comes."""
    assert records is not None
    records[3]["name"] = "Renamed"
    gone = records.pop(7)
    records.append({**gone, "id": 10_000_001, "name": "New"})


def every(points: Iterable[int], rehearsal: Rehearsal) -> set[str]:
    return {rehearsal.die(kill_at=point) for point in points}


def ends_from_the_last_point(rehearsal: Rehearsal) -> Iterator[str]:
    """How kills end that come earlier and earlier: a run has some points more or fewer, as its sockets are read."""
    for point in range(rehearsal.points, rehearsal.points // 2, -3):
        yield rehearsal.die(kill_at=point)


@pytest.mark.slow
def test_m59_a_sync_killed_at_any_point_leaves_before_or_after(
    commands: Commands, emulator: EmulatorServer, place: Place
) -> None:
    """Killed at a few points spread over the run, and at one after the commit; the next run needs no help."""
    rehearsal = Rehearsal(commands, emulator, place)
    spread = range(1, rehearsal.points, max(1, rehearsal.points // FEW))
    assert "before" in every(spread, rehearsal)
    assert "after" in ends_from_the_last_point(rehearsal)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_m59_a_sync_killed_at_every_point_leaves_before_or_after(
    commands: Commands, emulator: EmulatorServer, place: Place
) -> None:
    """Killed at each of the hundreds of points of the run."""
    rehearsal = Rehearsal(commands, emulator, place)
    assert rehearsal.points >= 200
    assert {"before", "after"} <= every(range(1, rehearsal.points + 1), rehearsal)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_m59_a_sync_killed_at_any_instant_leaves_before_or_after(
    commands: Commands, emulator: EmulatorServer, place: Place
) -> None:
    """Killed at random instants, which lie within system calls, too."""
    rehearsal = Rehearsal(commands, emulator, place)
    instants = random.Random(59)
    ends = {rehearsal.die(kill_after_s=instants.uniform(0.01, 1.0)) for _ in range(200)}
    assert "before" in ends


@pytest.mark.slow
def test_m59_the_very_first_sync_killed_at_any_point_is_only_run_again(
    commands: Commands, emulator: EmulatorServer, tmp_path: Path
) -> None:
    """Without even a file for the warehouse: killed while it is made and migrated, the next run makes it."""
    url = f"sqlite:///{tmp_path / 'first' / 'inode.db'}"
    variables = {**LOGIN, "INODE_BASE_URL": emulator.base_url, "INODE_WAREHOUSE_URL": url, "INODE_PAGE_SIZE": "10"}
    assert commands.run("sync", variables=variables) == 0
    points = len(commands.points)
    for number, point in enumerate(range(1, points, max(1, points // FEW))):
        folder = tmp_path / f"first-{number}"
        variables["INODE_WAREHOUSE_URL"] = f"sqlite:///{folder / 'inode.db'}"
        assert commands.run("sync", variables=variables, kill_at=point) in (KILLED, 0)
        assert commands.run("sync", variables=variables) == 0, commands.output.read_text()
