"""One database server with two databases and two roles: the warehouse's, and that of Dagster's own store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from inode_pipeline.config import LocalSettings
from inode_pipeline.warehouse.engine import open_warehouse
from inode_pipeline.warehouse.migrate import migrate, sql_folder
from tests.postgresql import PostgreSQLServer


@contextmanager
def warehouse_database(server: PostgreSQLServer) -> Iterator[str]:
    """A database with the roles of `sql/roles`, migrated by its owner; removed at the end."""
    database = server.new_database()
    for role in ("owner", "loader"):
        server.execute((sql_folder() / "roles" / f"{role}.sql").read_text(), database)
    owner = LocalSettings(warehouse_url=server.url(database, "inode_owner"), _env_file=None)
    with open_warehouse(owner) as warehouse:
        migrate(warehouse)
    yield database
    server.drop(database)


@contextmanager
def dagster_database(server: PostgreSQLServer) -> Iterator[str]:
    """An empty database, and the role `dagster` that owns it; the database is removed at the end."""
    database = server.new_database()
    if not server.execute("SELECT 1 FROM pg_roles WHERE rolname = 'dagster'"):
        server.execute("CREATE ROLE dagster LOGIN PASSWORD 'secret'")
    server.execute(f"ALTER DATABASE {database} OWNER TO dagster")
    yield database
    server.drop(database)
