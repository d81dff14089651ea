"""What the warehouse's user may do, asked of the database's own catalogue. Writes nothing."""

from __future__ import annotations

from sqlalchemy import func, inspect, select

from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.tables import METADATA, WALKS

NEEDED = ("SELECT", "INSERT", "UPDATE", "DELETE")


def holds_tables(warehouse: Warehouse) -> bool:
    """Whether the warehouse was ever migrated."""
    with reading(warehouse) as connection:
        return inspect(connection).has_table(WALKS.name, schema=warehouse.schema)


def missing_rights(warehouse: Warehouse) -> list[str]:
    """Each right that a sync needs and the user lacks, such as `INSERT on links`. On SQLite the file's mode decides.

    Raises:
        NotMigratedError: a table is missing, so nobody can have rights on it.

    """
    if not warehouse.is_postgresql:
        return []
    with reading(warehouse) as connection:
        missing = [
            f"{right} on {table.name}"
            for table in METADATA.sorted_tables
            for right in NEEDED
            if not connection.scalar(select(func.has_table_privilege(f'"{warehouse.schema}"."{table.name}"', right)))
        ]
        may_stage = connection.scalar(select(func.has_database_privilege(func.current_database(), "TEMPORARY")))
    return missing if may_stage else [*missing, "TEMPORARY on the database, in which a load stages its records"]
