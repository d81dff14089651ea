"""Statements that differ between the databases, and the check that a load wrote what it was meant to write.

A trigger, rule or policy of the database's owner may drop or change rows without an error. A load whose rows are not
in the tables must not be green, so it checks them before its commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Delete, Insert, Select, Table, Update, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from inode_pipeline.errors import SchemaConflictError


def insert_if_absent(connection: Connection, table: Table, row: Mapping[str, object]) -> bool:
    """Insert the row unless one with the same key, primary or unique, is there. Whether it was inserted."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return rows_written(connection, insert(table).values(**row).on_conflict_do_nothing()) == 1


def rows_written(connection: Connection, statement: Insert | Update | Delete) -> int:
    """Execute the statement and return how many rows it wrote."""
    return connection.execute(statement.execution_options(preserve_rowcount=True)).rowcount


def analyze(connection: Connection, tables: Iterable[Table]) -> None:
    """Tell PostgreSQL's planner about tables that were just filled; autovacuum would do so only minutes later.

    Only the keys, which tables are joined by: sampling and sorting every column, geometries above all, costs more than
    inserting the rows. Empty tables are left out: once analysed a table counts as empty, and the load that fills it
    would be planned with nested loops. Without the right to analyse, the server warns and does nothing. SQLite's plans
    need no statistics.
    """
    if connection.dialect.name != "postgresql":
        return
    filled = [table for table in tables if connection.scalar(select(select(literal(1)).select_from(table).exists()))]
    if filled:
        schema = connection.get_execution_options()["schema_translate_map"][None]
        quote = connection.dialect.identifier_preparer.quote
        names = ", ".join(
            f"{quote(schema)}.{quote(table.name)} ({', '.join(map(quote, table.primary_key.columns.keys()))})"
            for table in filled
        )
        connection.exec_driver_sql(f"ANALYZE {names}")


def require_written(table: Table, missing: int) -> None:
    """Stop the load if any row that it wrote is `missing`: dropped, or changed on the way.

    Raises:
        SchemaConflictError: naming the table and how many rows.

    """
    if missing:
        rows = "1 row" if missing == 1 else f"{missing} rows"
        raise SchemaConflictError(
            f"The table {table.name} does not keep what a load writes: {rows} would be missing or different.",
            remedy="A trigger, rule or policy of the table drops or changes rows; remove it. Nothing was changed.",
        )


def count_of(connection: Connection, rows: Select[Any]) -> int:
    """How many rows a SELECT has."""
    return connection.scalar(select(func.count()).select_from(rows.subquery("counted"))) or 0
