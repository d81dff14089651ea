"""The warehouse's engine, built from the settings, and the two ways to use it: `transaction` and `reading`.

Both end with one of our errors when the database fails, never with a driver's, whose text may hold values.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, create_engine

from inode_pipeline.config import LocalSettings, is_loopback
from inode_pipeline.errors import ConfigError, LockedError
from inode_pipeline.warehouse import sqlite_file
from inode_pipeline.warehouse.translation import DATABASE_ERRORS, translate
from inode_pipeline.warehouse.types import json_text

LOCK_WAIT_S = 60
"""How long a statement waits for another session's lock. On SQLite a page waits for one merge at most."""

CONNECT_TIMEOUT_S = 10

WHOLE_TABLES = "SET LOCAL row_security = off; "
"""A writing transaction sees every row or fails: a load must not take rows that a policy hides for missing."""

_SESSION = {
    "client_encoding": "'UTF8'",  # COPY sends UTF-8
    "DateStyle": "'ISO, YMD'",  # psycopg reads no other
    "IntervalStyle": "'postgres'",
    "TimeZone": "'UTC'",  # COPY sends times in UTC without an offset
    "extra_float_digits": "1",  # a double comes back as it was sent
    "bytea_output": "'hex'",
    "standard_conforming_strings": "on",  # the comments of tables and views are literals
    "transform_null_equals": "off",
    "jit": "off",  # compiling takes seconds before a table has statistics, and saves no time on our queries
}
"""What our statements and the driver rely on; the isolation level is part of BEGIN.

Each transaction sets these itself, whatever the server, the database, the role, PGOPTIONS or another client behind the
same pooler has set. Only `default_transaction_read_only` and time limits are left alone: they are set on purpose, and
the error that they cause names them.
"""


@dataclass(frozen=True)
class Warehouse:
    """An open warehouse; close it, or use it as a context manager.

    `schema` is None on SQLite. `place` names the database in messages, without its password. `frozen` is a SQLite file
    that is read on condition that it does not change meanwhile.
    """

    engine: Engine
    schema: str | None
    place: str
    lock_wait_s: float = LOCK_WAIT_S
    frozen: sqlite_file.FrozenFile | None = None

    @property
    def is_postgresql(self) -> bool:
        """Whether it is PostgreSQL; SQLite otherwise."""
        return self.engine.dialect.name == "postgresql"

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_warehouse(settings: LocalSettings, *, read_only: bool = False, lock_wait_s: float = LOCK_WAIT_S) -> Warehouse:
    """Connect to the warehouse. Creates no table; creates a missing SQLite file unless `read_only`.

    Raises:
        PermissionError: the user or the file's owner may not do it.
        WarehouseUnavailableError: no server answers at the address.
        ConfigError: the address leads to something else, to a server that cannot prove who it is, to a database whose
            encoding is not UTF8, or to the tables of another program.

    """
    url = settings.warehouse_url
    if url.get_backend_name() == "sqlite":
        place = f"The SQLite file {url.database}"
        open_file = sqlite_file.read if read_only else sqlite_file.open_or_make
        file_engine, frozen = open_file(url, place, lock_wait_s)
        warehouse = Warehouse(file_engine, schema=None, place=place, lock_wait_s=lock_wait_s, frozen=frozen)
    else:
        warehouse = _open_postgresql(url, settings.warehouse_schema, lock_wait_s)
    try:
        if warehouse.is_postgresql:
            _require_utf8(warehouse)
        _require_no_other_program(warehouse)
        if not (warehouse.is_postgresql or read_only):
            _ask(warehouse, "PRAGMA journal_mode=WAL")
    except BaseException:
        warehouse.close()
        raise
    return warehouse


def _ask(warehouse: Warehouse, statement: str, *values: str) -> list[str]:
    """The first column of the answer. SQLite does not wait while another process switches a new file to WAL; we do."""
    give_up_at = time.monotonic() + warehouse.lock_wait_s
    while True:
        try:
            with _translated(warehouse), warehouse.engine.connect() as connection:
                return [str(row[0]) for row in connection.exec_driver_sql(statement, values or None)]
        except LockedError:
            if warehouse.is_postgresql or time.monotonic() > give_up_at:
                raise
            time.sleep(0.02)


def _require_utf8(warehouse: Warehouse) -> None:
    """LATIN1 cannot hold every name, and SQL_ASCII accepts any bytes, whatever their encoding."""
    (encoding,) = _ask(warehouse, "SHOW server_encoding")
    if encoding != "UTF8":
        raise ConfigError(
            f"{warehouse.place} has the encoding {encoding}, which cannot hold every name; it must be UTF8.",
            remedy="Make a database with CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0, and name it in "
            "INODE_WAREHOUSE_URL.",
        )


def _require_no_other_program(warehouse: Warehouse) -> None:
    """A database that has tables, but not these two of ours, belongs to another program."""
    if warehouse.schema is not None:
        tables = _ask(warehouse, "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1", warehouse.schema)
    else:
        tables = _ask(warehouse, r"SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' "
                      r"ESCAPE '\' ORDER BY 1")  # fmt: skip
    if tables and not {"pipeline_settings", "raw_pages"} <= set(tables):
        where = f" in schema {warehouse.schema}" if warehouse.schema else ""
        named = ", ".join(ascii(table)[:65] for table in tables[:3]) + (", ..." if len(tables) > 3 else "")
        raise ConfigError(
            f"{warehouse.place}{where} holds tables that this program did not make ({named}); nothing is made in it.",
            remedy="Name another file in INODE_WAREHOUSE_URL, or another schema in INODE_WAREHOUSE_SCHEMA.",
        )


@contextmanager
def transaction(warehouse: Warehouse) -> Iterator[Connection]:
    """One writing transaction: committed at the end, undone by any error.

    On SQLite it has the file's only write lock from its start, so nothing it has read can change before it writes.

    Raises:
        LockedError: another session kept a lock for `lock_wait_s`.
        PipelineError: any other class that `translation` gives a failing database.

    """
    with _begun(warehouse, "BEGIN IMMEDIATE", WHOLE_TABLES) as connection:
        yield connection


@contextmanager
def reading(warehouse: Warehouse) -> Iterator[Connection]:
    """One reading transaction: all of it sees one state of the warehouse, and no lock is taken that a load needs."""
    with _begun(warehouse, "BEGIN", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; ") as connection:
        yield connection
    if warehouse.frozen is not None:
        warehouse.frozen.require_unchanged()


@contextmanager
def _begun(warehouse: Warehouse, sqlite: str, postgresql: str = "") -> Iterator[Connection]:
    with _translated(warehouse), warehouse.engine.connect() as connection, connection.begin():
        begin(warehouse, connection, sqlite, postgresql)
        yield connection


def begin(warehouse: Warehouse, connection: Connection, sqlite: str, postgresql: str = "") -> None:
    """Begin a transaction by hand on SQLite; on PostgreSQL apply our session settings to it.

    Behind a pooler a session passes from client to client, so no setting may outlive the transaction.
    """
    if not warehouse.is_postgresql:
        connection.exec_driver_sql(sqlite)
        return
    settings = {
        **_SESSION,
        "search_path": f'"{warehouse.schema}", pg_temp',
        "lock_timeout": str(int(warehouse.lock_wait_s * 1000)),
    }
    connection.exec_driver_sql(
        postgresql + "; ".join(f"SET LOCAL {name} = {value}" for name, value in settings.items())
    )


@contextmanager
def _translated(warehouse: Warehouse) -> Iterator[None]:
    try:
        yield
    except DATABASE_ERRORS as problem:
        raise translate(problem, warehouse.place) from None


def _open_postgresql(url: URL, schema: str, lock_wait_s: float) -> Warehouse:
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        json_serializer=json_text,
        connect_args=_postgresql_arguments(url),
    ).execution_options(schema_translate_map={None: schema})
    port = f":{url.port}" if url.port else ""
    place = f"The PostgreSQL database {url.database or ''} at {', '.join(_hosts(url)) or 'the local socket'}{port}"
    return Warehouse(engine, schema=schema, place=place, lock_wait_s=lock_wait_s)


def _postgresql_arguments(url: URL) -> dict[str, Any]:
    """The connection's options, unless the URL has its own.

    `sslrootcert=system` is the machine's bundle of authorities, for servers whose certificate a public one signed.
    """
    arguments: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "application_name": "inode-pipeline",
        "client_encoding": "utf8",  # for queries before the first transaction
        "prepare_threshold": None,  # prepared statements do not survive a pooler that switches sessions
    }
    if not all(host.startswith("/") or is_loopback(host) for host in _hosts(url)):
        arguments["sslmode"] = "verify-full"
        own_authority = os.path.expanduser("~/.postgresql/root.crt")  # noqa: PTH111 - Path's fails for a user without a home
        if "sslmode" not in url.query and not Path(own_authority).exists():
            arguments["sslrootcert"] = "system"
    return {name: value for name, value in arguments.items() if name not in url.query}


def _hosts(url: URL) -> list[str]:
    """Each server the URL names; a path is the folder of a socket. None: the default socket."""
    if url.host:
        return [url.host]
    named = url.query.get("host", ())
    return [host for part in ((named,) if isinstance(named, str) else named) for host in part.split(",") if host]
