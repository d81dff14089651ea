"""Whatever breaks during a load: the tables are as before or as after, and what the run says is true."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, event, make_url, select, update

from inode_pipeline.config import LocalSettings
from inode_pipeline.errors import (
    AlreadyRunningError,
    DeadlockError,
    LockedError,
    SchemaConflictError,
    WarehouseUnavailableError,
)
from inode_pipeline.warehouse import exclusive
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse, transaction
from inode_pipeline.warehouse.merge import MergeRules
from inode_pipeline.warehouse.tables import LINKS_TABLE, LOADS

FIVE = {"a": 0, "b": 0, "c": 0, "d": 0, "e": 0}
NEXT = {"a": 1, "b": 1, "c": 0, "d": 0, "new": 1}

only_postgresql = pytest.mark.parametrize(
    "warehouse_kind", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)
only_sqlite = pytest.mark.parametrize("warehouse_kind", ["sqlite"], indirect=True)


def everything(loader: Any) -> tuple[Any, ...]:
    return loader.rows(), loader.rejects(), loader.loads()


@contextmanager
def opened(url: str, lock_wait_s: float = 5) -> Iterator[Warehouse]:
    """The same warehouse as another process would open it."""
    with open_warehouse(LocalSettings(warehouse_url=url, _env_file=None), lock_wait_s=lock_wait_s) as warehouse:
        yield warehouse


@contextmanager
def at_statement(engine: Engine, number: int, act: Callable[[Any], None]) -> Iterator[list[str]]:
    """Call `act` just before the engine's statement of that number, from 0; yields the statements seen."""
    seen: list[str] = []

    def before(_connection: Any, cursor: Any, statement: str, *_: object) -> None:
        seen.append(statement)
        if len(seen) == number + 1:
            act(cursor.connection)

    event.listen(engine, "before_cursor_execute", before)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", before)


class CommitProxy:
    """Stands between client and server, and once armed breaks the client's connection at the next COMMIT.

    `forward_after_s`: when the server gets the COMMIT nevertheless; None: never.
    """

    def __init__(self, port: int, forward_after_s: float | None) -> None:
        self.forward_after_s = forward_after_s
        self.is_armed = False
        self.broken = 0
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept nobody any more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server))
                threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, is_client: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if is_client and self.is_armed and b"COMMIT" in data:
                    self.is_armed, self.broken = False, self.broken + 1
                    source.shutdown(socket.SHUT_RDWR)
                    if self.forward_after_s is None:
                        break
                    time.sleep(self.forward_after_s)
                    sink.sendall(data)
                    time.sleep(0.2)
                    break
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextmanager
def behind_proxy(url: str, forward_after_s: float | None) -> Iterator[tuple[Warehouse, CommitProxy]]:
    address = make_url(url)
    with (
        closing(CommitProxy(address.port or 5432, forward_after_s)) as proxy,
        opened(str(address.set(port=proxy.port))) as warehouse,
    ):
        yield warehouse, proxy


@only_postgresql
@pytest.mark.parametrize("delay_s", [0.0, 1.0])
def test_m48_a_commit_whose_answer_is_lost_is_no_failure(loader: Any, migrated_url: str, delay_s: float) -> None:
    """The load finds its own row and reports success, even if the server was still to begin with the commit."""
    walk = loader.land(0)
    with behind_proxy(migrated_url, delay_s) as (loader.warehouse, proxy):
        receipt = load_armed(loader, walk, proxy)
        assert proxy.broken == 1
        assert [row["load_id"] for row in loader.loads()] == ["the-load"]
        assert set(FIVE) == set(loader.rows())
        assert receipt.inserted == 5


@only_postgresql
def test_m48_a_commit_that_never_arrived_is_a_failure(loader: Any, migrated_url: str) -> None:
    """No row of the load is there, so the run fails, and trying again is all that is needed."""
    walk = loader.land(0)
    with behind_proxy(migrated_url, None) as (loader.warehouse, proxy):
        with pytest.raises(WarehouseUnavailableError):
            load_armed(loader, walk, proxy)
        assert proxy.broken == 1
        assert everything(loader) == ({}, [], [])
        with loader.loading(walk) as load:
            assert loader.merge(load, FIVE).inserted == 5


@only_postgresql
def test_m48_a_database_that_stays_away_leaves_the_question_open(
    loader: Any, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says that the load is done as a whole or not at all."""
    monkeypatch.setattr(exclusive, "RETRY_PAUSE_S", 0.05)
    walk = loader.land(0)
    with (
        behind_proxy(migrated_url, 0.0) as (loader.warehouse, proxy),
        opened_for(0.3, loader),
        pytest.raises(WarehouseUnavailableError, match="as a whole or not at all"),
    ):
        load_armed(loader, walk, proxy, and_then=proxy.close)


def load_armed(loader: Any, walk: Any, proxy: CommitProxy, and_then: Callable[[], None] = lambda: None) -> Any:
    """Load five links; the answer to the commit will be lost."""
    with loader.loading(walk, "the-load") as load:
        receipt = loader.merge(load, FIVE)
        proxy.is_armed = True
        and_then()
    return receipt


@contextmanager
def opened_for(lock_wait_s: float, loader: Any) -> Iterator[None]:
    """The loader's warehouse with less patience."""
    patient = loader.warehouse
    loader.warehouse = Warehouse(patient.engine, patient.schema, patient.place, lock_wait_s)
    try:
        yield
    finally:
        loader.warehouse = patient


@pytest.mark.slow
@only_postgresql
def test_m47_a_connection_killed_at_any_statement_changes_nothing(
    loader: Any, migrated_url: str, postgresql_server: Any
) -> None:
    """At each statement of a load in turn the server ends the session; the next try succeeds without a cleaning."""
    loader.load(0, FIVE)
    before = everything(loader)
    walk = loader.land(1)

    def kill(session: psycopg.Connection) -> None:
        postgresql_server.execute(f"SELECT pg_terminate_backend({session.info.backend_pid})")

    for number in range(100):
        with at_statement(loader.warehouse.engine, number, kill) as seen:
            try:
                with loader.loading(walk) as load:
                    loader.merge(load, NEXT, ["e"])
            except WarehouseUnavailableError:
                pass
            else:
                break
        assert before == everything(loader), f"statement {number}: {seen[-1]}"
    assert len(seen) == number > 15
    assert set(FIVE) | {"new"} == set(loader.rows())


@only_postgresql
def test_m49_a_lost_deadlock_is_worth_another_try(loader: Any, postgresql_server: Any, migrated_url: str) -> None:
    """Another writer that takes the rows the other way round costs one try, and nothing else."""
    loader.load(0, FIVE)
    before = everything(loader)
    walk = loader.land(1)
    with closing(postgresql_server.connect(make_url(migrated_url).database)) as other:
        other.execute("SET deadlock_timeout = '1min'; BEGIN")
        other.execute("UPDATE inode.links SET name = name WHERE link_id = 'b'")
        crossing = threading.Thread(target=take_first_row, args=(other, postgresql_server))
        crossing.start()
        with pytest.raises(DeadlockError) as caught, loader.loading(walk) as load:
            loader.merge(load, NEXT, ["e"])
        crossing.join()
        other.execute("ROLLBACK")
    assert caught.value.retryable
    assert before == everything(loader)
    assert loader.load(1, NEXT, ["e"]).updated == 2


def take_first_row(other: psycopg.Connection, server: Any) -> None:
    """Once the load waits for the other writer's row, want the row that the load has."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    until = time.monotonic() + 10
    while server.execute(waiting) == [(0,)] and time.monotonic() < until:
        time.sleep(0.01)
    other.execute("UPDATE inode.links SET name = name WHERE link_id = 'a'")


def test_m52_a_lock_that_stays_ends_the_load_in_time(loader: Any, migrated_url: str) -> None:
    """Another session's write lock is waited for as long as was said, then the load stops with nothing changed."""
    loader.load(0, FIVE)
    before = everything(loader)
    walk = loader.land(1)
    with opened(migrated_url) as other, opened_for(0.3, loader), opened(migrated_url, 0.3) as loader.warehouse:
        with transaction(other) as connection:
            connection.execute(update(LINKS_TABLE).values(name="held"))
            began = time.monotonic()
            with pytest.raises(LockedError), loader.loading(walk) as load:
                loader.merge(load, NEXT, ["e"])
            assert time.monotonic() - began < 5
            connection.rollback()
        assert before == everything(loader)


@only_postgresql
def test_m63_a_second_load_waits_and_then_says_that_one_is_running(loader: Any, migrated_url: str) -> None:
    """On PostgreSQL from the beginning of the block; the first one is not disturbed."""
    with opened(migrated_url, 0.3) as hasty, loader.loading(loader.land(0)) as load:
        second = type(loader)(hasty)
        with pytest.raises(AlreadyRunningError), second.loading(loader.land(1)):
            pass
        assert loader.merge(load, FIVE).inserted == 5
    assert len(loader.rows()) == 5


@only_sqlite
def test_staging_keeps_nobody_from_the_file(loader: Any) -> None:
    """Pages are landed and another load is committed while this one is being staged."""
    with loader.loading(loader.land(0)) as load:
        load.stage(loader.frame_of({"a": 0}), loader.rejects_of([]))
        assert loader.load(1, FIVE).inserted == 5
        receipt = loader.merge(load, {"z": 0}, received=2)
    assert (receipt.inserted, receipt.superseded) == (1, 1)


@only_sqlite
def test_the_temporary_tables_are_gone_after_every_load(loader: Any) -> None:
    """Also after one that failed; the connection serves the next load."""
    for _ in range(2):
        with pytest.raises(SchemaConflictError), loader.loading(loader.land(0)) as load:
            load.stage(loader.frame_of({"a": 0}).assign(name=[1.5]), loader.rejects_of([]))
        loader.load(0, {"a": 0})
        with loader.warehouse.engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT name FROM sqlite_temp_master").all() == []


@only_postgresql
def test_m64_nothing_of_a_load_outlives_its_transaction(loader: Any) -> None:
    """Behind a pooler the session goes to the next client: no lock, no temporary table, no changed setting stays."""
    loader.load(0, FIVE)
    with loader.warehouse.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").scalar() == 0
        temporary = "SELECT count(*) FROM pg_class WHERE relpersistence = 't'"
        assert connection.exec_driver_sql(temporary).scalar() == 0
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "0"


def test_m53_an_analyst_sees_only_before_or_after(loader: Any, migrated_url: str) -> None:
    """Polling every 10 ms through a first load, a reload and a backfill: whole sets, no error, no wait."""
    sets: dict[str, dict[str, int]] = {
        "first": {f"{number}": 0 for number in range(400)},
        "second": {f"{number}": 1 for number in range(100, 500)},
        "past": {f"{number}": 2 for number in range(50, 600)},
    }
    with Analyst(migrated_url) as analyst:
        for day, name in ((2, "first"), (3, "second"), (2, "first"), (1, "past")):
            loader.load(day, sets[name], rules=MergeRules(1.0, allow_shrink=True))
            analyst.settle()
    assert analyst.troubles == []
    assert sorted({len(seen) for seen in analyst.seen}) == [0, 400, 500, 600]
    assert len(analyst.seen) == 4
    assert analyst.slowest_s < 1


class Analyst(threading.Thread):
    """Reads the whole table every 10 ms, and keeps each different state seen."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.seen: list[frozenset[tuple[object, ...]]] = []
        self.troubles: list[str] = []
        self.slowest_s = 0.0
        self.rounds = 0
        self.stop = threading.Event()

    def run(self) -> None:
        columns = (LINKS_TABLE.c.link_id, LINKS_TABLE.c.length_m, LINKS_TABLE.c.deleted_at)
        with opened(self.url, 0.1) as warehouse:
            while not self.stop.wait(0.01):
                began = time.monotonic()
                try:
                    with warehouse.engine.connect() as connection:
                        found = frozenset(tuple(row) for row in connection.execute(select(*columns)))
                except Exception as trouble:  # noqa: BLE001 - the test's own question
                    self.troubles.append(type(trouble).__name__)
                    continue
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                if found not in self.seen:
                    self.seen.append(found)
                self.rounds += 1

    def settle(self) -> None:
        """Wait until it has looked at least once more."""
        rounds = self.rounds
        until = time.monotonic() + 10
        while self.rounds < rounds + 2 and time.monotonic() < until:
            time.sleep(0.01)

    def __enter__(self) -> Analyst:
        self.start()
        self.settle()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.join()


@only_postgresql
def test_unchanged_rows_write_no_wal(loader: Any) -> None:
    """A load that finds nothing to change writes its own row and little else; the same with 2,000 links as with 5."""

    def wal_of(day: float, links: dict[str, int]) -> int:
        position = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
        walk = loader.land(day)
        with loader.warehouse.engine.connect() as connection:
            before = connection.exec_driver_sql(position).scalar()
        with loader.loading(walk) as load:
            loader.merge(load, links)
        with loader.warehouse.engine.connect() as connection:
            return int(connection.exec_driver_sql(position).scalar() - before)

    many = {f"{number}": 0 for number in range(2000)}
    first, unchanged = wal_of(0, many), wal_of(0.5, many)  # of one date: another is a row of link_snapshots each
    assert unchanged < 100_000 < first


@pytest.mark.owner
def test_a_constraint_added_by_hand_stops_the_load_without_a_value(loader: Any) -> None:
    """The error names no value of a record; nothing is changed."""
    loader.load(0, FIVE)
    before = everything(loader)
    with transaction(loader.warehouse) as connection:
        if loader.warehouse.is_postgresql:
            connection.exec_driver_sql("ALTER TABLE inode.links ADD CHECK (length_m < 777)")
        else:
            connection.exec_driver_sql(
                "CREATE TRIGGER t BEFORE UPDATE ON links WHEN new.length_m >= 777 BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
    with pytest.raises(SchemaConflictError) as caught:
        loader.load(1, {**FIVE, "b": 777})
    assert re.search("777", str(caught.value)) is None
    assert before == everything(loader)


def test_loads_of_one_walk_are_in_order_even_if_the_clock_goes_back(loader: Any) -> None:
    """The newest of several loads counts, so its times must be the newest."""
    loader.load(0, FIVE)
    with transaction(loader.warehouse) as connection:
        ahead = loader.loads()[0]["finished_at"].replace(year=2100)
        connection.execute(update(LOADS).values(started_at=ahead, finished_at=ahead))
    loader.load(0, FIVE, verdict="unverified")
    assert [row["verdict"] for row in loader.loads()] == ["proven", "unverified"]
