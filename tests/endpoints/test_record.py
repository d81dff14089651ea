"""Where a record's values are found, and how its key is read."""

from __future__ import annotations

import pytest

from inode_pipeline.endpoints import all_endpoints
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.endpoints.record import ABSENT, read_key, source_in, value_at


def test_endpoints_are_found_without_a_list_of_them() -> None:
    """A new endpoint is its file in endpoints/ and no entry elsewhere."""
    assert all_endpoints()["links"] is LINKS


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("id", 7),
        ("origin.id", 3),
        ("origin", {"id": 3, "gone": None}),
        ("origin.gone", None),
        ("origin.id.deeper", ABSENT),
        ("nowhere", ABSENT),
        ("nowhere.at.all", ABSENT),
        ("dotted.key", "top"),
        ("tags.0", ABSENT),
    ],
)
def test_a_dotted_path_leads_into_objects_and_an_exact_key_wins(path: str, expected: object) -> None:
    """Null is a value and is not the same as nothing; lists are not entered."""
    record = {"id": 7, "origin": {"id": 3, "gone": None}, "dotted": {"key": "inner"}, "dotted.key": "top", "tags": [1]}
    assert value_at(record, path) == expected


def test_an_object_is_no_source_of_a_text_but_one_of_a_geometry() -> None:
    """`origin` may be an id or an object: the object is looked into, never stored as the id."""
    assert source_in(LINKS["origin_sensor_id"], {"origin": {"name": "A"}}) is None
    assert source_in(LINKS["origin_sensor_id"], {"origin": "A-1"}) == "origin"
    assert source_in(LINKS["origin_sensor_id"], {"origin": {"id": 1}, "origin_id": 2}) == "origin.id"
    assert source_in(LINKS["geometry"], {"geometry": {"type": "Point"}}) == "geometry"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2**53 + 1, "9007199254740993"),
        (2**63, "9223372036854775808"),
        (-5, "-5"),
        ("123", "123"),
        ("0123", "0123"),
        (" padded ", " padded "),
        ("Straße 🚗", "Straße 🚗"),
        (1.0, None),
        (True, None),
        (None, None),
        ("", None),
        ("a\nb", None),
        ("a\x00b", None),
        ("a\x85b", None),
        ("\ud800", None),
        ({}, None),
        ([1], None),
        pytest.param(10**5000, None, id="5001 digits"),
    ],
)
def test_m38_a_key_is_an_integers_digits_or_the_string_itself(value: object, expected: str | None) -> None:
    """Nothing is rounded, padded or guessed: what is neither has no key."""
    assert read_key(LINKS, {"id": value}) == expected


def test_m38_a_record_without_a_key_has_none() -> None:
    """Missing, and records that are no objects."""
    assert [read_key(LINKS, record) for record in ({}, {"ID": 1}, None, 5, "5", [5])] == [None] * 6


def test_a_null_under_the_first_name_is_not_replaced_by_another_field() -> None:
    """The first source that a record has fills the column, even with null."""
    assert read_key(LINKS, {"id": None, "uuid": "x"}) is None
    assert read_key(LINKS, {"uuid": "x"}) == "x"
