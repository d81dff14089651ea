"""Rows into PostgreSQL: Arrow writes CSV, COPY reads it.

Measured with 100,000 records of 23 columns: 2.6 µs of client CPU a record, 6.1 for binary rows, 7.7 for text rows.
In CSV an empty unquoted value is NULL and a quoted one the empty text, which is how Arrow writes them.
"""

from __future__ import annotations

import csv
import io
import re

import psycopg
import pyarrow as pa
import pyarrow.csv
from sqlalchemy import Connection, Table

_CONTEXT = re.compile(r"COPY [^,]+, line (\d+)(?:, column (\w+))?")


class RowRefusedError(Exception):
    """The server refused a row of this chunk: its position in the chunk, and the column where that is known."""

    def __init__(self, row: int | None, column: str | None) -> None:
        super().__init__()
        self.row = row
        self.column = column


def copy(connection: Connection, table: Table, columns: pa.Table) -> None:
    """Append the rows with one COPY.

    Raises:
        RowRefusedError: a value that the server cannot read as its column's type.

    """
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(name) for name in columns.column_names)
    target = connection.dialect.identifier_preparer.format_table(table)
    buffer = pa.BufferOutputStream()
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
    pyarrow.csv.write_csv(_without_zones(columns), buffer, options)
    written = buffer.getvalue()
    session = connection.connection.driver_connection
    assert isinstance(session, psycopg.Connection)  # noqa: S101 - what the engine is made with
    try:
        with session.cursor() as cursor, cursor.copy(f"COPY {target} ({names}) FROM STDIN (FORMAT csv)") as sink:
            sink.write(memoryview(written))
    except (psycopg.DataError, psycopg.IntegrityError) as problem:
        found = _CONTEXT.search(problem.diag.context or "")
        row = _row_at_line(written.to_pybytes(), int(found[1])) if found else None
        raise RowRefusedError(row, problem.diag.column_name or (found[2] if found else None)) from None


def _without_zones(columns: pa.Table) -> pa.Table:
    """The session's zone is UTC, and Arrow takes twenty times as long to write a time with its zone."""
    utc, plain = pa.timestamp("us", "UTC"), pa.timestamp("us")
    fields = [pa.field(field.name, plain if field.type == utc else field.type) for field in columns.schema]
    return columns.cast(pa.schema(fields))


def _row_at_line(written: bytes, line: int) -> int | None:
    """The row that holds a line of the CSV: a value may hold line breaks, and the server counts them."""
    reader = csv.reader(io.StringIO(written.decode(), newline=""), lineterminator="\n")
    return next((row for row, _ in enumerate(reader) if reader.line_num >= line), None)
