"""What PostgreSQL's settings can do to a load, whoever has made them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import event, select

from inode_pipeline import errors
from inode_pipeline.cli.commands import commands
from inode_pipeline.config import LocalSettings
from inode_pipeline.emulator import EmulatorConfig, EmulatorServer
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse, reading, transaction
from inode_pipeline.warehouse.migrate import migrate, pending, require_migrated
from inode_pipeline.warehouse.tables import LINKS_TABLE, LOADS

pytestmark = pytest.mark.postgresql
only_postgresql = pytest.mark.parametrize("warehouse_kind", ["postgresql"])

HOSTILE = {
    "client_encoding": "LATIN1",
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Asia/Kolkata",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
    "search_path": "elsewhere",
    "default_transaction_isolation": "serializable",
}
NAMES = {"Zürich–Łódź 東京 😀": 1, "Ørsted\\n'½": 2}


def settings(url: str) -> LocalSettings:
    return LocalSettings(warehouse_url=url, _env_file=None)


def everything(loader: Any) -> list[tuple[object, ...]]:
    """What must not depend on a session: text, a double that needs 17 digits, times and JSON."""
    with reading(loader.warehouse) as connection:
        links = connection.execute(select(LINKS_TABLE).order_by(LINKS_TABLE.c.link_id)).all()
        loads = connection.execute(select(LOADS.c.snapshot_at, LOADS.c.fields, LOADS.c.inserted)).all()
    return [tuple(row) for row in (*links, *loads)]


def load_names(loader: Any, load_id: str) -> None:
    with loader.loading(loader.land(0), load_id) as load:
        frame = loader.frame_of(NAMES).assign(free_flow_speed_kmh=0.1 + 0.2)
        load.stage(frame, loader.rejects_of([]))
        load.merge(loader.rules, loader.facts(len(NAMES), fields={"é": 1}))


@only_postgresql
@pytest.mark.parametrize("by", ["database", "pooler", "environment"])
def test_m72_no_setting_of_anybody_else_changes_what_is_stored(
    loader: Any, by: str, postgresql_server, postgresql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set for the database, by another client behind the same pooler, or in the environment: the same rows."""
    load_names(loader, "one")
    expected = everything(loader)
    assert {row[1] for row in expected[: len(NAMES)]} == {f"Link {name}" for name in NAMES}
    loader.warehouse.close()

    url = postgresql_server.url(postgresql_database)
    if by == "database":
        for name, value in HOSTILE.items():
            postgresql_server.execute(f"ALTER DATABASE {postgresql_database} SET {name} = '{value}'")
    if by == "environment":
        options = "".join(f" -c {name}={re.sub(' ', '', value)}" for name, value in HOSTILE.items())
        monkeypatch.setenv("PGOPTIONS", options)
        for name, setting in {"PGCLIENTENCODING": "SQL_ASCII", "PGDATESTYLE": "German", "PGTZ": "Japan"}.items():
            monkeypatch.setenv(name, setting)
    with open_warehouse(settings(url)) as warehouse:
        if by == "pooler":
            leave_settings_behind(warehouse)
        migrate(warehouse)
        require_migrated(warehouse)
        other = type(loader)(warehouse)
        load_names(other, "one")
        assert everything(other) == expected


def leave_settings_behind(warehouse: Warehouse) -> None:
    """In transaction mode a session comes from another client each time, as that one has left it."""

    @event.listens_for(warehouse.engine, "checkout")
    def _checkout(session: Any, *_: object) -> None:
        for name, value in HOSTILE.items():
            session.execute(f"SET {name} = '{value}'" if name != "search_path" else f"SET search_path = {value}")
        session.commit()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_m72_a_database_of_another_encoding_is_a_wrong_setting(
    encoding: str, postgresql_server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command names the encoding and the remedy, `doctor` and `migrate` first; nothing is made in it."""
    name = f"encoded_{encoding.lower()}"
    postgresql_server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
    monkeypatch.setenv("INODE_WAREHOUSE_URL", postgresql_server.url(name))
    monkeypatch.setenv("INODE_API_KEY", EmulatorConfig().api_key)
    with EmulatorServer(EmulatorConfig(links=3)) as emulator, dropped_after(postgresql_server, name):
        monkeypatch.setenv("INODE_BASE_URL", emulator.base_url)
        with pytest.raises(errors.ConfigError, match=f"has the encoding {encoding}.*must be UTF8"):
            open_warehouse(LocalSettings.load())
        for command in ("doctor", "migrate", "status", "sync"):
            ended = CliRunner().invoke(commands, [command], prog_name="inode-pipeline")
            assert (command, encoding in ended.output, "ENCODING 'UTF8'" in ended.output) == (command, True, True)
            assert (command, ended.exit_code) == (command, 2)
        assert postgresql_server.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'inode'", name) == [(0,)]


@contextmanager
def dropped_after(server: Any, database: str) -> Iterator[None]:
    try:
        yield
    finally:
        server.drop(database)


@pytest.mark.owner
@only_postgresql
def test_m72_a_policy_that_hides_rows_stops_the_load(loader: Any, postgresql_server) -> None:
    """A load that did not see every row would insert them again, or take them for vanished."""
    database = str(loader.warehouse.engine.url.database)
    schema = loader.warehouse.schema
    loader.load(0, {"a": 0, "b": 0})
    for statement in (
        "DROP ROLE IF EXISTS fenced",
        "CREATE ROLE fenced LOGIN",
        f"GRANT USAGE ON SCHEMA {schema} TO fenced",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO fenced",
        f"ALTER TABLE {schema}.links ENABLE ROW LEVEL SECURITY",
        f"CREATE POLICY fence ON {schema}.links USING (link_id <> 'b')",
    ):
        postgresql_server.execute(statement, database)
    before = everything(loader)
    with open_warehouse(settings(postgresql_server.url(database, user="fenced"))) as fenced:
        with pytest.raises(errors.PermissionError) as caught:
            type(loader)(fenced).load(1, {"a": 1, "b": 1})
        assert "row-level policy" in caught.value.remedy
        assert before == everything(loader)
    postgresql_server.execute("DROP OWNED BY fenced; DROP ROLE fenced", database)


@only_postgresql
def test_m72_a_session_that_may_only_read_is_reported_by_its_setting(loader: Any, postgresql_server) -> None:
    """Whoever set it means it, so it is left as it is and named."""
    database = str(loader.warehouse.engine.url.database)
    postgresql_server.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    loader.warehouse.close()
    assert pending(loader.warehouse) == []
    with pytest.raises(errors.PermissionError, match="25006") as caught, transaction(loader.warehouse) as connection:
        connection.execute(LINKS_TABLE.delete())
    assert "default_transaction_read_only" in caught.value.remedy


LIMITS = {
    "idle_in_transaction_session_timeout": "25P03",
    "transaction_timeout": "25P04",
    "statement_timeout": "57014",
    "lock_timeout": "55P03",
}


@only_postgresql
@pytest.mark.parametrize("limit", LIMITS)
def test_m81_a_time_limit_of_the_server_is_reported_by_its_name(loader: Any, limit: str, postgresql_server) -> None:
    """Trying again may help, nothing is changed, and the administrator reads which limit ended what."""
    loader.load(0, {"a": 0})
    before = everything(loader)
    database = str(loader.warehouse.engine.url.database)
    loader.warehouse.close()
    postgresql_server.execute(f"ALTER DATABASE {database} SET {limit} = '300ms'")
    with open_warehouse(settings(postgresql_server.url(database)), lock_wait_s=0.3) as limited:
        walk = loader.land(1)
        other = type(loader)(limited)
        with pytest.raises(errors.PipelineError) as caught, other.loading(walk) as load:
            merge_into(limit, other, load, postgresql_server)
    postgresql_server.execute(f"ALTER DATABASE {database} RESET {limit}")
    assert (limit, LIMITS[limit]) == (limit, next(code for code in LIMITS.values() if code in caught.value.message))
    assert limit in caught.value.message + caught.value.remedy
    assert caught.value.retryable
    assert before == everything(loader)


def merge_into(limit: str, loader: Any, load: Any, server: Any) -> None:
    """A load during which the limit is reached."""
    with ExitStack() as stack:
        if limit == "statement_timeout":
            load._session.lock().exec_driver_sql("SELECT pg_sleep(1)")
        elif limit == "lock_timeout":
            other = stack.enter_context(server.connect(str(loader.warehouse.engine.url.database)))
            stack.enter_context(other.transaction())
            other.execute("LOCK TABLE inode.links")
        else:
            time.sleep(0.6)
        loader.merge(load, {"a": 1})


@only_postgresql
def test_m81_a_cancelled_statement_names_both_who_may_have_ended_it(warehouse: Warehouse) -> None:
    """The server has one code for both; only its words distinguish them, and they may be in any language."""
    cancel = "DO $$ BEGIN RAISE 'annulé' USING ERRCODE = '57014'; END $$"
    with pytest.raises(errors.WarehouseUnavailableError) as caught, reading(warehouse) as connection:
        connection.exec_driver_sql(cancel)
    assert "an administrator or the limit statement_timeout" in caught.value.message


@only_postgresql
def test_the_planner_knows_the_tables_after_migrating_and_after_the_first_load(loader: Any) -> None:
    """Without figures of small tables a trivial question is planned as one of millions of rows."""
    known = "SELECT DISTINCT tablename FROM pg_stats WHERE schemaname = 'inode'"

    def tables() -> set[str]:
        with reading(loader.warehouse) as connection:
            return set(connection.exec_driver_sql(known).scalars())

    assert {"time_periods", "index_rules", "t_quantiles"} <= tables()
    assert "links" not in tables()
    loader.load(0, {"a": 0})
    assert {"links", "loads", "link_versions", "link_snapshots"} <= tables()
