"""The data dictionary: complete, the same everywhere, and true of what the databases hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete, inspect, select

from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.warehouse.analyst_tables import DATA_DICTIONARY
from inode_pipeline.warehouse.dictionary import Entry, entries, explain, read_head, type_of, unit_of
from inode_pipeline.warehouse.engine import Warehouse, reading, transaction
from inode_pipeline.warehouse.migrate import migrate, migration_sql, sql_folder

VIEWS = sql_folder() / "views"
OF_POSTGRESQL = {
    "text": "text",
    "bigint": "bigint",
    "double precision": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp with time zone": "timestamp",
    "timestamp without time zone": "local timestamp",
    "jsonb": "json",
    "bytea": "bytes",
}
HEAD = """\
-- Which links are "O'Hara's" at 100%?
-- Source: a page.
--
-- link_id: the link; see
--     links: there it is explained
-- share_pct: its share of 100 %
-- odd (bigint): a number
SELECT 1 -- not_me: no column
"""


def stored(warehouse: Warehouse) -> list[Entry]:
    with reading(warehouse) as connection:
        columns = [DATA_DICTIONARY.c[name] for name in Entry.__slots__]
        return [Entry(*row) for row in connection.execute(select(*columns))]


def test_every_column_of_every_table_and_view_is_explained(warehouse: Warehouse) -> None:
    """What the database holds and what the dictionary explains are the same, and nothing is left blank."""
    said = stored(warehouse)
    with reading(warehouse) as connection:
        inspector = inspect(connection)
        tables = set(inspector.get_table_names(warehouse.schema)) - {"alembic_version"}
        views = set(inspector.get_view_names(warehouse.schema))
        there = {
            (relation, column["name"])
            for relation in tables | views
            for column in inspector.get_columns(relation, warehouse.schema)
        }
    assert there == {(entry.relation, entry.column_name) for entry in said if entry.column_name}
    assert tables | views == {entry.relation for entry in said if not entry.column_name}
    assert views == {entry.relation for entry in said if entry.kind == "view"}
    assert [] == [entry for entry in said if not entry.description or bool(entry.column_name) != bool(entry.type)]
    assert sorted(entries(VIEWS)) == sorted(said)


@pytest.mark.postgresql
@pytest.mark.parametrize("warehouse_kind", ["postgresql"])
def test_the_types_of_the_dictionary_are_those_of_the_database(warehouse: Warehouse) -> None:
    """Those of views, which are told from a column's name or its comment, included."""
    with reading(warehouse) as connection:
        catalogue = connection.exec_driver_sql(
            "SELECT table_name, column_name, data_type FROM information_schema.columns "
            f"WHERE table_schema = '{warehouse.schema}' AND table_name <> 'alembic_version'"
        )
        there = {(relation, column): OF_POSTGRESQL.get(kind, kind) for relation, column, kind in catalogue}
    assert there == {(e.relation, e.column_name): e.type for e in stored(warehouse) if e.column_name}


@pytest.mark.postgresql
@pytest.mark.parametrize("warehouse_kind", ["postgresql"])
def test_the_comments_of_postgresql_say_the_same(warehouse: Warehouse) -> None:
    """For every table, view and column."""
    with reading(warehouse) as connection:
        catalogue = connection.exec_driver_sql(f"""
            SELECT c.relname, coalesce(a.attname, ''),
                coalesce(col_description(c.oid, a.attnum), obj_description(c.oid))
            FROM pg_class c LEFT JOIN LATERAL (
                SELECT attnum, attname FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
                UNION ALL SELECT 0, NULL) a ON true
            WHERE c.relnamespace = '{warehouse.schema}'::regnamespace AND c.relkind IN ('r', 'v')
            AND c.relname <> 'alembic_version'""")
        there = {(relation, column): words for relation, column, words in catalogue}
    assert there == {(e.relation, e.column_name): e.description for e in stored(warehouse)}


@pytest.mark.owner
def test_a_view_explains_itself_at_the_head_of_its_file(warehouse: Warehouse, tmp_path: Path) -> None:
    """Quotes, percent signs and colons arrive as they are; an indented line goes on with the column before."""
    schema = f"{warehouse.schema}." if warehouse.schema else ""
    (tmp_path / "hundred.sql").write_text(HEAD)
    with transaction(warehouse) as connection:
        connection.exec_driver_sql(f"CREATE VIEW {schema}hundred AS SELECT 'a' AS link_id, 1.5 AS share_pct, 1 AS odd")
        explain(connection, warehouse.schema, tmp_path)
    asked = "Which links are \"O'Hara's\" at 100%? Source: a page."
    expected = [
        Entry("hundred", "", "view", "", None, asked),
        Entry("hundred", "link_id", "view", "text", None, "the link; see links: there it is explained"),
        Entry("hundred", "odd", "view", "bigint", None, "a number"),
        Entry("hundred", "share_pct", "view", "double", "%", "its share of 100 %"),
    ]
    assert expected == sorted(entry for entry in stored(warehouse) if entry.relation == "hundred")
    if warehouse.is_postgresql:
        with reading(warehouse) as connection:
            told = "SELECT obj_description('inode.hundred'::regclass), col_description('inode.hundred'::regclass, 2)"
            assert (asked, "its share of 100 %") == tuple(
                connection.exec_driver_sql(told, execution_options={"no_parameters": True}).one()
            )


def test_a_file_without_a_head_explains_nothing() -> None:
    """Which the test of every column would then tell."""
    assert ("", ()) == (read_head("SELECT 1\n-- link_id: too late").description, read_head("").columns)


def test_migrating_repairs_the_dictionary_and_otherwise_writes_nothing(warehouse: Warehouse) -> None:
    """So that whoever may not write can ask for a migration that is not needed."""
    with transaction(warehouse) as connection:
        connection.execute(delete(DATA_DICTIONARY).where(DATA_DICTIONARY.c.relation == "links"))
    migrate(warehouse)
    assert sorted(entries(VIEWS)) == sorted(stored(warehouse))
    mark = (
        "SELECT max(xmin::text::bigint) FROM inode.data_dictionary"
        if warehouse.is_postgresql
        else "PRAGMA data_version"
    )
    with warehouse.engine.connect() as watching:
        before = watching.exec_driver_sql(mark).scalar_one()
        watching.rollback()
        migrate(warehouse)
        assert before == watching.exec_driver_sql(mark).scalar_one()


def test_the_printed_sql_explains_as_well(empty_warehouse: Warehouse) -> None:
    """Whoever runs it by hand has the same dictionary."""
    statements = migration_sql(empty_warehouse)
    assert "INSERT INTO" in statements
    assert "'The link''s name in iNode.'" in statements
    assert ("COMMENT ON COLUMN" in statements) == empty_warehouse.is_postgresql


def test_the_end_of_a_name_is_its_unit() -> None:
    """As the columns of the links declare it; a count has none, and a name that says nothing is text."""
    assert {c.name: c.unit for c in LINKS.columns} == {c.name: unit_of(c.name) for c in LINKS.columns}
    assert ["s/km", "%", None, "h", "d", "min"] == [
        unit_of(name)
        for name in ("delay_s_per_km", "coverage_pct", "n_days", "silent_hours", "days_listed", "minutes_old")
    ]
    assert ["double", "bigint", "boolean", "timestamp", "text"] == [
        type_of(name) for name in ("p95_s", "n_weeks", "is_expanded", "last_seen_at", "change_kind")
    ]
