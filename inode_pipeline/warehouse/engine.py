"""The warehouse's engine, made from the settings, and the two ways to use it: `transaction` and `reading`.

Both end with one of our errors when the database fails, never with a driver's, whose text may hold values.
Keep out: statements about particular tables.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event

from inode_pipeline.config import LocalSettings, is_loopback
from inode_pipeline.errors import ConfigError, LockedError
from inode_pipeline.warehouse.translation import DATABASE_ERRORS, translate, translate_os
from inode_pipeline.warehouse.types import json_text

LOCK_WAIT_S = 60
"""How long a statement waits for another session's lock. On SQLite a page waits at most for one merge."""

CONNECT_TIMEOUT_S = 10

WHOLE_TABLES = "SET LOCAL row_security = off; "
"""A writing transaction sees every row or fails: a policy that hides some would let a load think they are not there."""

_SESSION = {
    "client_encoding": "'UTF8'",  # COPY sends UTF-8
    "DateStyle": "'ISO, YMD'",  # psycopg reads no other
    "IntervalStyle": "'postgres'",
    "TimeZone": "'UTC'",  # COPY sends times in UTC without an offset
    "extra_float_digits": "1",  # a double comes back as it was sent
    "bytea_output": "'hex'",
    "standard_conforming_strings": "on",  # the comments of tables and views are literals
    "transform_null_equals": "off",
    "jit": "off",  # compiling costs seconds where nothing is known yet of a table, and saves none of ours
}
"""What our statements and the driver rely on; the isolation level is part of BEGIN.

Whatever the server, the database, the role, PGOPTIONS or another client behind the same pooler have set: each
transaction sets these for itself. Only `default_transaction_read_only` and time limits are left as they are: whoever
sets them means it, and running into one is an error that names it.
"""


@dataclass(frozen=True)
class Warehouse:
    """An open warehouse; close it, or use it as a context manager.

    `schema` is None on SQLite. `place` names the database in messages, without its password.
    """

    engine: Engine
    schema: str | None
    place: str
    lock_wait_s: float = LOCK_WAIT_S

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


def open_warehouse(settings: LocalSettings, *, lock_wait_s: float = LOCK_WAIT_S) -> Warehouse:
    """Connect to the warehouse, making the SQLite file if there is none. No table is made or read.

    Raises:
        PermissionError: the user or the file's owner may not do it.
        WarehouseUnavailableError: nobody answers at the address.
        ConfigError: the address leads to something else, to a server that cannot prove who it is, or to a database
            whose encoding is not UTF8.

    """
    url = settings.warehouse_url
    if url.get_backend_name() == "sqlite":
        warehouse = _open_sqlite(url, lock_wait_s)
        first = "PRAGMA journal_mode=WAL"
    else:
        warehouse = _open_postgresql(url, settings.warehouse_schema, lock_wait_s)
        first = "SHOW server_encoding"
    try:
        answer = _touch(warehouse, first, give_up_at=time.monotonic() + lock_wait_s)
        if warehouse.is_postgresql:
            _require_utf8(warehouse, answer)
    except BaseException:
        warehouse.close()
        raise
    return warehouse


def _touch(warehouse: Warehouse, statement: str, *, give_up_at: float) -> str:
    """Use the connection once, and return the answer.

    SQLite does not wait for others that turn a new file to WAL, so we do.
    """
    while True:
        try:
            with _translated(warehouse), warehouse.engine.connect() as connection:
                answer = connection.exec_driver_sql(statement).scalar()
        except LockedError:
            if warehouse.is_postgresql or time.monotonic() > give_up_at:
                raise
            time.sleep(0.02)
        else:
            return str(answer)


def _require_utf8(warehouse: Warehouse, encoding: str) -> None:
    """LATIN1 cannot hold every name, and SQL_ASCII takes any bytes without knowing what they mean."""
    if encoding != "UTF8":
        raise ConfigError(
            f"{warehouse.place} has the encoding {encoding}, which cannot hold every name; it must be UTF8.",
            remedy="Make a database with CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0, and name it in "
            "INODE_WAREHOUSE_URL.",
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


@contextmanager
def _begun(warehouse: Warehouse, sqlite: str, postgresql: str = "") -> Iterator[Connection]:
    with _translated(warehouse), warehouse.engine.connect() as connection, connection.begin():
        begin(warehouse, connection, sqlite, postgresql)
        yield connection


def begin(warehouse: Warehouse, connection: Connection, sqlite: str, postgresql: str = "") -> None:
    """Begin a transaction by hand on SQLite; on PostgreSQL make the session as we need it.

    Behind a pooler a session passes from client to client, so nothing that is set may outlive the transaction.
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


def _open_sqlite(url: URL, lock_wait_s: float) -> Warehouse:
    path = Path(url.database or "")
    place = f"The SQLite file {path}"
    try:
        _make_file(path)
    except OSError as problem:
        raise translate_os(problem, place) from None
    # isolation_level None: the driver begins nothing by itself, `begin` does.
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": lock_wait_s, "isolation_level": None})

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA foreign_keys=ON")
        # Staged rows are wide: in large pages they are written and thrown away at half the cost.
        connection.execute("PRAGMA temp.page_size=32768")
        # Some builds of SQLite overwrite with zeros whatever is thrown away; all of it stands in the tables too.
        connection.execute("PRAGMA temp.secure_delete=OFF")

    return Warehouse(engine, schema=None, place=place, lock_wait_s=lock_wait_s)


def _make_file(path: Path) -> None:
    """Make the file and its folder for the owner only; SQLite gives its companions the file's own mode."""
    for folder in [parent for parent in reversed(path.parents) if not parent.exists()]:
        with contextlib.suppress(FileExistsError):  # another process was quicker
            folder.mkdir(mode=0o700)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    except FileExistsError:
        descriptor = os.open(path, os.O_RDWR)
    os.close(descriptor)


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
    """What the connection gets unless the URL says otherwise.

    `sslrootcert=system` is the machine's own bundle of authorities, for servers whose certificate a public one signed.
    """
    arguments: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "application_name": "inode-pipeline",
        "client_encoding": "utf8",  # what is asked before the first transaction
        "prepare_threshold": None,  # a prepared statement does not survive a pooler that changes sessions
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
