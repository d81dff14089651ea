"""Faults that need the whole way, from the API to the tables, and more than one run to be seen."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlalchemy import select

from inode_pipeline.config import Settings
from inode_pipeline.emulator import EmulatorConfig, EmulatorServer
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import IncompleteWalkError, TransientError, WarehouseUnavailableError
from inode_pipeline.sync import Attempt, sync_date
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse, reading
from inode_pipeline.warehouse.receipt import Receipt
from inode_pipeline.warehouse.tables import LINKS_TABLE, LOADS
from inode_pipeline.warehouse.walks import walks_on
from tests.conftest import PostgreSQLServer
from tests.faults.conftest import LOGIN, Commands, Place
from tests.faults.fault_proxy import FaultProxy
from tests.faults.gate import Gate
from tests.faults.tables import contents, orphans


@pytest.fixture
def settings_for(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """Settings that lead to an emulator; keywords are settings in lower case."""

    def make(base_url: str, **changes: str) -> Settings:
        values = {**LOGIN, "INODE_BASE_URL": base_url, "INODE_PAGE_SIZE": "10"}
        for name, value in (values | {f"INODE_{name.upper()}": value for name, value in changes.items()}).items():
            monkeypatch.setenv(name, value)
        return Settings.load(dotenv=False)

    return make


def sync(settings: Settings, warehouse: Warehouse, run_id: str = "run", **options: Any) -> Receipt:
    today = datetime.now(settings.zone).date()
    (receipt,) = sync_date(settings, warehouse, LINKS, today, attempt=Attempt(run_id, "person"), **options)
    return receipt


def ids(warehouse: Warehouse) -> set[str]:
    """The links not deleted."""
    with reading(warehouse) as connection:
        return set(connection.scalars(select(LINKS_TABLE.c.link_id).where(LINKS_TABLE.c.deleted_at.is_(None))))


def source_ids(emulator: EmulatorServer) -> set[str]:
    return {str(record["id"]) for record in emulator.state.records or []}


def a_record_less(answer: bytes) -> bytes:
    """A whole JSON page that lacks its last record, in an answer without a length: the connection's end is its end."""
    head, _, body = answer.partition(b"\r\n\r\n")
    page = json.loads(body)
    page["results"] = page["results"][:-1]
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"content-length", b"transfer-"))]
    return b"\r\n".join(lines) + b"\r\n\r\n" + json.dumps(page).encode()


@pytest.fixture
def proxy(emulator: EmulatorServer) -> Iterator[FaultProxy]:
    between = FaultProxy(emulator.base_url)
    yield between
    between.close()


def test_m04_a_page_cut_at_a_valid_end_is_noticed_by_the_count(
    emulator: EmulatorServer, proxy: FaultProxy, warehouse: Warehouse, settings_for: Callable[..., Settings]
) -> None:
    """Once: the list is walked again, on a first load and later. Every time: the run stops and nothing changes."""
    settings = settings_for(proxy.base_url)
    for page in (2, 4):
        proxy.begin({page: a_record_less})
        assert sync(settings, warehouse).received == len(source_ids(emulator))
        assert source_ids(emulator) == ids(warehouse)
    before = contents(warehouse)
    proxy.begin({page: a_record_less for page in range(1, 100) if page % 4 == 2})
    with pytest.raises(IncompleteWalkError):
        sync(settings, warehouse)
    assert before == contents(warehouse)
    assert orphans(warehouse) == 0


@pytest.fixture
def gated(postgresql_server: PostgreSQLServer, postgresql_database: str) -> Iterator[Callable[[], tuple[Gate, str]]]:
    gates: list[Gate] = []

    def make() -> tuple[Gate, str]:
        gate = Gate(postgresql_server.port)
        gates.append(gate)
        url = postgresql_server.url(postgresql_database)
        return gate, url.replace(f":{postgresql_server.port}/", f":{gate.port}/")

    yield make
    for gate in gates:
        gate.close()


@pytest.mark.postgresql
def test_m50_a_database_that_goes_away_between_landing_and_loading_is_waited_for(
    emulator: EmulatorServer,
    gated: Callable[[], tuple[Gate, str]],
    settings_for: Callable[..., Settings],
) -> None:
    """Back after a second: the load is done from what was landed. Away for longer: it stops, and a retry loads it."""
    from inode_pipeline.warehouse.migrate import migrate

    gate, url = gated()
    settings = settings_for(emulator.base_url, warehouse_url=url)
    with open_warehouse(settings, lock_wait_s=5) as warehouse:
        migrate(warehouse)
        sync(settings, warehouse)
        emulator.state.records[0]["name"] = "Renamed"

        def leave(step: Any, back_after_s: float | None) -> None:
            if step.kind == "page" and step.done == 40:
                threading.Thread(target=away, args=(back_after_s,), daemon=True).start()

        def away(back_after_s: float | None) -> None:
            while not walks_of_today():
                time.sleep(0.005)
            gate.shut()
            if back_after_s is not None:
                time.sleep(back_after_s)
                gate.reopen()

        def walks_of_today() -> bool:
            return len(walks_on(warehouse, LINKS.name, datetime.now(UTC).date())) > landed

        landed = 1
        with_pause = sync(settings, warehouse, "short", listen=lambda step: leave(step, 0.5))
        assert with_pause.updated + with_pause.unchanged == 40

        emulator.state.records[1]["name"] = "Renamed, too"
        landed = 2
        with pytest.raises(WarehouseUnavailableError):
            sync(settings, warehouse, "long", listen=lambda step: leave(step, None))
        gate.reopen()
        emulator.state.requests.clear()
        today = datetime.now(UTC).date()
        attempt = Attempt("again", "person", retry_of="long")
        (receipt,) = sync_date(settings, warehouse, LINKS, today, attempt=attempt)
        assert (receipt.updated, emulator.state.requests) == (1, [])


def test_m57_more_values_than_a_statement_takes_are_loaded_at_once(
    warehouse: Warehouse, settings_for: Callable[..., Settings]
) -> None:
    """Thirty-five hundred links in one answer: 80,000 values."""
    with EmulatorServer(EmulatorConfig(links=3500, pagination="none")) as server:
        server.state.freeze()
        settings = settings_for(server.base_url)
        assert sync(settings, warehouse).inserted == 3500
        assert sync(settings, warehouse).unchanged == 3500
        assert source_ids(server) == ids(warehouse)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_m57_a_hundred_thousand_links_are_synced_in_bounded_memory(
    commands: Commands, place: Place, settings_for: Callable[..., Settings]
) -> None:
    """The process may take a gigabyte of addresses beyond what it has after its imports, and keeps half of it."""
    with EmulatorServer(EmulatorConfig(links=100_000, max_page_size=1000)) as server:
        server.state.freeze()
        variables = {**LOGIN, **place.variables, "INODE_BASE_URL": server.base_url}
        for _ in range(2):
            pid = commands.start("sync", variables=variables)
            peak = 0
            while (status := Path(f"/proc/{pid}/status")).exists():
                found = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
                if not found:
                    break
                peak = max(peak, int(found[0].split()[1]))
                time.sleep(0.1)
            assert commands.wait() == 0, commands.output.read_text()
            assert peak < 800_000, f"{peak} kB"
        with place.opened() as warehouse:
            assert len(ids(warehouse)) == 100_000


def stops_or_ends(pid: int) -> None:
    """Wait until a signal has stopped the process, or until it has ended before it came so far."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return
        if stat.rpartition(")")[2].split()[0] in "TZ":
            return
        time.sleep(0.005)
    pytest.fail("it neither stops nor ends")


@pytest.mark.slow
def test_m65_a_run_that_sleeps_while_a_newer_one_loads_never_wins(
    commands: Commands, emulator: EmulatorServer, place: Place, settings_for: Callable[..., Settings]
) -> None:
    """Stopped anywhere, with or without its locks: what it brings late is older and stays so."""
    variables = {**LOGIN, **place.variables, "INODE_BASE_URL": emulator.base_url, "INODE_PAGE_SIZE": "10"}
    settings = settings_for(emulator.base_url, warehouse_url=place.url)
    assert commands.run("sync", variables=variables) == 0
    commands.run("sync", variables=variables)
    points = len(commands.points)
    put_back = place.keep()
    superseded = 0
    for stop_at in range(points // 3, points, points // 6):
        put_back()
        emulator.state.records[0]["name"] = f"Older {stop_at}"
        pid = commands.start("sync", "--json", variables=variables, stop_at=stop_at)
        stops_or_ends(pid)
        emulator.state.records[0]["name"] = f"Newer {stop_at}"
        key = str(emulator.state.records[0]["id"])
        with open_warehouse(settings, lock_wait_s=1) as warehouse:
            try:
                sync(settings, warehouse, "newer")
                has_loaded = True
            except TransientError:  # the sleeper holds the one lock
                has_loaded = False
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
            code = commands.wait()
            assert code in (0, 3), commands.output.read_text()
            if code == 0:
                receipt = json.loads(commands.output.read_text().splitlines()[0])
                superseded += receipt["superseded"] > 0
            if not has_loaded:
                sync(settings, warehouse, "newer again")
            with reading(warehouse) as connection:
                name = connection.scalar(select(LINKS_TABLE.c.name).where(LINKS_TABLE.c.link_id == key))
        assert name == f"Newer {stop_at}"
    assert superseded > 0


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    with time_machine.travel(moment, tick=True):
        yield


@pytest.mark.parametrize(
    ("zone", "month_day"),
    [
        ("Europe/Berlin", (3, 29)),
        ("Europe/Berlin", (10, 25)),
        ("America/New_York", (3, 8)),
        ("America/New_York", (11, 1)),
    ],
)
def test_m66_a_walk_belongs_to_exactly_one_date_on_the_days_of_a_clock_change(
    zone: str,
    month_day: tuple[int, int],
    emulator: EmulatorServer,
    warehouse: Warehouse,
    settings_for: Callable[..., Settings],
) -> None:
    """A second before and after each midnight, and in the hours around the change, of a day with 23 or 25 hours."""
    settings = settings_for(emulator.base_url, timezone=zone)
    local = ZoneInfo(zone)
    midnight = datetime(2026, *month_day, tzinfo=local)
    next_midnight = midnight + timedelta(days=1)  # wall-clock arithmetic: the same zone, 23 to 25 hours on
    second = timedelta(seconds=1)
    moments = [midnight.astimezone(UTC) - 3 * second, midnight.astimezone(UTC) + second]
    moments += [midnight.astimezone(UTC) + timedelta(hours=hour, minutes=30) for hour in (0, 1, 2, 3)]
    moments += [next_midnight.astimezone(UTC) - 3 * second, next_midnight.astimezone(UTC) + second]
    for number, moment in enumerate(moments):
        with at(moment):
            receipt = sync(settings, warehouse, f"run-{number}")
        assert receipt.snapshot_date == moment.astimezone(local).date()
    day = midnight.date()
    counts = [len(walks_on(warehouse, LINKS.name, day + timedelta(days=shift))) for shift in (-1, 0, 1)]
    assert counts == [1, 6, 1]
    with reading(warehouse) as connection:
        assert len(connection.scalars(select(LOADS.c.walk_id)).all()) == len(moments)


def test_m66_a_run_that_passes_midnight_keeps_the_date_it_began_on(
    emulator: EmulatorServer, warehouse: Warehouse, settings_for: Callable[..., Settings]
) -> None:
    """The first page is asked for before midnight and the last one after it."""
    settings = settings_for(emulator.base_url, timezone="Europe/Berlin", concurrency="1")
    before = datetime(2026, 3, 28, 22, 59, 59, tzinfo=UTC)
    with time_machine.travel(before, tick=False) as clock:
        emulator.state.on_page = lambda page: clock.shift(timedelta(seconds=5))
        receipt = sync(settings, warehouse)
    assert str(receipt.snapshot_date) == "2026-03-28"
