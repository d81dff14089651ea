"""Which field fills a column, what means no data, and what is kept in `extra`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.normalise import Normaliser


def extra(batch: Any) -> list[Any]:
    return [json.loads(text) for text in batch.frame["extra"]]


def nulls(series: Any) -> list[Any]:
    return [None if missing else value for value, missing in zip(series, series.isna(), strict=True)]


def test_m41_missing_from_some_records_is_null_and_counted(link) -> None:
    """Null and missing both become NULL; only missing is counted."""
    normaliser = Normaliser(endpoint_of())
    batch = normaliser.page(1, [link(id=1, status="A"), link(id=2, status=None), link(id=3)])
    assert nulls(batch.frame["status"]) == ["A", None, None]
    assert normaliser.counts.missing["status"] == 1
    assert normaliser.fields == {"id": 3, "name": 3, "status": 2}


def endpoint_of() -> Endpoint:
    from inode_pipeline.endpoints.links import LINKS

    return LINKS


def test_the_first_source_that_a_record_has_fills_the_column(typed, link) -> None:
    """Record by record; a candidate that did not fill it stays in extra."""
    batch = typed(
        link(id=1, distance=1, length=2), link(id=2, length=3), link(id=3, distance=None, length=4), link(id=4)
    )
    assert nulls(batch.frame["length_m"]) == [1.0, 3.0, None, None]
    assert extra(batch) == [{"length": 2}, {}, {"length": 4}, {}]


def test_what_is_beside_a_claimed_field_of_an_object_is_kept(typed, link) -> None:
    """Nothing that the API sends is lost, and nothing stands twice."""
    batch = typed(
        link(id=1, origin={"id": 5, "name": "S5", "latitude": 1.5, "tags": []}, z=[{"b": 1, "a": 2}]),
        link(id=2, origin={"id": 6, "name": "S6"}, empty={}, status={"code": 3}),
        link(id=3, origin="S7"),
        link(id=4, origin=None),
        link(id=5, origin={"deep": {"er": 1}}),
    )
    assert nulls(batch.frame["origin_sensor_id"]) == ["5", "6", "S7", None, None]
    assert nulls(batch.frame["origin_sensor_name"]) == ["S5", "S6", None, None, None]
    assert nulls(batch.frame["status"]) == [None] * 5
    assert extra(batch) == [
        {"origin": {"latitude": 1.5, "tags": []}, "z": [{"b": 1, "a": 2}]},
        {"empty": {}, "status": {"code": 3}},
        {},
        {},
        {"origin": {"deep": {"er": 1}}},
    ]
    assert batch.frame["extra"][0] == '{"origin":{"latitude":1.5,"tags":[]},"z":[{"a":2,"b":1}]}'


def test_m44_hostile_field_names_stay_apart(typed, link) -> None:
    """Case, length, SQL, emoji and dots: two fields never share a place."""
    odd = {"Name": 1, "NAME": 2, "x" * 70: 3, "select": 4, '"; drop table x;--': 5, "🚗": 6, "": 7, "a.b": 8, "é": 9}
    batch = typed(link(a={"b": 10}, **odd))
    assert extra(batch) == [odd | {"a": {"b": 10}}]
    assert batch.frame["name"][0] == "A to B"


def test_m44_a_key_spelled_like_a_nested_path_wins_in_its_record(typed, link) -> None:
    """`origin.id` as one key, and as an id inside origin, record by record."""
    batch = typed(
        link(id=1, origin={"id": 5, "name": "S5"}),
        link(id=2, origin={"id": 6, "name": "S6"}) | {"origin.id": 7},
    )
    assert list(batch.frame["origin_sensor_id"]) == ["5", "7"]
    assert extra(batch) == [{}, {"origin": {"id": 6}}]


def test_extra_keeps_numbers_exactly(typed, link) -> None:
    """Integers of any length keep their digits."""
    batch = typed(link(big=2**70, small=-(2**64), half=0.5))
    assert extra(batch) == [{"big": 2**70, "small": -(2**64), "half": 0.5}]


UNSTORABLE = [
    ({"note": "a\x00b"}, {}),
    ({"note": float("nan")}, {}),
    ({"deep": {"er": ["ok", "\ud800"], "ok": 1}}, {"deep": {"ok": 1}}),
    ({"deep": {"\x00": 1}}, {"deep": {}}),
    ({"deep": {"list": [1, {"far": float("-inf")}]}}, {"deep": {}}),
    ({"\ud800": 1}, {}),
]


@pytest.mark.parametrize(("rest", "kept"), UNSTORABLE)
def test_m77_what_no_database_keeps_is_left_out_of_extra_and_counted(
    link, rest: dict[str, Any], kept: dict[str, Any]
) -> None:
    """Such a field feeds no column, so it does not cost the link; it is the same on both databases."""
    normaliser = Normaliser(endpoint_of())
    batch = normaliser.page(1, [link(id=1), link(id=2, **rest, also=1)])
    assert [{}, {**kept, "also": 1}] == extra(batch)
    assert (0, 1) == (len(batch.rejected), normaliser.counts.left_out)
    assert not [path for path in normaliser.fields if "\0" in path or not path.isascii()]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("last_speed", float("nan"), "last_speed_kmh: a number that is not finite"),
        ("sample_size", float("inf"), "last_sample_count: a number that is not finite"),
        ("sample_size", float("nan"), "last_sample_count: a number that is not finite"),
        ("status", "a\x00", "status: a text with a NUL or half of a surrogate pair"),
        ("status", "\ud800", "status: a text with a NUL or half of a surrogate pair"),
    ],
)
def test_m77_where_it_feeds_a_column_its_record_is_set_aside(
    typed, link, field: str, value: object, reason: str
) -> None:
    """With its id, so that the link counts as held; the other records of the page are typed."""
    batch = typed(link(id=1), link(id=2, **{field: value}))
    assert ["1"] == list(batch.frame["link_id"])
    expected = {"page": 1, "position": 2, "link_id": "2", "field": field, "reason": reason}
    assert [expected] == batch.rejected.to_dict("records")


def test_a_backslash_before_u0000_is_no_nul(typed, link) -> None:
    """Only the character itself cannot be stored."""
    assert extra(typed(link(note="\\u0000"))) == [{"note": "\\u0000"}]


def test_what_is_no_object_is_set_aside(typed, link) -> None:
    """It has no id, so it takes from the walk the right to make links vanish."""
    batch = typed(7, link(id=8), None, [link(id=9)])
    assert ["8"] == list(batch.frame["link_id"])
    whole = (None, "(record)", "the record is not an object")
    rejected = batch.rejected.astype(object).where(batch.rejected.notna(), None)
    assert [(1, 1, *whole), (1, 3, *whole), (1, 4, *whole)] == [tuple(row) for row in rejected.to_numpy()]
    assert (4, 3, 0) == (batch.received, batch.unreadable, batch.duplicate)


def test_a_record_is_set_aside_once_with_its_first_fault(typed, link) -> None:
    """In the order of the columns; the reason names the column and no value."""
    batch = typed(link(distance="far away", last_speed="fast", last_updated="now"))
    assert list(batch.rejected["field"]) == ["distance"]
    assert list(batch.rejected["reason"]) == ["length_m: a text that is not a number"]


NULL_IF = {"Status": ("-101", -101), "flags.off": (True, 1.5)}


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ({}, 50.0),
        ({"Status": "-101"}, None),
        ({"Status": -101}, None),
        ({"Status": -101.0}, None),
        ({"Status": "-101.0"}, 50.0),
        ({"Status": 0}, 50.0),
        ({"Status": None}, 50.0),
        ({"Status": [-101]}, 50.0),
        ({"flags": {"off": True}}, None),
        ({"flags": {"off": 1}}, 50.0),
        ({"flags": {"off": 1.5}}, None),
        ({"Status": 0, "flags": {"off": True}}, None),
        ({"flags": "off"}, 50.0),
    ],
)
def test_null_if_compares_by_type_and_value(typed, link, mapped, others: dict[str, Any], expected: object) -> None:
    """Any of several fields is enough; a text is not a number and true is not 1."""
    batch = typed(link(last_speed=50, **others), endpoint=mapped("last_speed_kmh", null_if=NULL_IF))
    assert nulls(batch.frame["last_speed_kmh"]) == [expected]


def test_null_if_is_judged_before_the_value_is_read(typed, link, mapped) -> None:
    """What stands in a field without data need not be a number, and the other field stays in extra."""
    endpoint = mapped("last_speed_kmh", null_if={"Status": (-101,)})
    batch = typed(link(last_speed="---", Status=-101), endpoint=endpoint)
    assert nulls(batch.frame["last_speed_kmh"]) == [None]
    assert extra(batch) == [{"Status": -101}]


@pytest.mark.parametrize(("raw", "expected"), [("", None), ("N/A", None), (-1, None), (-1.0, None), ("12", 12.0)])
def test_null_values_are_no_data(typed, link, mapped, raw: object, expected: object) -> None:
    """Listed values become NULL instead of a reason."""
    batch = typed(link(last_speed=raw), endpoint=mapped("last_speed_kmh", null_values=("", "N/A", -1)))
    assert nulls(batch.frame["last_speed_kmh"]) == [expected]


def test_a_column_without_a_source_is_null(typed, link, mapped) -> None:
    """`source = ""` leaves the field to extra."""
    batch = typed(link(status="A"), endpoint=mapped("status", sources=()))
    assert nulls(batch.frame["status"]) == [None]
    assert extra(batch) == [{"status": "A"}]


def test_free_flow_time_follows_from_length_and_speed_where_it_is_not_given(typed, link) -> None:
    """Only where both are known and the speed is not zero."""
    batch = typed(
        link(id=1, distance=1000, free_flow_speed=60),
        link(id=2, distance=1000, free_flow_speed=60, free_flow_travel_time=55),
        link(id=3, distance=1000, free_flow_speed=0),
        link(id=4, distance=1000),
        link(id=5, free_flow_speed=60, free_flow_travel_time=None),
        link(id=6, distance=1e15, free_flow_speed=1e-300),
    )
    assert nulls(batch.frame["free_flow_travel_time_s"]) == [60.0, 55.0, None, None, None, None]


def test_a_huge_object_is_not_taken_apart(typed, link) -> None:
    """An object with ids for keys is one field, not a thousand; its values stay in extra, and claims inside it hold."""
    table = {f"k{number}": number for number in range(1000)}
    normaliser = Normaliser(endpoint_of())
    batch = normaliser.page(1, [link(origin=table | {"id": 5}, table=table)])
    assert normaliser.fields == {"id": 1, "name": 1, "origin": 1, "table": 1}
    assert batch.frame["origin_sensor_id"][0] == "5"
    assert extra(batch) == [{"origin": table, "table": table}]


def test_records_with_ever_new_fields_cost_no_more_than_their_size(typed, link) -> None:
    """A page of 1,000 records with 30 fields of their own each is typed, and its inventory stays small."""
    records = [link(id=n) | {f"f{n}_{k}": k for k in range(30)} for n in range(1000)]
    normaliser = Normaliser(endpoint_of())
    batch = normaliser.page(1, records)
    assert len(batch.frame) == 1000
    assert len(normaliser.fields) < 400
    assert extra(batch)[999] == {f"f999_{k}": k for k in range(30)}


def test_many_wide_objects_are_not_all_taken_apart(typed, link) -> None:
    """The inventory of a page is bounded, and a claimed field behind the bound is still found."""
    wide = {f"o{j}": {f"k{k}": 1 for k in range(100)} for j in range(50)}
    normaliser = Normaliser(endpoint_of())
    batch = normaliser.page(1, [wide | link(origin={"id": 5, "name": "S"})])
    assert len(normaliser.fields) < 2100
    assert (batch.frame["origin_sensor_id"][0], extra(batch)[0]) == ("5", wide)


MEASURED = {"speed": 50, "travel_time": 20, "count": 3, "timestamp": "2026-05-12T00:00:00Z"}
MEASUREMENTS = ["last_speed_kmh", "last_travel_time_s", "last_sample_count"]


@pytest.mark.parametrize("name", ["last_record", "last_measurement", "measurement", "latest", "current", "last"])
def test_measurements_are_found_together_one_level_down(link, name: str) -> None:
    """In an object of a listed name; an `updated_at` of the record beside it is no time of measurement."""
    normaliser = Normaliser(endpoint_of())
    batch = normaliser.page(
        1, [link(updated_at="2026-01-01T00:00:00Z", **{name: MEASURED}), link(id=2, **{name: None})]
    )
    assert [[50.0, None], [20.0, None], [3, None]] == [nulls(batch.frame[column]) for column in MEASUREMENTS]
    assert ["2026-05-12 00:00:00+00:00", "<NA>"] == [str(time) for time in batch.frame["last_observed_at"]]
    assert [{"updated_at": "2026-01-01T00:00:00Z"}, {name: None}] == extra(batch)
    assert {} == {
        c: n for c, n in normaliser.counts.missing_of(normaliser.endpoint_read).items() if n and c in MEASUREMENTS
    }


def test_the_record_itself_comes_before_its_objects(typed, link) -> None:
    """Speeds of two places are never mixed, and the one that is not read stays in extra."""
    batch = typed(link(last_record=MEASURED, last_speed=70, last_updated="2026-05-12T01:00:00Z"))
    assert [[70.0], [None], [None]] == [nulls(batch.frame[column]) for column in MEASUREMENTS]
    assert [{"last_record": MEASURED}] == extra(batch)


def test_an_object_that_is_not_listed_is_never_read_only_named(link) -> None:
    """A forecast looks like a measurement."""
    normaliser = Normaliser(endpoint_of())
    batch = normaliser.page(1, [link(forecast=MEASURED)])
    assert [[None], [None], [None]] == [nulls(batch.frame[column]) for column in MEASUREMENTS]
    assert (["forecast"], 1) == (normaliser.unread_measurements, batch.no_data)


def test_a_field_map_names_the_object(link, mapped) -> None:
    """One mapped column is enough: the others are looked for beside it."""
    endpoint = mapped("last_speed_kmh", sources=("stats.speed",), is_mapped=True)
    batch = Normaliser(endpoint).page(1, [link(stats=MEASURED, last_record={**MEASURED, "count": 9})])
    assert [[50.0], [20.0], [3]] == [nulls(batch.frame[column]) for column in MEASUREMENTS]


def test_the_first_page_with_measurements_decides_for_the_walk(link) -> None:
    """A later page with another place is not read there."""
    normaliser = Normaliser(endpoint_of())
    pages = [[link()], [link(id=2, latest=MEASURED)], [link(id=3, current=MEASURED)]]
    speeds = [nulls(normaliser.page(n, page).frame["last_speed_kmh"]) for n, page in enumerate(pages, 1)]
    assert [[None], [50.0], [None]] == speeds
