"""The mark by which a SQLite file is known as one that a demo has made: its rows are synthetic, and it may be replaced.

Keep out: what a demo does (`cli/demo.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

MARK = 0x494E4F44
""" "INOD", the application id of such a file: https://www.sqlite.org/fileformat.html#application_id"""


def is_demo(connection: Connection) -> bool:
    """Whether this is the database of a demo; one on PostgreSQL never is."""
    if connection.dialect.name != "sqlite":
        return False
    return connection.exec_driver_sql("PRAGMA application_id").scalar() == MARK
