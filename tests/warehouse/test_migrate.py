"""Migrations: the same tables on both databases, by the program or by hand, and never by two at once."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import make_url

from inode_pipeline.config import LocalSettings
from inode_pipeline.errors import NotMigratedError, SchemaConflictError
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse, reading, transaction
from inode_pipeline.warehouse.migrate import migrate, migration_sql, pending, require_migrated, sql_folder
from inode_pipeline.warehouse.tables import METADATA
from inode_pipeline.warehouse.views import drop_statements, execute, stored_state

FIRST = "0001_warehouse"


def differences(warehouse: Warehouse) -> list[object]:
    """What Alembic would still change to reach the tables of tables.py; on PostgreSQL as seen in our schema."""
    with reading(warehouse) as connection:
        if warehouse.is_postgresql:
            connection.dialect.default_schema_name = warehouse.schema
        options = {"compare_type": True, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), METADATA)


def everything(warehouse: Warehouse) -> list[tuple[object, ...]]:
    """Every table, column and index there is, in any schema."""
    catalogue = "SELECT name, sql FROM sqlite_master ORDER BY 1"
    if warehouse.is_postgresql:
        catalogue = """
            SELECT n.nspname, c.relname, a.attname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            LEFT JOIN pg_attribute a ON a.attrelid = c.oid WHERE n.nspname !~ '^pg_' ORDER BY 1, 2, 3"""
    with reading(warehouse) as connection:
        return [tuple(row) for row in connection.exec_driver_sql(catalogue)]


def test_the_migrations_make_exactly_the_tables_of_the_code(empty_warehouse: Warehouse) -> None:
    """Columns, types, keys, indexes and comments are those of tables.py."""
    assert pending(empty_warehouse)[0] == FIRST
    assert pending(empty_warehouse) == migrate(empty_warehouse)
    assert differences(empty_warehouse) == []
    assert pending(empty_warehouse) == []
    assert migrate(empty_warehouse) == []
    require_migrated(empty_warehouse)


def test_the_printed_sql_makes_the_same_tables(empty_warehouse: Warehouse, request: pytest.FixtureRequest) -> None:
    """A database administrator may run it with psql; printing it and asking what is pending change nothing."""
    before = everything(empty_warehouse)
    statements = migration_sql(empty_warehouse)
    pending(empty_warehouse)
    assert before == everything(empty_warehouse)
    if empty_warehouse.is_postgresql:
        server, url = request.getfixturevalue("postgresql_server"), empty_warehouse.engine.url
        script = server.folder / f"{url.database}.sql"
        script.write_text(statements)
        connect = ["-h", "127.0.0.1", "-p", str(url.port), "-U", "postgres", "-d", url.database]
        server.run("psql", "-X", "-v", "ON_ERROR_STOP=1", "-q", *connect, "-f", str(script))
    else:
        connection = empty_warehouse.engine.raw_connection()
        connection.executescript(statements)
        connection.close()
    assert differences(empty_warehouse) == []
    assert migration_sql(empty_warehouse) == ""
    require_migrated(empty_warehouse)


def test_an_empty_sqlite_file_migrates_by_itself_and_postgresql_says_what_to_do(empty_warehouse: Warehouse) -> None:
    """Only in PostgreSQL may the one who loads not be the one who makes tables."""
    if not empty_warehouse.is_postgresql:
        require_migrated(empty_warehouse)
        assert pending(empty_warehouse) == []
        return
    with pytest.raises(NotMigratedError) as caught:
        require_migrated(empty_warehouse)
    assert FIRST in caught.value.message
    assert "inode-pipeline migrate" in caught.value.remedy
    with pytest.raises(NotMigratedError), reading(empty_warehouse) as connection:
        connection.execute(METADATA.tables["links"].select())


def test_a_warehouse_of_a_newer_version_is_left_alone(warehouse: Warehouse) -> None:
    """Its revision is named, and nothing is applied."""
    schema = f"{warehouse.schema}." if warehouse.schema else ""
    with transaction(warehouse) as connection:
        connection.exec_driver_sql(f"UPDATE {schema}alembic_version SET version_num = '9999_later'")
    for ask in (pending, migrate, migration_sql, require_migrated):
        with pytest.raises(NotMigratedError, match="9999_later"):
            ask(warehouse)


def test_a_warehouse_of_a_development_version_is_refused_and_left_alone(migrated_url: str) -> None:
    """Its state is named, with what to do; a file is as it was, byte for byte."""
    file = Path(make_url(migrated_url).database or "")
    with open_warehouse(LocalSettings(warehouse_url=migrated_url, _env_file=None)) as warehouse:
        schema = f"{warehouse.schema}." if warehouse.schema else ""
        with transaction(warehouse) as connection:
            connection.exec_driver_sql(f"UPDATE {schema}alembic_version SET version_num = '0003_analyst_tables'")
        before = everything(warehouse)
    content = None if schema else file.read_bytes()
    with open_warehouse(LocalSettings(warehouse_url=migrated_url, _env_file=None)) as warehouse:
        for ask in (pending, migrate, migration_sql, require_migrated):
            with pytest.raises(NotMigratedError, match=r"development version before 0.1.0 \(0003_analyst_tables\)"):
                ask(warehouse)
        assert before == everything(warehouse)
    assert content is None or content == file.read_bytes()


def test_two_processes_that_migrate_at_once_do_not_collide(warehouse_url: str) -> None:
    """One applies the migrations, the other waits and finds them applied."""
    program = (
        "from inode_pipeline.config import LocalSettings\n"
        "from inode_pipeline.warehouse.engine import open_warehouse\n"
        "from inode_pipeline.warehouse.migrate import migrate\n"
        "import sys\n"
        "with open_warehouse(LocalSettings(warehouse_url=sys.argv[1], _env_file=None)) as warehouse:\n"
        "    input()\n"
        "    print(len(migrate(warehouse)))\n"
    )
    command = [sys.executable, "-W", "error", "-c", program, warehouse_url]
    pipe = subprocess.PIPE
    both = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(2)]
    for process in both:
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60) for process in both]
    migrations = list((sql_folder() / "migrations/versions").glob("*.py"))
    assert sorted(int(out) for out, _ in answers) == [0, len(migrations) + 1]  # and the views


@pytest.mark.postgresql
def test_m70_any_schema_name_that_the_settings_allow_works(postgresql_server, postgresql_database: str) -> None:
    """Even one that is a word of SQL; two schemas of one database are two warehouses."""
    url = postgresql_server.url(postgresql_database)
    for schema in ("select", "user", "_1"):
        settings = LocalSettings(warehouse_url=url, warehouse_schema=schema, _env_file=None)
        with open_warehouse(settings) as warehouse:
            assert pending(warehouse)[0] == FIRST
            migrate(warehouse)
            assert differences(warehouse) == []
            require_migrated(warehouse)


BY_HAND = {
    "a column is gone": (
        "ALTER TABLE links DROP COLUMN grid",
        "ALTER TABLE links DROP COLUMN grid",
        "links: column grid is missing",
    ),
    "a type was changed": (
        "ALTER TABLE links ALTER COLUMN length_m TYPE text",
        "ALTER TABLE links DROP COLUMN length_m; ALTER TABLE links ADD COLUMN length_m TEXT",
        "links: column length_m is TEXT and should be DOUBLE",
    ),
    "a table is gone": (
        "DROP TABLE rejected_records",
        "DROP TABLE rejected_records",
        "rejected_records: the table is missing",
    ),
    "a column demands a value we do not have": (
        "ALTER TABLE links ADD COLUMN colour text NOT NULL",
        (
            "DROP TABLE pipeline_settings; CREATE TABLE pipeline_settings "
            "(name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, colour TEXT NOT NULL)"
        ),
        "column colour is unknown and must not be NULL",
    ),
    "the key may be NULL": (
        "ALTER TABLE links DROP CONSTRAINT pk_links; ALTER TABLE links ALTER COLUMN link_id DROP NOT NULL",
        "DROP TABLE pipeline_settings; CREATE TABLE pipeline_settings (name TEXT, value TEXT NOT NULL)",
        "must not allow NULL",
    ),
    "the key is gone": (
        "ALTER TABLE raw_pages DROP CONSTRAINT pk_raw_pages",
        "DROP TABLE pipeline_settings; CREATE TABLE pipeline_settings (name TEXT NOT NULL, value TEXT NOT NULL)",
        "the primary key must be",
    ),
    "another key": (
        (
            "ALTER TABLE pipeline_settings DROP CONSTRAINT pk_pipeline_settings; "
            "ALTER TABLE pipeline_settings ADD PRIMARY KEY (name, value)"
        ),
        (
            "DROP TABLE pipeline_settings; CREATE TABLE pipeline_settings "
            "(name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name, value))"
        ),
        "pipeline_settings: the primary key must be (name)",
    ),
    "a unique key is gone": (
        "ALTER TABLE walks DROP CONSTRAINT uq_walks_endpoint_snapshot_at",
        None,
        "walks: (endpoint, snapshot_at) must be unique",
    ),
    "NULL is refused where we write it": (
        "ALTER TABLE links ALTER COLUMN name SET NOT NULL",
        "ALTER TABLE links DROP COLUMN name; ALTER TABLE links ADD COLUMN name TEXT NOT NULL DEFAULT ''",
        "links: column name must allow NULL",
    ),
}


def by_hand(warehouse: Warehouse, statements: str) -> None:
    """What someone did to the tables; the views had to go first, since they hold the columns that they show."""
    with transaction(warehouse) as connection:
        execute(connection, drop_statements(stored_state(connection, warehouse.schema)))
        for statement in statements.split(";"):
            connection.exec_driver_sql(statement)


def without_unique_key(warehouse: Warehouse) -> str:
    with reading(warehouse) as connection:
        made = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'walks'").scalar_one()
    return "DROP TABLE walks; " + re.sub(r",\s*CONSTRAINT uq_\w+ UNIQUE \([^)]*\)", "", made)


@pytest.mark.owner
@pytest.mark.parametrize("change", BY_HAND.values(), ids=BY_HAND.keys())
def test_m56_tables_changed_by_hand_stop_before_the_first_write(warehouse: Warehouse, change) -> None:
    """The error names what differs; repairing it is enough."""
    require_migrated(warehouse)
    by_hand(warehouse, change[0] if warehouse.is_postgresql else change[1] or without_unique_key(warehouse))
    with pytest.raises(SchemaConflictError) as caught:
        require_migrated(warehouse)
    assert change[2] in caught.value.message


@pytest.mark.owner
def test_m56_what_does_no_harm_is_left_alone(warehouse: Warehouse) -> None:
    """An index, a view, and columns of the user's own that may be NULL or fill themselves."""
    by_hand(
        warehouse,
        (
            "CREATE INDEX mine ON links (grid); CREATE VIEW all_links AS SELECT * FROM links; "
            "ALTER TABLE links ADD COLUMN remark text; ALTER TABLE links ADD COLUMN colour text NOT NULL DEFAULT 'red'"
        ),
    )
    require_migrated(warehouse)


@pytest.mark.postgresql
@pytest.mark.parametrize("warehouse_kind", ["postgresql"])
def test_m58_every_table_and_column_is_explained_in_postgresql(warehouse: Warehouse) -> None:
    """COMMENT ON came with the migration."""
    without = f"""
        SELECT c.relname, a.attname FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum >= 0 OR a.attrelid = c.oid AND a.attnum = -1
        WHERE c.relnamespace = '{warehouse.schema}'::regnamespace AND c.relkind = 'r' AND c.relname <> 'alembic_version'
        AND NOT a.attisdropped AND (a.attnum > 0 AND col_description(c.oid, a.attnum) IS NULL
                                    OR obj_description(c.oid) IS NULL)"""
    with reading(warehouse) as connection:
        assert connection.exec_driver_sql(without).all() == []


@pytest.mark.parametrize("warehouse_kind", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True)
def test_only_tables_that_hold_rows_are_analysed(warehouse: Warehouse) -> None:
    """An empty one would count as empty for the load that fills it, which then compares row against row."""
    with reading(warehouse) as connection:
        rows = connection.exec_driver_sql(
            "SELECT relname, reltuples FROM pg_class WHERE relnamespace = 'inode'::regnamespace AND relkind = 'r'"
        )
        known = {name: count >= 0 for name, count in rows}
    assert (True, False, False) == (known["data_dictionary"], known["links"], known["link_versions"])
