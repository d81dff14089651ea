"""Texts, measures and counts: what becomes a value, what is set aside and why."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.endpoints.record import read_key

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
LINK_FIELDS = (
    "id",
    "name",
    "status",
    "origin",
    "distance",
    "last_speed",
    "sample_size",
    "last_updated",
    "geometry",
    "x",
    "x.y",
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Main St", "Main St"),
        ("", ""),
        ("  as it is  ", "  as it is  "),
        ("=cmd()", "=cmd()"),
        ("\x1b[31mred\r\n\u202e", "\x1b[31mred\r\n\u202e"),
        pytest.param("x" * 1_000_000, "x" * 1_000_000, id="1 MB"),
        (17, "17"),
        (2**70, str(2**70)),
        (None, None),
        ({"id": 1}, None),
        (["a"], None),
        (1.5, "rejected: status: neither a text nor an integer"),
        (True, "rejected: status: neither a text nor an integer"),
        ("a\x00b", "rejected: status: a text with a NUL or half of a surrogate pair"),
        ("a\ud800b", "rejected: status: a text with a NUL or half of a surrogate pair"),
    ],
)
def test_m46_a_text_is_kept_as_it_is(one, raw: object, expected: object) -> None:
    """Strings byte for byte, integers as digits; nothing else has one text."""
    assert one("status", "status", raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (12.5, 12.5),
        (12, 12.0),
        (0, 0.0),
        ("12.5000", 12.5),
        (" 12 ", 12.0),
        ("1.25e1", 12.5),
        ("+12.5", 12.5),
        (".5", 0.5),
        ("45.3333333333333333", 45.333333333333336),
        ("1e-400", 0.0),
        (None, None),
    ],
)
def test_m39_a_number_or_a_number_in_a_string_is_a_measure(one, raw: object, expected: float | None) -> None:
    """Decimal strings of the API are the numbers that they spell."""
    assert one("length_m", "distance", raw) == expected


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "an empty text"),
        ("  ", "an empty text"),
        ("abc", "not a number"),
        ("nan", "not a number"),
        ("inf", "not a number"),
        ("Infinity", "not a number"),
        ("0x10", "not a number"),
        ("1_000", "not a number"),
        ("1,5", "not a number"),
        ("१२", "not a number"),
        ("1 2", "not a number"),
        ("1e999", "too large"),
        ("1e99999", "not a number"),
        pytest.param("9" * 1000, "not a number", id="1000 digits"),
        (2**53, "too large to be held exactly"),
        (1e300, "too large to be held exactly"),
        pytest.param(10**400, "too large to be held exactly", id="401 digits"),
        ("12345678901234567.1234", "too large to be held exactly"),
        ("1234567890123456.1234", "more digits than a double holds"),
        (True, "not a number"),
        (-1, "negative"),
        ("-0.5", "negative"),
        (math.nan, "not finite"),
        (math.inf, "not finite"),
    ],
)
def test_m39_what_a_double_cannot_hold_is_set_aside(one, raw: object, reason: str) -> None:
    """Nothing is rounded silently, and a negative length, speed or time is physically impossible."""
    result = one("length_m", "distance", raw)
    assert str(result).startswith("rejected: length_m: ")
    assert reason in result


def test_negative_zero_is_zero(one) -> None:
    """Both databases would print it differently though it is equal."""
    assert math.copysign(1, one("length_m", "distance", -0.0)) == 1
    assert math.copysign(1, one("length_m", "distance", "-0")) == 1


@pytest.mark.parametrize(
    ("column", "unit", "raw", "expected"),
    [
        ("last_speed_kmh", "mph", 100, 160.9344),
        ("last_speed_kmh", "m/s", "10", 36.0),
        ("length_m", "km", 1.5, 1500.0),
        ("length_m", "mi", 1, 1609.344),
        ("length_m", "ft", 10, 3.048),
        ("last_travel_time_s", "min", 2, 120.0),
        ("last_travel_time_s", "ms", 1500, 1.5),
    ],
)
def test_a_measure_is_converted_to_the_warehouses_unit(
    one, mapped, column: str, unit: str, *, raw: object, expected: float
) -> None:
    """Every unit that the field map may name."""
    endpoint = mapped(column, sources=("x",), source_unit=unit)
    assert one(column, "x", raw, endpoint=endpoint) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (7, 7),
        (0, 0),
        ("7", 7),
        ("7.000", 7),
        (7.0, 7),
        (2**63 - 1, 2**63 - 1),
        (str(2**53 + 1), 2**53 + 1),
        (None, None),
    ],
)
def test_m38_a_count_is_exact(one, raw: object, expected: int | None) -> None:
    """Integers up to 2^63 - 1 never pass through a double, even beside NULLs; 7.0 is the integer 7."""
    assert one("last_sample_count", "sample_size", raw) == expected


def test_m38_counts_beside_nulls_stay_exact(typed, link) -> None:
    """A column of integers and nulls is one of integers, not of rounded doubles."""
    frame = typed(link(id=1, sample_size=2**53 + 1), link(id=2, sample_size=None), link(id=3)).frame
    assert str(frame["last_sample_count"].dtype) == "int64[pyarrow]"
    assert frame["last_sample_count"][0] == 2**53 + 1
    assert list(frame["last_sample_count"].isna()) == [False, True, True]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (2**63, "beyond 2^63"),
        ("9223372036854775808", "beyond 2^63"),
        ("1e9999", "beyond 2^63"),
        (1e20, "too large to be held exactly"),
        (7.5, "a fraction"),
        ("7.5", "a fraction"),
        (-1, "negative"),
        (True, "not a number"),
        ("seven", "not a number"),
    ],
)
def test_m38_what_is_no_count_is_set_aside(one, raw: object, reason: str) -> None:
    """A value that does not fit is never wrapped or rounded."""
    result = one("last_sample_count", "sample_size", raw)
    assert str(result).startswith("rejected: last_sample_count: ")
    assert reason in result


@given(ANY_JSON)
def test_m38_the_frame_and_the_walk_read_the_same_key(typed, raw: Any) -> None:
    """`read_key`, by which a walk is proven, and the normaliser never differ."""
    record = {"id": raw, "name": "A"}
    batch = typed(record)
    keys = [*batch.frame["link_id"], *batch.rejected["link_id"].dropna()]
    assert keys == [key for key in [read_key(LINKS, record)] if key is not None]
    assert batch.unreadable == (0 if keys else 1)


@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(LINK_FIELDS, ANY_JSON)), max_size=5))
def test_no_record_can_break_the_normaliser(typed, records: list[dict[str, Any]]) -> None:
    """Every record is typed, set aside or a duplicate, whatever it holds, and reasons stay on one line."""
    batch = typed(*records)
    assert len(batch.frame) + len(batch.rejected) + batch.duplicate == len(records) == batch.received
    places = sorted([*batch.frame["position"], *batch.rejected["position"]])
    assert set(places) <= set(range(1, len(records) + 1))
    assert len(places) == len(set(places))
    assert not batch.rejected[["field", "reason"]].isna().any(axis=None)


@settings(max_examples=40)
@given(st.lists(SCALARS, max_size=6))
def test_a_value_is_typed_alike_alone_and_among_others(typed, values: list[Any]) -> None:
    """The quick path for a column of one type gives what the careful path gives."""
    fields = ("status", "distance", "sample_size", "last_updated")
    for field in fields:
        records = [{"id": number, "name": "A", field: value} for number, value in enumerate(values)]
        together = typed(*records)
        alone = [typed(record) for record in records]
        assert [row for batch in alone for row in batch.frame["record_hash"]] == list(together.frame["record_hash"])
        assert [row for batch in alone for row in batch.rejected["reason"]] == list(together.rejected["reason"])
