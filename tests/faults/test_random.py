"""Anything in any order: the source changes, the network fails, runs overlap, old dates are loaded again.

After each run that succeeds the tables are exactly what the landed pages say; after each that fails they are what they
were. An analyst who reads meanwhile sees one or the other.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import delete, select

from inode_pipeline.config import Settings
from inode_pipeline.emulator import EmulatorConfig, EmulatorServer
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import PipelineError, TransientError
from inode_pipeline.sync import Attempt, land, sync_date
from inode_pipeline.warehouse.engine import Warehouse, reading, transaction
from inode_pipeline.warehouse.receipt import Receipt
from inode_pipeline.warehouse.tables import LOADS, METADATA
from tests.faults.conftest import LOGIN
from tests.faults.fault_proxy import PASSING, SPOILS, FaultProxy
from tests.faults.model import Model, Walk, kept
from tests.faults.tables import Contents, contents, orphans

FIRST_DAY = date(2026, 3, 1)
PAGE_SIZE = 4
MAX_SHRINK = 0.4
SLIPS = ("token revoked", "token expired", "row deleted", "rows swapped", "row inserted in front", "row moved")

PAGINATIONS = ("page", "limit-offset", "cursor", "none")

Accounts = dict[str, tuple[EmulatorServer, FaultProxy, Settings]]


def record(number: int, version: int = 0) -> dict[str, Any]:
    speed = 20.0 + (number * 7 + version * 3) % 60
    return {
        "id": number,
        "name": f"Link {number} as of {version}",
        "distance": 1000.0,
        "last_speed": speed,
        "last_travel_time": 3600.0 / speed,
        "last_updated": (datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=15 * (version // 3))).isoformat(),
        "sample_size": 5,
    }


def number_of(served: Any) -> int | None:
    """The id of a record of the source; None for one that has none."""
    return served["id"] if isinstance(served, dict) and type(served["id"]) is int else None


class Account(RuleBasedStateMachine):
    """An account, its users and its troubles; bound to a warehouse and to servers by `bound`."""

    warehouse: Warehouse
    accounts: Accounts
    numbers = itertools.count()

    @initialize(pagination=st.sampled_from(PAGINATIONS), links=st.integers(1, 12))
    def open(self, pagination: str, links: int) -> None:
        with transaction(self.warehouse) as connection:
            for table in reversed(METADATA.sorted_tables):
                connection.execute(delete(table))
        self.server, self.proxy, self.settings = self.accounts[pagination]
        self.pagination = pagination
        self.state = self.server.state
        self.state.records = [record(number) for number in range(links)]
        self.removed: list[Any] = []
        self.version = 0
        self.today = FIRST_DAY
        self.model = Model()
        self.landed: dict[str, date] = {}
        self.before: Contents = contents(self.warehouse)

    # The source

    @rule()
    def insert(self) -> None:
        self.state.records.append(record(100 + next(self.numbers)))

    @precondition(lambda self: self.state.records)
    @rule(choice=st.integers(0, 1000))
    def update(self, choice: int) -> None:
        self.version += 1
        place = choice % len(self.state.records)
        if (number := number_of(self.state.records[place])) is not None:
            self.state.records[place] = record(number, self.version)

    @precondition(lambda self: self.state.records)
    @rule(choice=st.integers(0, 1000))
    def delete(self, choice: int) -> None:
        self.removed.append(self.state.records.pop(choice % len(self.state.records)))

    @precondition(lambda self: self.removed)
    @rule()
    def bring_back(self) -> None:
        self.state.records.append(self.removed.pop(0))

    @precondition(lambda self: self.state.records)
    @rule(choice=st.integers(0, 1000), has_id=st.booleans())
    def poison(self, choice: int, has_id: bool) -> None:
        """A record that cannot be typed, and one whose id cannot be read either."""
        place = choice % len(self.state.records)
        if (number := number_of(self.state.records[place])) is not None:
            flaw = {"last_speed": float("nan")} if has_id else {"id": True}
            self.state.records[place] = json.dumps({**record(number), **flaw}).encode()

    @rule()
    def cure(self) -> None:
        served = self.state.records
        fresh = [json.loads(one) if isinstance(one, bytes) else one for one in served]
        self.state.records = [
            one if one["last_speed"] == one["last_speed"] else record(one["id"])
            for one in fresh
            if one["id"] is not True
        ]

    @rule(days=st.integers(1, 2))
    def night(self, days: int) -> None:
        self.today += timedelta(days=days)

    # Runs

    @rule(
        spoils=st.dictionaries(st.integers(1, 6), st.sampled_from(sorted(SPOILS)), max_size=2),
        slip=st.none() | st.tuples(st.sampled_from(SLIPS), st.integers(1, 4), st.integers(0, 1000)),
        allow_shrink=st.sampled_from([False, False, False, True]),
    )
    def sync(self, spoils: dict[int, str], slip: tuple[str, int, int] | None, allow_shrink: bool) -> None:
        always_there = self._numbers()
        may_fail = self._may_fail(spoils, slip, allow_shrink=allow_shrink)
        self._prepare(spoils, slip)
        receipts = self._watched(lambda: self._run(allow_shrink=allow_shrink), may_fail=may_fail)
        always_there &= self._numbers()
        if receipts is not None:
            event("a sync succeeded" + (" under a slip" if slip else "") + (" under faults" if spoils else ""))
            if slip is None or slip[0] != "rows swapped":
                kept(self.model, always_there if self.model.walks else set())
            else:
                kept(self.model, always_there & self._was_present)

    @rule(spoils=st.dictionaries(st.integers(1, 6), st.sampled_from(sorted(PASSING)), max_size=1))
    def only_land(self, spoils: dict[int, str]) -> None:
        """The run dies between landing and loading; a later load of the date is one of the past."""
        self._prepare(spoils, None)
        self._watched(self._land, may_fail=True)

    @precondition(lambda self: any(day < self.today for day in self.landed.values()))
    @rule(choice=st.integers(0, 1000), allow_shrink=st.booleans())
    def replay(self, choice: int, allow_shrink: bool) -> None:
        days = sorted({day for day in self.landed.values() if day < self.today})
        day = days[choice % len(days)]
        self.proxy.begin()
        self._watched(lambda: self._run(day, allow_shrink=allow_shrink), may_fail=True)
        assert self.proxy.gets == 0, "an earlier date never asks the API"

    @rule(spoils=st.dictionaries(st.integers(1, 6), st.sampled_from(sorted(PASSING)), max_size=1))
    def two_syncs_at_once(self, spoils: dict[int, str]) -> None:
        may_fail = self._may_fail(spoils, None, allow_shrink=False)
        self._prepare(spoils, None)

        def both() -> list[Receipt]:
            with ThreadPoolExecutor(2) as pool:
                runs = [pool.submit(self._run) for _ in range(2)]
            receipts = []
            problems = []
            for one in runs:
                try:
                    receipts += one.result()
                except PipelineError as problem:
                    problems.append(problem)
            if problems and not receipts:
                raise problems[0]
            assert all(isinstance(problem, TransientError) for problem in problems), problems
            return receipts

        self._watched(both, may_fail=may_fail, is_watched=False)

    # The means

    def _run(self, day: date | None = None, *, allow_shrink: bool = False) -> list[Receipt]:
        return sync_date(
            self.settings,
            self.warehouse,
            LINKS,
            day or self.today,
            today=self.today,
            attempt=Attempt(f"run-{next(self.numbers)}", "person"),
            allow_shrink=allow_shrink,
        )

    def _land(self) -> list[Receipt]:
        walk = land(self.settings, self.warehouse, LINKS, f"run-{next(self.numbers)}", snapshot_date=self.today)
        self.landed[walk.walk_id] = walk.snapshot_date
        return []

    def _numbers(self) -> set[str]:
        numbers = map(number_of, self.state.records)
        return {str(number) for number in numbers if number is not None}

    def _may_fail(self, spoils: dict[int, str], slip: object, *, allow_shrink: bool) -> bool:
        served = self.state.records
        flawed = sum(not isinstance(one, dict) for one in served)
        there, present = self._numbers(), self.model.present()
        rejected = {str(json.loads(one)["id"]) for one in served if isinstance(one, bytes)}
        is_shrunk = not allow_shrink and len(present - there - rejected) > MAX_SHRINK * len(present)
        return bool(
            slip
            or not set(spoils.values()) <= set(PASSING)
            or is_shrunk
            or flawed > 0.5 * len(served)
            or not (there or rejected)
        )

    def _prepare(self, spoils: dict[int, str], slip: tuple[str, int, int] | None) -> None:
        self._was_present = self.model.present()
        self.proxy.begin({page: SPOILS[name] for page, name in spoils.items()})
        self.state.pages_served = 0
        self.state.on_page = None if slip is None else lambda page: self._slip(page, *slip)

    def _slip(self, page: int, kind: str, at: int, choice: int) -> None:
        records = self.state.records
        if page != at:
            return
        if kind == "token revoked":
            self.state.revoke_tokens()
        elif kind == "token expired":
            self.state.expire_tokens()
        elif kind == "row inserted in front":
            records.insert(0, record(5000 + next(self.numbers)))
        elif records:
            taken = records.pop(choice % len(records))
            if kind == "row moved":
                records.append(taken)
            elif kind == "rows swapped":
                records.append(record(7000 + next(self.numbers)))

    def _watched(
        self, run: Callable[[], list[Receipt]], *, may_fail: bool, is_watched: bool = True
    ) -> list[Receipt] | None:
        """Run, with an analyst who reads meanwhile, and hold the tables against the model afterwards."""
        analyst = Analyst(self.warehouse)
        receipts: list[Receipt] | None = None
        try:
            with analyst:
                receipts = run()
        except PipelineError as problem:
            event(f"stopped: {problem.kind}")
            if not may_fail:
                raise
        self._take_up(receipts or [], is_failed=receipts is None)
        after = contents(self.warehouse)
        if receipts is None and not self._loaded_in_failure:
            assert self.before == after
        if is_watched and len(receipts or []) <= 1 and not self._loaded_in_failure:
            assert all(seen in (self.before, after) for seen in analyst.seen)
        self.before = after
        self.model.check(self.warehouse)
        return receipts

    def _take_up(self, receipts: list[Receipt], *, is_failed: bool) -> None:
        """Enter the loaded walks into the model; a range that failed at a later walk has loaded the earlier."""
        loaded = {receipt.walk_id: receipt.snapshot_date for receipt in receipts}
        self._loaded_in_failure = False
        if is_failed:
            extra = loaded_walks(self.warehouse) - self.model.walks.keys()
            self._loaded_in_failure = bool(extra)
            loaded |= {walk_id: self.landed[walk_id] for walk_id in extra}
        for walk_id, day in loaded.items():
            self.landed[walk_id] = day
            self.model.walks[walk_id] = Walk.landed(self.warehouse, walk_id)
        for receipt in receipts:
            assert receipt.balance == 0
        assert loaded_walks(self.warehouse) == set(self.model.walks)
        assert orphans(self.warehouse) == 0


def bound(warehouse: Warehouse, accounts: Accounts) -> type[Account]:
    return type("BoundAccount", (Account,), {"warehouse": warehouse, "accounts": accounts})


class Analyst:
    """Reads all tables again and again, in one transaction each time, while something runs."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self.seen: list[Contents] = []
        self.problem: BaseException | None = None

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        assert self.problem is None, self.problem

    def _read(self) -> None:
        try:
            while not self._is_over.wait(0.02):
                found = contents(self._warehouse)
                if not self.seen or found != self.seen[-1]:
                    self.seen.append(found)
        except PipelineError as problem:
            self.problem = problem


def loaded_walks(warehouse: Warehouse) -> set[str]:
    with reading(warehouse) as connection:
        return set(connection.scalars(select(LOADS.c.walk_id)))


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Accounts]:
    """An account of each kind of paging, each behind a proxy that spoils answers."""
    opened = {}
    with ExitStack() as stack:
        for pagination in PAGINATIONS:
            config = EmulatorConfig(pagination=pagination, page_size=PAGE_SIZE, max_page_size=PAGE_SIZE)
            server = stack.enter_context(EmulatorServer(config))
            proxy = FaultProxy(server.base_url)
            stack.callback(proxy.close)
            for name, value in LOGIN.items():
                monkeypatch.setenv(name, value)
            monkeypatch.setenv("INODE_BASE_URL", proxy.base_url)
            monkeypatch.setenv("INODE_PAGE_SIZE", str(PAGE_SIZE))
            monkeypatch.setenv("INODE_MAX_SHRINK_FRACTION", str(MAX_SHRINK))
            monkeypatch.setenv("INODE_MAX_REJECTED_FRACTION", "0.5")
            monkeypatch.setenv("INODE_WALK_DEADLINE_S", "20")
            opened[pagination] = server, proxy, Settings.load(dotenv=False)
        yield opened


def explored(*, examples: int, steps: int, derandomize: bool) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=derandomize,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.slow
def test_anything_in_any_order_leaves_the_tables_right_or_as_they_were(
    warehouse: Warehouse, accounts: Accounts
) -> None:
    """A few sequences, the same ones each time."""
    bounds = explored(examples=15, steps=12, derandomize=True)
    run_state_machine_as_test(bound(warehouse, accounts), settings=bounds)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_anything_in_any_order_leaves_the_tables_right_or_as_they_were_at_length(
    warehouse: Warehouse, accounts: Accounts
) -> None:
    """Hundreds of sequences, others each time."""
    bounds = explored(examples=500, steps=20, derandomize=False)
    run_state_machine_as_test(bound(warehouse, accounts), settings=bounds)
