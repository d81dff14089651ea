"""Translate a database's error into one of ours, without quoting the value of any row.

The text of a server's error may hold a value ("invalid input syntax for type bigint: ..."), its DETAIL a whole row, and
psycopg's connection errors the password: so only codes and the names of tables and columns are quoted.
Not here: whether to try again, see `sync/dates.py`.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3

import psycopg
from sqlalchemy.exc import DBAPIError

from inode_pipeline import errors
from inode_pipeline.errors import (
    ConfigError,
    DeadlockError,
    LockedError,
    NotMigratedError,
    PipelineError,
    SchemaConflictError,
    WarehouseError,
    WarehouseFullError,
    WarehouseUnavailableError,
)

DATABASE_ERRORS = (DBAPIError, psycopg.Error, sqlite3.Error)
"""What SQLAlchemy and the two drivers raise for a failing statement or connection."""

_UNAVAILABLE = (
    WarehouseUnavailableError,
    "cannot be reached or broke the connection",
    "Check that it runs and that INODE_WAREHOUSE_URL names it; then try again.",
)
_LOCKED = (
    LockedError,
    "is locked by another session, for longer than lock_timeout",
    "Wait for that session to end, or end it; then try again.",
)
_LIMIT = "Raise that limit for the user of INODE_WAREHOUSE_URL (ALTER ROLE ... SET), or try again at a quieter time."
_FORBIDDEN = (
    errors.PermissionError,
    "does not permit this",
    "Give the user of INODE_WAREHOUSE_URL the rights of sql/roles/loader.sql; no row-level policy may hide any.",
)
_FULL = (WarehouseFullError, "has no room left", "Make room on its disk or raise its quota; then sync again.")
_NOT_MIGRATED = (NotMigratedError, "lacks a table of this version", NotMigratedError.REMEDY)
_CONFLICT = (
    SchemaConflictError,
    "refused a statement, so its tables are not those of the migrations",
    "Undo what was changed by hand; `inode-pipeline migrate --sql` prints what the tables should be.",
)
_NO_DATABASE = (ConfigError, "does not exist", "Create the database, or correct INODE_WAREHOUSE_URL.")
_BROKEN = (WarehouseError, "failed", "Look into the database's own log; a restore may be needed.")

_Kind = tuple[type[PipelineError], str, str]

_BY_SQLSTATE: dict[str, _Kind] = {
    "25006": (
        errors.PermissionError,
        "is read-only",
        "Name the primary server and a user who may write; see also default_transaction_read_only.",
    ),
    "3D000": _NO_DATABASE,
    "3F000": _NOT_MIGRATED,
    "40": (DeadlockError, "ended the transaction in favour of another session", "Try again."),
    "42P01": _NOT_MIGRATED,
    "42501": _FORBIDDEN,
    "28": _FORBIDDEN,
    "08": _UNAVAILABLE,
    "57P": _UNAVAILABLE,
    "25P03": (WarehouseUnavailableError, "ended a transaction by its idle_in_transaction_session_timeout", _LIMIT),
    "25P04": (WarehouseUnavailableError, "ended a transaction by its limit transaction_timeout", _LIMIT),
    "57014": (WarehouseUnavailableError, "ended a statement: an administrator or the limit statement_timeout", _LIMIT),
    "53300": _UNAVAILABLE,
    "53": _FULL,
    "55006": _LOCKED,
    "55P03": _LOCKED,
    "22": _CONFLICT,
    "23": _CONFLICT,
    "42": _CONFLICT,
}
"""PostgreSQL's error codes; the longest matching prefix counts."""

_BY_SQLITE_CODE: dict[int, _Kind] = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_READONLY: (errors.PermissionError, "may not be written",
                              "Give the file and its folder to the user who runs this, or change INODE_WAREHOUSE_URL."),
    sqlite3.SQLITE_CANTOPEN: (errors.PermissionError, "cannot be opened",
                              "Give the file and its folder to the user who runs this, or change INODE_WAREHOUSE_URL."),
    sqlite3.SQLITE_PERM: _FORBIDDEN,
    sqlite3.SQLITE_NOTADB: (ConfigError, "is not a SQLite database, or its beginning is damaged",
                            "Correct INODE_WAREHOUSE_URL, or restore the file from a backup."),
    sqlite3.SQLITE_CORRUPT: (WarehouseError, "is damaged",
                             "Restore it from a backup, or save what can be read with .recover of SQLite's shell."),
    sqlite3.SQLITE_IOERR: (WarehouseError, "cannot be read or written: the operating system reports an error",
                           "Check its disk and file system; then run again."),
    sqlite3.SQLITE_CONSTRAINT: _CONFLICT,
    sqlite3.SQLITE_MISMATCH: _CONFLICT,
}  # fmt: skip


def translate(problem: BaseException, place: str = "The warehouse") -> PipelineError:
    """Our error for a database's error. `place` names the database without its password.

    Rolling back on a connection that has just broken fails too; the error before that is the one that counts.
    """
    while isinstance(problem.__context__, DATABASE_ERRORS):
        problem = problem.__context__
    if isinstance(problem, DBAPIError) and problem.orig is not None:
        problem = problem.orig
    if isinstance(problem, psycopg.Error):
        return _of_postgresql(problem, place)
    if isinstance(problem, sqlite3.Error):
        return _of_sqlite(problem, place)
    return _error(_BROKEN, place, type(problem).__name__)


def translate_os(problem: OSError, place: str) -> PipelineError:
    """Our error for a file or folder that the warehouse needs."""
    reason = (problem.strerror or type(problem).__name__).lower()
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return _error(_FULL, place, reason)
    if problem.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return _error(_BY_SQLITE_CODE[sqlite3.SQLITE_READONLY], place, reason)
    return ConfigError(
        f"{place} cannot be created: {reason}.",
        remedy="Correct INODE_WAREHOUSE_URL: its file must be in a folder that exists or can be created.",
    )


def _of_postgresql(problem: psycopg.Error, place: str) -> PipelineError:
    code = problem.sqlstate
    if code is None and isinstance(problem, (psycopg.OperationalError, psycopg.InterfaceError)):
        return _of_connection(problem, place)
    if code is None and isinstance(problem, psycopg.ProgrammingError):  # the driver rejected an option of the URL
        return _wrong_option(place)
    if code is None:  # or rejected a value, before the server saw it
        return _error(_BROKEN, place, type(problem).__name__)
    kind = next((_BY_SQLSTATE[code[:n]] for n in range(5, 1, -1) if code[:n] in _BY_SQLSTATE), _BROKEN)
    named = {"table": problem.diag.table_name, "column": problem.diag.column_name, "key": problem.diag.constraint_name}
    where = "".join(f", {what} {name[:63]}" for what, name in named.items() if name)
    return _error(kind, place, f"{code} {type(problem).__name__}{where}")


def _of_connection(problem: psycopg.Error, place: str) -> PipelineError:
    """An error before the session begins has no code, so its text and libpq's state must do."""
    text = str(problem)
    if "database" in text and "does not exist" in text:
        return _error(_NO_DATABASE, place, "no such database")
    if any(words in text for words in (": invalid ", "weak sslmode", "definition of service", "could not parse")):
        return _wrong_option(place)
    if "local user with ID" in text:
        return ConfigError(
            f"{place} is named without a user, and the user of this process has no name on this machine.",
            remedy="Write INODE_WAREHOUSE_URL as postgresql://user@host/database.",
        )
    if any(word in text for word in ("SSL", "certificate", "root.crt")):
        return ConfigError(
            f"{place} has no certificate that can be trusted, or offers no encryption.",
            remedy="Name its authority with `?sslrootcert=FILE` in INODE_WAREHOUSE_URL; writing another `sslmode` "
            "there gives up the check.",
        )
    asked = problem.pgconn is not None and (problem.pgconn.used_password or problem.pgconn.needs_password)
    refusals = ("authentication failed", "no password supplied", "no pg_hba.conf entry", "permission denied")
    missing_role = "role" in text and "does not exist" in text
    starting = "starting up" in text or "shutting down" in text or "too many" in text or "remaining connection" in text
    if missing_role or any(words in text for words in refusals) or (asked and "FATAL" in text and not starting):
        return errors.PermissionError(
            f"{place} refused the user or the password.",
            remedy="Check the user in INODE_WAREHOUSE_URL and INODE_WAREHOUSE_PASSWORD.",
        )
    return _error(_UNAVAILABLE, place, type(problem).__name__)


def _wrong_option(place: str) -> ConfigError:
    """The option is not named, because psycopg quotes its value as well."""
    return ConfigError(
        f"{place} is named with an option or a value that PostgreSQL's client library does not accept.",
        remedy="Check the port and what follows the ? in INODE_WAREHOUSE_URL, and the environment's PG variables.",
    )


def _of_sqlite(problem: sqlite3.Error, place: str) -> PipelineError:
    code = getattr(problem, "sqlite_errorcode", 0) & 0xFF
    reason = getattr(problem, "sqlite_errorname", type(problem).__name__)
    if code == sqlite3.SQLITE_FULL:
        return _no_room(place)
    kind = _BY_SQLITE_CODE.get(code, _BROKEN)
    if code == sqlite3.SQLITE_ERROR:
        kind = _NOT_MIGRATED if str(problem).startswith("no such table") else _CONFLICT
    return _error(kind, place, reason)


def _no_room(place: str) -> WarehouseFullError:
    """SQLite reports a full disk alike for its file and for its temporary files, so both are named."""
    named = (os.environ.get("SQLITE_TMPDIR"), os.environ.get("TMPDIR"), "/var/tmp", "/usr/tmp", "/tmp", ".")  # noqa: S108 - SQLite's own list
    folder = next((name for name in named if name and os.access(name, os.W_OK | os.X_OK)), ".")
    free_mb = shutil.disk_usage(folder).free / 1e6
    return WarehouseFullError(
        f"{place}, or the folder {folder} of its temporary files ({free_mb:.1f} MB free), has no room left.",
        remedy="Make room there, or name another folder in SQLITE_TMPDIR; then sync again.",
    )


def _error(kind: _Kind, place: str, reason: str) -> PipelineError:
    error, what, remedy = kind
    return error(f"{place} {what} ({reason}).", remedy=remedy)
