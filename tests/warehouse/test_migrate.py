"""Migrations: the same tables on both databases, by the program or by hand, and never by two at once."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.migrate import migrate, pending, require_migrated
from inode_pipeline.warehouse.tables import METADATA

FIRST = ["0001_links_and_bookkeeping"]


def differences(warehouse: Warehouse) -> list[object]:
    """What Alembic would still change to reach the tables of tables.py; on PostgreSQL as seen in our schema."""
    with reading(warehouse) as connection:
        if warehouse.is_postgresql:
            connection.exec_driver_sql(f"SET LOCAL search_path TO {warehouse.schema}")
            connection.dialect.default_schema_name = warehouse.schema
        options = {"compare_type": True, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), METADATA)


def test_the_migrations_make_exactly_the_tables_of_the_code(empty_warehouse: Warehouse) -> None:
    """Columns, types, keys, indexes and comments are those of tables.py."""
    assert pending(empty_warehouse) == FIRST
    assert migrate(empty_warehouse) == FIRST
    assert differences(empty_warehouse) == []
    assert pending(empty_warehouse) == []
    require_migrated(empty_warehouse)
