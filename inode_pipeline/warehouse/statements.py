"""Statements that both databases need in their own way, and the proof that one wrote what it was to write.

A trigger, rule or policy of the database's owner may drop or change rows without an error, and a load that has not
written what it staged must not be green: so it looks, before its commit.
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
    """Execute it, and say how many rows it wrote."""
    return connection.execute(statement.execution_options(preserve_rowcount=True)).rowcount


def analyze(connection: Connection, tables: Iterable[Table]) -> None:
    """Let PostgreSQL's planner know what has just been filled; it would learn it by itself only minutes later.

    By the keys alone, by which tables are joined: to sort a sample of every column, geometries above all, costs more
    than to insert the rows. An empty table is left out: once analysed it counts as empty, and the load that fills it
    would be planned as if it stayed so, row against row. Without the right to analyse the server warns and does
    nothing. On SQLite nothing is done: its plans need no figures.
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
    """Make sure that none is missing of the rows that a load has written: none was dropped, and none is another.

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
