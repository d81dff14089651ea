"""The rights of the warehouse's user, as reported by the database."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine

from inode_pipeline.analysis.status import holds_tables, missing_rights


def test_an_empty_database_holds_no_tables(empty_warehouse):
    """Before the first migration there are no tables to have rights on."""
    assert holds_tables(empty_warehouse) is False


def test_the_owner_lacks_nothing(warehouse):
    """The owner of the tables has all rights."""
    assert holds_tables(warehouse) is True
    assert missing_rights(warehouse) == []


@pytest.mark.postgresql
def test_s10_each_missing_right_is_named(postgresql_server, request):
    """For a user who may only read, the missing rights are listed table by table."""
    from inode_pipeline.warehouse.engine import Warehouse

    database = request.getfixturevalue("_migrated_database")
    postgresql_server.execute("CREATE ROLE reader LOGIN")
    postgresql_server.execute("GRANT USAGE ON SCHEMA inode TO reader", database)
    postgresql_server.execute("GRANT SELECT ON ALL TABLES IN SCHEMA inode TO reader", database)
    engine = create_engine(postgresql_server.url(database, "reader"))
    try:
        missing = missing_rights(Warehouse(engine, schema="inode", place="here"))
    finally:
        engine.dispose()
        postgresql_server.execute("DROP OWNED BY reader", database)
        postgresql_server.execute("DROP ROLE reader")

    assert "INSERT on links" in missing
    assert "DELETE on raw_pages" in missing
    assert not [right for right in missing if right.startswith("SELECT")]
