"""One load at a time: the load's connection, its lock, and certainty about its commit.

On PostgreSQL everything is one transaction behind an advisory lock that ends with it, which holds behind a pooler too.
On SQLite the temporary tables are filled first, and only then the file's one write lock is taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b

import psycopg
from sqlalchemy import Connection, RootTransaction, select
from sqlalchemy.exc import DBAPIError

from inode_pipeline.errors import AlreadyRunningError, PipelineError, WarehouseUnavailableError
from inode_pipeline.warehouse.engine import WHOLE_TABLES, Warehouse, begin, transaction
from inode_pipeline.warehouse.tables import LOADS
from inode_pipeline.warehouse.translation import DATABASE_ERRORS, translate

RETRY_PAUSE_S = 1.0
"""The pause between attempts to reach a database that broke the connection during the commit."""


class Session:
    """The connection of one load. `lock` may be called repeatedly; after the first call no other load can run."""

    def __init__(self, warehouse: Warehouse, connection: Connection) -> None:
        self.connection = connection
        self._warehouse = warehouse
        self._locked: RootTransaction | None = None
        if warehouse.is_postgresql:
            self.lock()

    @contextmanager
    def staging(self) -> Iterator[Connection]:
        """A short transaction on temporary tables, or the load's own if that has begun."""
        if self._locked is not None:
            yield self.connection
            return
        with self.connection.begin():
            self.connection.exec_driver_sql("BEGIN")
            yield self.connection

    def lock(self) -> Connection:
        """Begin the load's transaction, and wait until no other load is in one.

        Raises:
            AlreadyRunningError: on PostgreSQL, another load is still at work after the warehouse's `lock_wait_s`.

        """
        if self._locked is None:
            self._locked = self.connection.begin()
            begin(self._warehouse, self.connection, "BEGIN IMMEDIATE", WHOLE_TABLES)
            if self._warehouse.is_postgresql:
                wait_for_other_loads(self._warehouse, self.connection)
        return self.connection

    def commit(self) -> None:
        """Commit what was done under the lock; nothing if it was never taken."""
        if self._locked is not None:
            self._locked.commit()
        self._locked = None

    def rollback(self) -> None:
        """Undo everything that is not committed."""
        if self._locked is not None:
            self._locked.rollback()
        self._locked = None


@contextmanager
def exclusive(warehouse: Warehouse, load_id: str, *, at_end: Callable[[Connection], None]) -> Iterator[Session]:
    """The session of one load, committed at the end, undone by any error. `at_end` runs once the lock is released.

    If the answer to the commit is lost, the row in `loads` shows whether the load was committed.

    Raises:
        PipelineError: any class that `translation` gives a failing database.

    """
    try:
        with warehouse.engine.connect() as connection:
            session = Session(warehouse, connection)
            try:
                yield session
                _commit(warehouse, session, load_id)
            finally:
                if not connection.invalidated:
                    session.rollback()
                    at_end(connection)
    except DATABASE_ERRORS as problem:
        raise translate(problem, warehouse.place) from None


def wait_for_other_loads(warehouse: Warehouse, connection: Connection) -> None:
    """Take the lock of this schema's loads until the transaction ends."""
    name = f"inode_pipeline load {warehouse.schema}".encode()
    number = int.from_bytes(blake2b(name, digest_size=8).digest(), signed=True)
    try:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (number,))
    except DBAPIError as problem:
        if not isinstance(problem.orig, psycopg.errors.LockNotAvailable):
            raise
        raise AlreadyRunningError(
            f"{warehouse.place} is being loaded by another run, which did not end within {warehouse.lock_wait_s:g} s.",
            remedy="Wait for that run to end; then try again.",
        ) from None


def _commit(warehouse: Warehouse, session: Session, load_id: str) -> None:
    try:
        session.commit()
    except DATABASE_ERRORS as problem:
        error = translate(problem, warehouse.place)
    else:
        return
    if not (isinstance(error, WarehouseUnavailableError) and _is_committed(warehouse, load_id, error)):
        raise error


def _is_committed(warehouse: Warehouse, load_id: str, lost: PipelineError) -> bool:
    """Ask over a new connection, behind the load's lock: the server may still be committing."""
    until = time.monotonic() + warehouse.lock_wait_s
    while True:
        try:
            with transaction(warehouse) as connection:
                wait_for_other_loads(warehouse, connection)
                return connection.scalar(select(LOADS.c.load_id).where(LOADS.c.load_id == load_id)) is not None
        except WarehouseUnavailableError:
            if time.monotonic() > until:
                raise WarehouseUnavailableError(
                    f"{lost.message} It happened during the commit of load {load_id}, which is therefore "
                    "done as a whole or not at all.",
                    remedy="When the database is back, sync or replay the date again: a second load changes nothing.",
                ) from None
            time.sleep(RETRY_PAUSE_S)
