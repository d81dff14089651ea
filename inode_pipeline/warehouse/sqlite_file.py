"""The file of a SQLite warehouse: created for its owner only, or read without writing or leaving anything behind.

SQLite shares a file through two companions beside it, `-wal` and `-shm`, which exist while a process has it open.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event

from inode_pipeline.errors import LockedError
from inode_pipeline.warehouse.translation import translate_os


def open_or_make(url: URL, place: str, lock_wait_s: float) -> tuple[Engine, None]:
    """An engine that may write the file, which is created if it is missing."""
    try:
        _make_file(Path(url.database or ""))
    except OSError as problem:
        raise translate_os(problem, place) from None
    return _engine(url, lock_wait_s), None


def read(url: URL, place: str, lock_wait_s: float) -> tuple[Engine, FrozenFile | None]:
    """An engine that writes nothing and creates no file, also for a user who may not write.

    A user who may write creates and removes the companions as usual. One who may not reads through those of a running
    process. If there are none, creating them would leave files that the owner may not write, so the file is opened as
    one that does not change, and `FrozenFile` checks afterwards that it did not.
    """
    path = Path(url.database or "")
    frozen = None
    if _may_write(path) and _may_write(path.parent):
        options = {"mode": "rw"}
    elif _companion(path).exists():
        options = {"mode": "ro"}
    else:
        frozen = FrozenFile(path, place)
        options = {"mode": "ro", "immutable": "1"}
    uri = url.set(database=f"file:{quote(str(path))}", query={**url.query, **options, "uri": "true"})
    return _engine(uri, lock_wait_s, "PRAGMA query_only=ON"), frozen


class FrozenFile:
    """A SQLite file that is read without a lock, because this user may not create the companions that hold one."""

    def __init__(self, path: Path, place: str) -> None:
        self._path = path
        self._place = place
        self._state = self._now()

    def require_unchanged(self) -> None:
        """Make sure that the file did not change while it was read.

        Raises:
            LockedError: another process has written the file meanwhile.

        """
        if self._state is None or self._now() != self._state:
            raise LockedError(
                f"{self._place} was written while it was read.",
                remedy="Try again; or let this user write the file and its folder, so that SQLite can keep both apart.",
            )

    def _now(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return None if _companion(self._path).exists() else (found.st_ino, found.st_size, found.st_mtime_ns)


def _engine(url: URL, lock_wait_s: float, *more: str) -> Engine:
    # isolation_level None: the driver begins nothing by itself, `begin` does.
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": lock_wait_s, "isolation_level": None})

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA foreign_keys=ON")
        # Staged rows are wide: in large pages they cost half as much to write and drop.
        connection.execute("PRAGMA temp.page_size=32768")
        # Some builds of SQLite overwrite deleted data with zeros; staged data is in the tables anyway.
        connection.execute("PRAGMA temp.secure_delete=OFF")
        for pragma in more:
            connection.execute(pragma)

    return engine


def _may_write(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _companion(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _make_file(path: Path) -> None:
    """Make the file and its folder for the owner only; SQLite gives its companions the file's own mode."""
    for folder in [parent for parent in reversed(path.parents) if not parent.exists()]:
        with contextlib.suppress(FileExistsError):  # another process created it first
            folder.mkdir(mode=0o700)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    except FileExistsError:
        descriptor = os.open(path, os.O_RDWR)
    os.close(descriptor)


DEMO_MARK = 0x494E4F44
""" "INOD", the application id of a file created by a demo: its rows are synthetic, and it may be replaced.

https://www.sqlite.org/fileformat.html#application_id
"""


def is_demo(connection: Connection) -> bool:
    """Whether this is the database of a demo; one on PostgreSQL never is."""
    if connection.dialect.name != "sqlite":
        return False
    return connection.exec_driver_sql("PRAGMA application_id").scalar() == DEMO_MARK
