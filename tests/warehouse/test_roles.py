"""The four roles of sql/roles: each can do its work and nothing more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date

import psycopg
import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import ProgrammingError

from inode_pipeline import errors
from inode_pipeline.config import LocalSettings
from inode_pipeline.warehouse.analyst_tables import INDEX_RULES, LINK_BASELINES
from inode_pipeline.warehouse.baselines import freeze_configured
from inode_pipeline.warehouse.calendar import fill_calendar
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse, reading, transaction
from inode_pipeline.warehouse.migrate import migrate, require_migrated, sql_folder
from inode_pipeline.warehouse.runs import begin_run, finish_run
from inode_pipeline.warehouse.statements import analyze
from inode_pipeline.warehouse.stored import store
from inode_pipeline.warehouse.tables import EDITABLE, METADATA, PIPELINE_SETTINGS, WALKS
from inode_pipeline.warehouse.walks import newest_walk, purge, sweep

pytestmark = pytest.mark.postgresql

As = Callable[[str], Warehouse]


@pytest.fixture
def as_role(postgresql_server, postgresql_database: str) -> Iterator[As]:
    """Opens the warehouse as one of the roles, after a superuser has run the files and the owner `migrate`."""
    for _ in range(2):  # each may be run again
        for name in ("owner", "loader", "analyst"):
            postgresql_server.execute((sql_folder() / "roles" / f"{name}.sql").read_text(), postgresql_database)
    with ExitStack() as stack:

        def opened(role: str) -> Warehouse:
            url = postgresql_server.url(postgresql_database, user=f"inode_{role}")
            return stack.enter_context(open_warehouse(LocalSettings(warehouse_url=url, _env_file=None)))

        migrate(opened("owner"))
        for _ in range(2):  # it names tables, so it comes after the first migration
            postgresql_server.execute((sql_folder() / "roles" / "editor.sql").read_text(), postgresql_database)
        yield opened


def test_the_loader_lands_and_keeps_the_books_but_makes_no_table(as_role: As, lander_class) -> None:
    """Everything a run does to the bookkeeping works as the loader, temporary tables included."""
    loader = as_role("loader")
    require_migrated(loader)
    begun = begin_run(loader, "run", "person", date(2026, 11, 23))
    walk = lander_class(loader).land()
    with transaction(loader) as connection:
        store(connection, zone="America/Toronto", base_url=None)
        connection.exec_driver_sql("CREATE TEMPORARY TABLE staged (link_id text) ON COMMIT DROP")
        for table in METADATA.sorted_tables:
            connection.execute(table.delete().where(table.primary_key.columns[0].is_(None)))
    finish_run(loader, begun, "ok")
    sweep(loader)
    purge(loader, 1)
    assert walk == newest_walk(loader, "links")
    for schema in (loader.schema, "public"):
        with pytest.raises(errors.PermissionError, match="42501"), transaction(loader) as connection:
            connection.exec_driver_sql(f"CREATE TABLE {schema}.mine (a int)")
    with pytest.raises(errors.PermissionError), transaction(loader) as connection:
        connection.exec_driver_sql(f"ALTER TABLE {loader.schema}.links ADD COLUMN a int")


def test_the_loader_may_tell_the_planner_what_it_has_filled(as_role: As, lander_class, postgresql_server) -> None:
    """The figures of a table that it does not own are renewed by it all the same, from PostgreSQL 17 on."""
    if postgresql_server.execute("SHOW server_version_num") < [("170000",)]:
        pytest.skip("before version 17 only the owner of a table may")
    loader = as_role("loader")
    lander_class(loader).land()
    with transaction(loader) as connection:
        analyze(connection, [WALKS])
        known = "SELECT count(*) FROM pg_stats WHERE tablename = 'walks'"
        assert connection.exec_driver_sql(known).scalar_one() > 0


def test_the_analyst_reads_everything_and_writes_nothing(as_role: As) -> None:
    """Its session is read-only, and without that it still has no right to write."""
    analyst = as_role("analyst")
    with reading(analyst) as connection:
        for table in METADATA.sorted_tables:
            assert connection.scalar(select(func.count()).select_from(table)) is not None
    row = {"name": "timezone", "value": "UTC"}
    with pytest.raises(errors.PermissionError, match="25006"), transaction(analyst) as connection:
        connection.execute(insert(PIPELINE_SETTINGS), row)
    with transaction(analyst) as connection:
        connection.exec_driver_sql("SET TRANSACTION READ WRITE")
        with pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(insert(PIPELINE_SETTINGS), row)


def test_a_new_table_is_readable_for_the_analyst_without_another_grant(
    as_role: As, postgresql_server, postgresql_database: str
) -> None:
    """So is a new view; neither can be written."""
    owner = as_role("owner")
    with transaction(owner) as connection:
        connection.exec_driver_sql("CREATE TABLE inode.later (a int); CREATE VIEW inode.seen AS SELECT 1 AS a")
    with postgresql_server.connect(postgresql_database, "inode_analyst") as connection:
        assert connection.execute("SELECT count(*) FROM later, seen").fetchone() == (0,)
        connection.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("INSERT INTO later VALUES (1)")
    with postgresql_server.connect(postgresql_database, "inode_loader") as connection:
        connection.execute("INSERT INTO inode.later VALUES (1)")


def test_the_editor_writes_the_tables_of_the_analysts_and_no_other(as_role: As) -> None:
    """It adds baselines without changing any, and reads everything."""
    editor = as_role("editor")
    rights = {"INSERT": {*EDITABLE, LINK_BASELINES}, "UPDATE": {*EDITABLE}, "DELETE": {*EDITABLE}}
    with reading(editor) as connection:
        for table in METADATA.sorted_tables:
            name = f"{editor.schema}.{table.name}"
            assert connection.scalar(select(func.has_table_privilege(name, "SELECT")))
            for right, tables in rights.items():
                assert (table in tables) == connection.scalar(select(func.has_table_privilege(name, right))), name
    with transaction(editor) as connection:
        connection.execute(insert(INDEX_RULES), {"name": "mine", "value": 1.0, "description": "A rule of our own."})
    assert 31 == fill_calendar(editor, "CA-ON", date(2026, 1, 1), date(2026, 1, 31))
    assert 31 == fill_calendar(editor, "CA-ON", date(2026, 1, 1), date(2026, 1, 31), replace=True)
    assert (0, 0) == freeze_configured(editor)
    require_migrated(editor)
    with pytest.raises(errors.PermissionError, match="42501"), transaction(editor) as connection:
        connection.execute(insert(PIPELINE_SETTINGS), {"name": "timezone", "value": "UTC"})


def test_the_loader_on_an_unmigrated_database_is_told_so(postgresql_server, postgresql_database: str) -> None:
    """A database in which nothing was set up at all is one that is not migrated."""
    url = postgresql_server.url(postgresql_database)
    with (
        open_warehouse(LocalSettings(warehouse_url=url, _env_file=None)) as warehouse,
        pytest.raises(errors.NotMigratedError),
    ):
        require_migrated(warehouse)
