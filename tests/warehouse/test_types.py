"""What is stored comes back as the same value on both databases, and looks as the contract says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from sqlalchemy import insert, select

from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.warehouse.engine import Warehouse, reading, transaction
from inode_pipeline.warehouse.tables import LINKS_TABLE, METADATA, endpoint_table
from inode_pipeline.warehouse.types import utc_text, utc_time

ROW = {
    "link_id": "9007199254740993",
    "name": "Ünï \U0001f6a6 =cmd()\r\n\x1b[31m \u202e",
    "length_m": 0.1 + 0.2,
    "last_sample_count": 2**63 - 1,
    "last_observed_at": datetime(1, 1, 1, tzinfo=UTC),
    "geometry": {"type": "LineString", "coordinates": [[-79.1, 43.7], [0, 1e-7]]},
    "extra": {"deep": [{"ids": 2**53 + 1}, None, True, "é\u2028"]},
    "record_hash": "r",
    "content_hash": "c",
    "first_seen_at": datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    "snapshot_at": datetime(2026, 11, 1, 1, 30, 0, 1, tzinfo=timezone(timedelta(hours=-4))),
    "snapshot_date": date(2026, 11, 1),
}


def test_every_type_comes_back_as_it_was(warehouse: Warehouse) -> None:
    """Integers and times exact, text byte by byte, JSON as its value; what is absent is NULL."""
    with transaction(warehouse) as connection:
        connection.execute(insert(LINKS_TABLE), ROW)
    with reading(warehouse) as connection:
        row = connection.execute(select(LINKS_TABLE)).mappings().one()
    assert {name: row[name] for name in ROW} == ROW
    assert {row[name] for name in row if name not in ROW} == {None}
    assert row["snapshot_at"].utcoffset() == timedelta(0)


def test_sqlite_keeps_times_and_dates_as_text_in_utc(warehouse: Warehouse) -> None:
    """PostgreSQL has types for them; NULL in JSON is NULL in SQL on both."""
    with transaction(warehouse) as connection:
        connection.execute(insert(LINKS_TABLE), {**ROW, "extra": None})
        schema = f"{warehouse.schema}." if warehouse.is_postgresql else ""
        kind = "pg_typeof" if warehouse.is_postgresql else "typeof"
        columns = ("snapshot_at", "snapshot_date", "geometry", "length_m", "last_sample_count")
        kinds = ", ".join(f"CAST({kind}({column}) AS text)" for column in columns)
        row = connection.exec_driver_sql(f"SELECT {kinds}, extra IS NULL FROM {schema}links").one()
        expected = ["timestamp with time zone", "date", "jsonb", "double precision", "bigint"]
        assert (expected if warehouse.is_postgresql else ["text"] * 3 + ["real", "integer"]) == list(row[:-1])
        assert bool(row[-1])
        if not warehouse.is_postgresql:
            told = connection.exec_driver_sql("SELECT snapshot_at, snapshot_date, first_seen_at FROM links").one()
            assert tuple(told) == ("2026-11-01 05:30:00.000001", "2026-11-01", "9999-12-31 23:59:59.999999")


def test_a_time_without_a_zone_is_not_stored(warehouse: Warehouse) -> None:
    """Whoever forgot the zone hears of it at once."""
    with pytest.raises(Exception, match="without a zone"), transaction(warehouse) as connection:
        connection.execute(insert(LINKS_TABLE), {**ROW, "snapshot_at": datetime(2026, 1, 1)})


def test_the_text_of_a_time_sorts_as_the_time_and_leads_back_to_it() -> None:
    """Years below 1000 and whole seconds included."""
    times = [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(987, 6, 5, 4, 3, 2, 1, tzinfo=UTC),
        datetime(2026, 1, 1, tzinfo=UTC),
    ]
    assert [utc_text(time) for time in times] == sorted(utc_text(time) for time in times)
    assert times == [utc_time(utc_text(time)) for time in times]
    assert len({len(utc_text(time)) for time in times}) == 1


def test_an_endpoint_has_one_table_whatever_its_field_map() -> None:
    """Its columns come first and in their order, and every column is explained."""
    assert endpoint_table(LINKS) is LINKS_TABLE
    names = [column.name for column in LINKS.columns]
    assert names == [column.name for column in LINKS_TABLE.columns][: len(names)]
    assert [c.comment for c in LINKS_TABLE.columns][: len(names)] == [c.description for c in LINKS.columns]
    for table in METADATA.sorted_tables:
        assert table.comment
        assert all(column.comment for column in table.columns)
        assert all(len(column.name) <= 63 for column in table.columns)
