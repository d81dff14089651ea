"""Rows into SQLite: `executemany` of tuples of plain Python values.

sqlite3 binds a NumPy integer as a BLOB without a word, so every value is made Python's own first.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Table


def insert(connection: Connection, table: Table, columns: pa.Table) -> None:
    """Append the rows; times become text as `UtcTimestamp` writes it."""
    name = connection.dialect.identifier_preparer.format_table(table)
    places = ", ".join("?" for _ in columns.column_names)
    rows = list(zip(*(_python_values(column) for column in columns.columns), strict=True))
    connection.exec_driver_sql(f"INSERT INTO {name} VALUES ({places})", rows)  # noqa: S608 - a quoted name


def _python_values(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us")).cast(pa.large_string())  # with six digits after the seconds
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column.to_numpy(zero_copy_only=False).tolist()  # type: ignore[no-any-return]  # Arrow ships no types
    values = column.fill_null(0).to_numpy().astype(object)
    values[column.is_null().to_numpy()] = None
    return values.tolist()  # type: ignore[no-any-return]  # Arrow ships no types
