"""How the views come into a warehouse: one text for both databases, made again when it changes, never in the way."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from inode_pipeline.config import LocalSettings
from inode_pipeline.warehouse import views as rooms
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse, reading, transaction
from inode_pipeline.warehouse.migrate import migrate, migration_sql, pending, require_migrated, sql_folder
from inode_pipeline.warehouse.views import spell

FOLDER = sql_folder() / "views"


def names(warehouse: Warehouse) -> set[str]:
    with reading(warehouse) as connection:
        return set(inspect(connection).get_view_names(warehouse.schema))


def stale(warehouse: Warehouse) -> None:
    """As if an older version had made the views: one of them otherwise, one that is gone since."""
    with transaction(warehouse) as connection:
        rooms.execute(connection, rooms.drop_statements(rooms.stored_state(connection, warehouse.schema)))
        old = (rooms.View("data_now", "SELECT 1 AS old"), rooms.View("long_gone", "SELECT old FROM data_now"))
        rooms.execute(connection, rooms.create_statements(old, postgresql=warehouse.is_postgresql))


def test_every_view_file_is_a_view(warehouse: Warehouse) -> None:
    """Migrating makes them all, each after those it uses, and leaves nothing to do."""
    assert names(warehouse) == {file.stem for file in FOLDER.glob("*.sql")}
    assert pending(warehouse) == []


@pytest.mark.owner
def test_views_that_differ_are_made_again(warehouse: Warehouse) -> None:
    """An older version's views go, those of this one come; a load did not need them in the meantime."""
    stale(warehouse)
    assert names(warehouse) == {"data_now", "long_gone"}
    assert pending(warehouse) == ["views"]
    require_migrated(warehouse)
    assert migrate(warehouse) == ["views"]
    assert names(warehouse) == {file.stem for file in FOLDER.glob("*.sql")}
    assert (pending(warehouse), migrate(warehouse)) == ([], [])


def test_the_printed_statements_make_them_again(tmp_path: Path) -> None:
    """An administrator may do by hand what `migrate` does."""
    path = tmp_path / "inode.db"
    with open_warehouse(LocalSettings(warehouse_url=f"sqlite:///{path}", _env_file=None)) as warehouse:
        migrate(warehouse)
        stale(warehouse)
        statements = migration_sql(warehouse)
        connection = sqlite3.connect(path)
        connection.executescript(statements)
        connection.close()
        assert pending(warehouse) == []
        assert names(warehouse) == {file.stem for file in FOLDER.glob("*.sql")}


@pytest.mark.postgresql
def test_the_analyst_sees_views_made_after_the_grant(postgresql_server, postgresql_database: str) -> None:
    """Dropped and made again, they are readable without another grant."""
    for name in ("owner", "loader", "analyst"):
        postgresql_server.execute((sql_folder() / "roles" / f"{name}.sql").read_text(), postgresql_database)

    def opened(role: str) -> Warehouse:
        url = postgresql_server.url(postgresql_database, user=f"inode_{role}")
        return open_warehouse(LocalSettings(warehouse_url=url, _env_file=None))

    with opened("owner") as owner:
        migrate(owner)
        stale(owner)
        assert migrate(owner) == ["views"]
    with opened("analyst") as analyst, reading(analyst) as connection:
        assert connection.execute(text("SELECT count(*) FROM inode.data_freshness")).scalar() == 1


def test_a_view_uses_nothing_of_a_database_beside_its_dialect() -> None:
    """No time zone name, no function of one database only, no parameter; each differs from the other by spelling."""
    foreign = ("at time zone", "strftime", "to_char", "percentile_cont", "generate_series", "julianday", "::", "now()")
    for file in FOLDER.glob("*.sql"):
        body = rooms.without_comments(file.read_text()).lower()
        assert [word for word in foreign if word in body] == [], file.name


def test_a_notion_is_spelled_with_its_argument_in_brackets() -> None:
    """Nested ones too; a simple name needs none."""
    assert spell("SELECT @date(@epoch(a.b) + 60)", postgresql=False) == (
        "SELECT date((CAST(strftime('%s', substr(a.b, 1, 19)) AS integer) + 60), 'unixepoch')"
    )
    assert spell("SELECT 1", postgresql=True) == "SELECT 1"
    with pytest.raises(ValueError, match="@moon"):
        spell("SELECT @moon(1)", postgresql=True)
    with pytest.raises(ValueError, match="closed"):
        spell("SELECT @date((1)", postgresql=True)


VALUES = {
    "epoch": ("(SELECT max(snapshot_at) FROM loads)", None),
    "instant": ("1780000000", "2026-05-28 20:26:40"),
    "date": ("1780000000", "2026-05-28"),
    "month": ("1780000000", "2026-05"),
    "day_of_month": ("1780000000", "28"),
    "timestamp": ("1780000000", "2026-05-28 20:26:40"),
    "whole": ("2.5", "3"),
    "plain": ("1234.5", "1234.5"),
}


@pytest.mark.parametrize(("notion", "argument", "expected"), [(name, *value) for name, value in VALUES.items()])
def test_both_databases_understand_a_notion_alike(warehouse: Warehouse, notion, argument, expected) -> None:
    """The value is the same, as text without what lies below the second."""
    with reading(warehouse) as connection:
        statement = spell(f"SELECT @{notion}({argument})", postgresql=warehouse.is_postgresql)
        found = connection.execute(text(statement.replace(":", r"\:"))).scalar()
    assert (None if found is None else str(found)[: len(expected or "")]) == expected


def test_a_folder_of_views_may_be_anywhere(tmp_path: Path) -> None:
    """They are ordered by what they use, whatever their names."""
    shutil.copy(FOLDER / "data_now.sql", tmp_path)
    (tmp_path / "a_first.sql").write_text("-- Uses it.\nSELECT now_at FROM data_now\n")
    assert [view.name for view in rooms.read_views(tmp_path)] == ["data_now", "a_first"]
