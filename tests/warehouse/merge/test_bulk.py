"""A DataFrame goes into a staging table value by value as it is, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import func, select, text

from inode_pipeline.errors import SchemaConflictError
from inode_pipeline.warehouse.bulk import copy_in
from inode_pipeline.warehouse.engine import transaction
from inode_pipeline.warehouse.staging import staging_of
from inode_pipeline.warehouse.tables import LINKS_TABLE

TEXTS = [
    "",
    " ",
    "NULL",
    "\\N",
    "\\.",
    'a "quoted", b',
    "two\nlines\r\nand\ttab",
    "ü 東京 🚦",
    "=cmd()",
    "\x1b[31mred",
    "x" * 10**6,
]
NUMBERS = [0.1, -0.0, 5e-324, 1.7976931348623157e308, 123456789.12345679, 1 / 3]
INTEGERS = [2**53 + 1, -(2**63), 2**63 - 1, 0]
TIMES = [
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 0, 0, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
]


def frame_with(loader: Any, column: str, values: pd.Series) -> pd.DataFrame:
    frame = loader.frame_of({str(number): 0 for number in range(len(values))})
    frame[column] = values
    return frame


def stage_all(loader: Any, load: Any, frames: list[pd.DataFrame]) -> None:
    for frame in frames:
        load.stage(frame, loader.rejects_of([]))


def round_trip(loader: Any, column: str, values: pd.Series) -> list[Any]:
    """What the staging table holds after the values were copied into one of its columns."""
    staging = staging_of(LINKS_TABLE, is_postgresql=loader.warehouse.is_postgresql)
    place = (staging.records.c.page, staging.records.c.position)
    with transaction(loader.warehouse) as connection:
        staging.create(connection)
        assert copy_in(connection, staging.records, frame_with(loader, column, values)) == len(values)
        found = list(connection.scalars(select(staging.records.c[column]).order_by(*place)))
        for table in (staging.records, staging.rejected, staging.changes):
            table.drop(connection)
    return found


def test_texts_arrive_as_they_are(loader: Any) -> None:
    """Empty is not NULL, and nothing in a text is taken for a separator, a quote or an end."""
    found = round_trip(loader, "name", pd.Series([*TEXTS, None], dtype="string"))
    assert [*TEXTS, None] == found


def test_numbers_arrive_to_the_last_bit(loader: Any) -> None:
    """Shortest form out, the same double in; NaN and NA are NULL."""
    values = pd.Series([*NUMBERS, None], dtype="Float64")
    assert [*NUMBERS, None] == round_trip(loader, "length_m", values)
    assert round_trip(loader, "length_m", pd.Series([1.5, float("nan"), None], dtype="float64")) == [1.5, None, None]
    assert round_trip(loader, "length_m", pd.Series([1.5, float("nan"), pd.NA], dtype="object")) == [1.5, None, None]


def test_integers_stay_exact(loader: Any) -> None:
    """With NULLs beside them, and whether they are Python's, pandas' or NumPy's own."""
    assert [*INTEGERS, None] == round_trip(loader, "last_sample_count", pd.Series([*INTEGERS, None], dtype="Int64"))
    mixed = pd.Series([np.int64(7), 2**53 + 1, pd.NA, None], dtype="object")
    assert round_trip(loader, "last_sample_count", mixed) == [7, 2**53 + 1, None, None]


def test_times_arrive_to_the_microsecond(loader: Any) -> None:
    """From year 1 to 9999; NaT is NULL."""
    values = pd.Series([*TIMES, pd.NaT], dtype="datetime64[us, UTC]")
    assert [*TIMES, None] == round_trip(loader, "last_observed_at", values)


def test_json_text_becomes_json(loader: Any) -> None:
    """Geometry and extra are staged as text and are values afterwards."""
    values = pd.Series(['{"a":[1,2.50,"ü\\n"]}', "[]", "0", None], dtype="string")
    assert round_trip(loader, "extra", values) == [{"a": [1, 2.5, "ü\n"]}, [], 0, None]


@pytest.mark.parametrize("warehouse_kind", ["sqlite"], indirect=True)
def test_sqlite_keeps_every_value_in_the_type_of_its_column(loader: Any) -> None:
    """A NumPy integer would be bound as a BLOB without a word."""
    frame = loader.frame_of({"a": 1})
    frame["last_sample_count"] = pd.Series([np.int64(3)], dtype="object")
    with loader.loading(loader.land(0)) as load:
        load.stage(frame, loader.rejects_of([]))
        load.merge(loader.rules, loader.facts(1))
    columns = ("link_id", "length_m", "last_sample_count", "last_observed_at", "geometry", "snapshot_date")
    kinds = select(*(func.typeof(LINKS_TABLE.c[name]) for name in columns))
    with loader.warehouse.engine.connect() as connection:
        assert tuple(connection.execute(kinds).one()) == ("text", "real", "integer", "text", "text", "text")
        stored = connection.execute(text("SELECT last_observed_at, snapshot_date FROM links")).one()
    assert tuple(stored) == ("2026-03-02 04:30:00.000000", "2026-03-01")


@pytest.mark.parametrize(
    ("column", "poison", "canary"),
    [
        ("last_sample_count", 2**63, "9223372036854775808"),
        ("name", 41.25, "41.25"),
        ("length_m", "canary", "canary"),
        ("name", "canary\ud800", "canary"),
    ],
)
def test_m54_a_poison_row_in_a_later_chunk_leaves_nothing(
    loader: Any, column: str, poison: object, canary: str
) -> None:
    """The error names the record's key and the column, never the value; no row of any chunk is visible."""
    frame = loader.frame_of({"d": 0, "e": 0, "f": 0})
    frame[column] = pd.Series([None, poison, None], dtype="object")
    chunks = [loader.frame_of({"a": 0, "b": 0}), frame, loader.frame_of({"g": 0})]
    with pytest.raises(SchemaConflictError) as caught, loader.loading(loader.land(0)) as load:
        stage_all(loader, load, chunks)
    assert column in caught.value.message
    assert "link_id e (page 1, position 2)" in caught.value.message
    assert canary not in str(caught.value)
    assert (loader.rows(), loader.loads()) == ({}, [])


def test_a_record_without_a_key_is_named_by_its_place(loader: Any) -> None:
    """NULL is no key."""
    frame = loader.frame_of({"a": 0, "b": 0})
    frame["link_id"] = pd.Series(["a", None], dtype="string")
    with (
        pytest.raises(SchemaConflictError, match=r"link_id .*page 1, position 2"),
        loader.loading(loader.land(0)) as load,
    ):
        load.stage(frame, loader.rejects_of([]))


@pytest.mark.postgresql
@pytest.mark.parametrize("poison", ['{"a":"canary\\u0000"}', "canary {", "canary \x00"])
@pytest.mark.parametrize("warehouse_kind", ["postgresql"], indirect=True)
def test_m54_a_value_that_only_the_server_refuses_is_named_too(loader: Any, poison: str) -> None:
    """The server counts lines, and texts before it may hold line breaks."""
    frame = loader.frame_of({"d": 0, "e": 0, "f": 0})
    frame["name"] = pd.Series(["two\nlines", "and\r\nthree\nmore", None], dtype="string")
    frame["extra"] = pd.Series([None, poison, None], dtype="string")
    with pytest.raises(SchemaConflictError) as caught, loader.loading(loader.land(0)) as load:
        load.stage(frame, loader.rejects_of([]))
    assert "link_id e (page 1, position 2)" in caught.value.message
    assert "canary" not in str(caught.value)
    assert loader.rows() == {}
