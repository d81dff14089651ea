"""Rows: duplicates within a page, hashes, what is counted, and the frame's shape."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inode_pipeline.api.answer import read_answer
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.normalise import Normaliser
from inode_pipeline.normalise.normaliser import fingerprints

T1, T2 = "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000001Z"


@pytest.mark.parametrize(
    ("first", "second", "winner"),
    [
        ({}, {}, "second"),
        ({"last_updated": T1}, {"last_updated": T1}, "second"),
        ({"last_updated": T2}, {"last_updated": T1}, "first"),
        ({"last_updated": T1}, {"last_updated": T2}, "second"),
        ({"last_updated": T1}, {}, "first"),
        ({}, {"last_updated": T1}, "second"),
        ({"last_updated": "2026-01-01T01:00:00+01:00"}, {"last_updated": "2025-12-31T19:00:00-05:00"}, "second"),
    ],
)
def test_m43_of_two_records_with_one_id_the_one_measured_last_wins(
    typed, first: dict[str, Any], second: dict[str, Any], winner: str
) -> None:
    """NULL is the smallest time, and of equal times the later record wins; the other is counted."""
    batch = typed(
        {"id": 1, "name": "first", "last_speed": 5} | first,
        {"id": 2, "name": "between"},
        {"id": "1", "name": "second", "last_speed": 5} | second,
    )
    names = ["first", "between"] if winner == "first" else ["between", "second"]
    assert list(batch.frame["name"]) == names
    assert (batch.duplicate, batch.received, len(batch.rejected)) == (1, 3, 0)


def test_m43_a_rejected_record_is_no_duplicate(typed, link) -> None:
    """Each record counts once, rejected before duplicate, and a typed record of the same id stays."""
    batch = typed(link(last_updated=T2, distance="far"), link(last_updated=T1, last_speed=5), link(last_speed=5))
    assert list(batch.frame["position"]) == [2]
    assert list(batch.rejected["position"]) == [1]
    assert (batch.duplicate, batch.unreadable) == (1, 0)


def test_the_frame_has_every_column_with_a_nullable_type(typed, link) -> None:
    """A page of records, an empty one and one of NULLs have the same columns and types."""
    full = typed(link(distance=1, last_updated=T1, sample_size=3)).frame
    text, number, count = "large_string[pyarrow]", "double[pyarrow]", "int64[pyarrow]"
    expected = dict.fromkeys((column.name for column in LINKS.columns), text) | {
        "length_m": number,
        "free_flow_speed_kmh": number,
        "free_flow_travel_time_s": number,
        "last_speed_kmh": number,
        "last_travel_time_s": number,
        "last_sample_count": count,
        "last_observed_at": "timestamp[us, tz=UTC][pyarrow]",
        "page": count,
        "position": count,
        "record_hash": text,
        "content_hash": text,
    }
    for frame in (full, typed().frame, typed(link()).frame, typed({"id": None}).frame):
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == expected
        assert list(frame.columns) == list(expected)


def test_the_rejected_frame_has_its_columns_even_when_empty(typed, link) -> None:
    """page, position, link_id, field and reason."""
    for rejected in (typed().rejected, typed(link()).rejected, typed({}).rejected):
        assert {name: str(dtype) for name, dtype in rejected.dtypes.items()} == {
            "page": "int64[pyarrow]",
            "position": "int64[pyarrow]",
            "link_id": "large_string[pyarrow]",
            "field": "large_string[pyarrow]",
            "reason": "large_string[pyarrow]",
        }


def test_counts_add_up_over_the_pages(link) -> None:
    """The normaliser's totals are the sums of its batches."""
    normaliser = Normaliser(LINKS)
    normaliser.page(1, [link(id=1), link(id=1), link(id=None)])
    second = normaliser.page(2, [link(id=2, last_updated=T1, last_speed=5), link(id=3, distance="x")])
    assert list(second.frame["page"]) == [2]
    totals = (normaliser.received, normaliser.rejected, normaliser.duplicate, normaliser.unreadable)
    assert (totals, normaliser.counts.no_data) == ((5, 2, 1, 1), 1)


@pytest.mark.parametrize(
    ("record", "no_data"),
    [
        ({}, 1),
        ({"last_updated": T1}, 1),
        ({"last_speed": 5}, 1),
        ({"last_updated": T1, "last_speed": 5}, 0),
        ({"last_updated": T1, "last_travel_time": 0}, 0),
        ({"last_updated": T1, "sample_size": 0}, 0),
    ],
)
def test_a_record_without_a_time_or_a_measurement_is_no_data(typed, link, record: dict[str, Any], no_data: int) -> None:
    """It is a link all the same; only no observation."""
    batch = typed(link(**record))
    assert (batch.no_data, len(batch.frame)) == (no_data, 1)


def test_spelling_does_not_change_a_hash() -> None:
    """12.50 and "12.5", key order, white space and the way an instant is written are all one record."""
    spellings = [
        b'{"id":1,"name":"A","distance":12.50,"sample_size":3,"last_updated":"2026-01-01T00:00:00Z","x":{"a":1,"b":2}}',
        (
            b'{"x":{"b":2, "a":1}, "last_updated":"2025-12-31T19:00-05", "sample_size":"3",\n"distance":"12.5", '
            b'"name" : "\\u0041", "id":"1"}'
        ),
    ]
    frames = [Normaliser(LINKS).page(1, read_answer(b"[" + text + b"]").records).frame for text in spellings]
    hashes = [tuple(frame[["record_hash", "content_hash"]].iloc[0]) for frame in frames]
    assert hashes[0] == hashes[1]


CHANGES = [
    ("name", {"name": "B"}, True),
    ("data_source", {"data_source": "Sensor"}, True),
    ("grid", {"grid": "G"}, True),
    ("origin_sensor_id", {"origin": {"id": 1}}, True),
    ("origin_sensor_name", {"origin": {"name": "1"}}, True),
    ("destination_sensor_id", {"destination": {"id": 1}}, True),
    ("length_m", {"distance": 5}, True),
    ("free_flow_speed_kmh", {"free_flow_speed": 5}, True),
    ("free_flow_travel_time_s", {"free_flow_time": 5}, True),
    ("geometry", {"geometry": {"type": "Point", "coordinates": [1, 2]}}, True),
    ("status", {"status": "x"}, False),
    ("extra", {"whatever": 1}, False),
    ("last_speed_kmh", {"last_speed": 5}, False),
    ("last_travel_time_s", {"last_travel_time": 5}, False),
    ("last_sample_count", {"sample_size": 5}, False),
    ("last_observed_at", {"last_updated": T1, "last_speed": 5}, False),
    ("link_id", {"id": 2}, False),
]


@pytest.mark.parametrize(("column", "change", "is_configuration"), CHANGES)
def test_content_hash_covers_the_configuration_only(
    typed, link, column: str, change: dict[str, Any], *, is_configuration: bool
) -> None:
    """Every column changes record_hash; names, sensors, length, free flow, source, grid and geometry content_hash."""
    before, after = typed(link()).frame.iloc[0], typed(link(**change)).frame.iloc[0]
    assert str(before[column]) != str(after[column])
    assert before["record_hash"] != after["record_hash"]
    assert (before["content_hash"] != after["content_hash"]) is is_configuration


def test_record_hash_covers_the_version_and_content_hash_does_not() -> None:
    """A new version writes every row again but makes no new configuration."""
    rows = [("1", None, 12.5, 3)]
    assert len({*fingerprints(rows, version=1), *fingerprints(rows, version=2), *fingerprints(rows)}) == 3


def test_a_hash_stays_the_same_for_ever() -> None:
    """Stored hashes are compared with those of later releases: this one must never change."""
    row = ("1", "A → B", None, 12.5, 2**53 + 1, -1)
    bytes_by_hand = b"\x96\xa11\xa7A \xe2\x86\x92 B\xc0\xcb\x40\x29\0\0\0\0\0\0\xcf\0\x20\0\0\0\0\0\x01\xff"
    assert fingerprints([row]) == [blake2b(bytes_by_hand, digest_size=8).hexdigest()]
    assert fingerprints([row], version=1) == [blake2b(b"\x01" + bytes_by_hand, digest_size=8).hexdigest()]


VALUES = st.none() | st.text() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)


@given(st.lists(VALUES, max_size=4), st.lists(VALUES, max_size=4))
def test_rows_hash_alike_only_if_they_are_equal(first: list[Any], second: list[Any]) -> None:
    """The boundary between two texts, NULL and "", 1 and 1.0 are all told apart."""
    same = [repr(value) for value in first] == [repr(value) for value in second]
    assert (fingerprints([first]) == fingerprints([second])) is same


@given(
    st.dictionaries(st.sampled_from(["status", "grid", "x", "y"]), st.none() | st.text() | st.integers(), min_size=2)
)
def test_key_order_does_not_change_a_hash(typed, link, rest: dict[str, Any]) -> None:
    """Objects have no order."""
    forwards, backwards = link(**rest), dict(reversed(link(**rest).items()))
    pd.testing.assert_frame_equal(typed(forwards).frame, typed(backwards).frame)
    again = read_answer(json.dumps([backwards], indent=3).encode()).records
    assert list(typed(*again).frame["record_hash"]) == list(typed(forwards).frame["record_hash"])
