"""`migrate` creates the tables, prints the SQL for it, or says whether it is needed."""

from __future__ import annotations

import sqlite3

import pytest

from inode_pipeline.warehouse.engine import reading
from inode_pipeline.warehouse.migrate import pending


@pytest.fixture
def place(warehouse_url, monkeypatch):
    """A database without tables, of each kind in turn, named in the settings; no credentials or zone are set."""
    monkeypatch.setenv("INODE_WAREHOUSE_URL", warehouse_url)


def test_check_says_what_is_pending_and_changes_nothing(run, place, empty_warehouse):
    """Before: exit 1 and the names; after `migrate`: exit 0."""
    names = pending(empty_warehouse)

    before = run("migrate", "--check")
    assert before.code == 1
    assert before.stderr.startswith("[NotMigratedError] ")
    assert all(name in before.stderr for name in names)
    assert names == pending(empty_warehouse)

    applied = run("migrate")
    assert (0, "".join(f"applied {name}\n" for name in names)) == (applied.code, applied.stdout)
    assert (run("migrate", "--check").code, run("migrate", "--check").stdout) == (0, "No migration is pending.\n")
    assert (run("migrate").code, run("migrate").stdout) == (0, "No migration was pending.\n")


def test_sql_prints_the_statements_and_changes_nothing(run, place, empty_warehouse):
    """The printed SQL creates the tables, which are still missing in the database."""
    names = pending(empty_warehouse)
    ended = run("migrate", "--sql")

    assert (ended.code, ended.stderr) == (0, "")
    assert "CREATE TABLE" in ended.stdout
    assert names == pending(empty_warehouse)


def test_the_printed_statements_are_the_migration(run, tmp_path, monkeypatch):
    """After running them by hand on SQLite, nothing is pending."""
    monkeypatch.setenv("INODE_WAREHOUSE_URL", f"sqlite:///{tmp_path / 'by-hand.db'}")
    statements = run("migrate", "--sql").stdout
    with sqlite3.connect(tmp_path / "by-hand.db") as connection:
        connection.executescript(statements)
    connection.close()

    assert run("migrate", "--check").code == 0


def test_sql_and_check_exclude_each_other(run):
    """Exit 2, nothing done."""
    assert run("migrate", "--sql", "--check").code == 2


def test_an_unwritable_database_is_reported(run, monkeypatch):
    """A folder that cannot be created is named with its setting; exit 2 or 1, never a traceback."""
    monkeypatch.setenv("INODE_WAREHOUSE_URL", "sqlite:////proc/none/inode.db")
    ended = run("migrate")

    assert ended.code in (1, 2)
    assert "cannot be created: no such file or directory." in ended.stderr
    assert "INODE_WAREHOUSE_URL" in ended.stderr


def test_m50_a_database_that_does_not_answer_is_a_passing_trouble(run, monkeypatch):
    """Exit 3 if nothing listens on the port."""
    monkeypatch.setenv("INODE_WAREHOUSE_URL", "postgresql://ann@127.0.0.1:1/traffic")
    ended = run("migrate")

    assert ended.code == 3
    assert ended.stderr.startswith("[WarehouseUnavailableError] ")


def test_the_tables_are_there_afterwards(run, place, empty_warehouse):
    """The migrated views and tables can be read by name."""
    run("migrate")

    with reading(empty_warehouse) as connection:
        assert connection.exec_driver_sql(f"SELECT count(*) FROM {_prefix(empty_warehouse)}links").scalar() == 0


def _prefix(warehouse) -> str:
    return f"{warehouse.schema}." if warehouse.schema else ""
