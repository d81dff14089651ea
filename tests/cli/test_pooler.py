"""The pipeline behind PgBouncer in transaction mode, where each transaction may get another session."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from inode_pipeline.config import LocalSettings
from inode_pipeline.emulator import EmulatorServer
from inode_pipeline.warehouse.engine import open_warehouse
from tests.invariants import violations
from tests.postgresql import PostgreSQLServer
from tests.warehouse.pooler import running_pooler

pytestmark = pytest.mark.postgresql


@pytest.fixture
def pooled_url(postgresql_server: PostgreSQLServer, postgresql_database: str) -> Iterator[str]:
    """An empty database behind a pooler of three sessions whose settings another client keeps changing."""
    with running_pooler(postgresql_server, sessions=3) as port:
        address = f"postgres@127.0.0.1:{port}/{postgresql_database}"
        done = threading.Event()
        other = threading.Thread(target=_spoil_sessions, args=(f"postgresql://{address}", done))
        other.start()
        yield f"postgresql+psycopg://{address}"
        done.set()
        other.join()


def _spoil_sessions(address: str, done: threading.Event) -> None:
    """Keep changing settings of the pooled sessions."""
    with psycopg.connect(address, autocommit=True, prepare_threshold=None) as connection:
        while not done.wait(0.01):
            for setting in ("TimeZone = 'Asia/Kolkata'", "DateStyle = 'SQL, DMY'", "search_path = elsewhere"):
                with suppress(psycopg.Error):
                    connection.execute(f"SET {setting}")


def test_m64_m72_every_command_works_behind_a_pooler(
    run: Callable[..., Any],
    emulator: EmulatorServer,
    account: dict[str, str],
    pooled_url: str,
    postgresql_server: PostgreSQLServer,
    postgresql_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Migrate, sync, replay and read; the tables are the same as without a pooler, and no lock is left."""
    emulator.state.freeze()
    monkeypatch.setenv("INODE_WAREHOUSE_URL", pooled_url)
    assert run("migrate").code == 0
    assert run("doctor").code == 0
    first = run("sync", "--json").json
    again = run("sync", "--json").json
    today = datetime.now(UTC).date().isoformat()
    (*_, replayed) = run("replay", "--from", today, "--to", today, "--json").json
    assert (first["inserted"], again["unchanged"], replayed["unchanged"]) == (30, 30, 30)
    assert run("status").code == 0
    assert run("query", "data_freshness").code == 0
    with open_warehouse(LocalSettings(warehouse_url=pooled_url, _env_file=None)) as warehouse:
        assert list(violations(warehouse)) == []
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    assert postgresql_server.execute(locks, postgresql_database) == [(0,)]
