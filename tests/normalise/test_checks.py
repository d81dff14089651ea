"""What stops a load: fields not found, gone or unreadable, and too many records set aside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import DataError, FieldsNotFoundError, SchemaDriftError, TooManyRejectedError
from inode_pipeline.normalise import Normaliser


def walked(*pages: list[Any], endpoint: Endpoint = LINKS) -> Normaliser:
    normaliser = Normaliser(endpoint)
    for number, records in enumerate(pages, 1):
        normaliser.page(number, records)
    return normaliser


def check(
    records: list[Any],
    previous: Mapping[str, int] | None,
    endpoint: Endpoint = LINKS,
    max_rejected_fraction: float = 0.01,
) -> None:
    walked(records, endpoint=endpoint).check(previous, max_rejected_fraction)


BEFORE = {"id": 9, "name": 9, "last_speed": 9, "origin.id": 9, "geometry.type": 9, "geometry.coordinates": 9, "x": 9}
LINE = {"type": "LineString", "coordinates": [[1.5, 2.5], [3.5, 4.5]]}


def record(**changes: Any) -> dict[str, Any]:
    sound = {"id": 1, "name": "A", "last_speed": 5, "origin": {"id": 1}, "geometry": LINE}
    return {name: value for name, value in (sound | changes).items() if value != "gone"}


def test_m41_a_walk_with_all_its_fields_passes() -> None:
    """On a first load and against the walk before; a field that no column uses may go."""
    check([record()], None)
    check([record()], {})
    check([record()], BEFORE)


@pytest.mark.parametrize("lost", ["id", "name"])
def test_the_required_fields_must_be_found_on_the_first_page(lost: str) -> None:
    """The error shows what inspect would show, and the remedy."""
    with pytest.raises(FieldsNotFoundError) as caught:
        check([record(**{lost: "gone"}, linkNo=7, Caption="secret value")], None)
    column = {"id": "link_id", "name": "name"}[lost]
    assert f"a field for {column} (looked for {lost}, " in caught.value.message
    for field in ("linkNo (integer)", "Caption (text)", "last_speed (integer)", "origin.id (integer)"):
        assert field in caught.value.message
    assert "secret" not in str(caught.value)
    assert "inode-pipeline inspect --write FILE" in caught.value.remedy
    assert "INODE_FIELD_MAP_FILE" in caught.value.remedy


def test_the_first_page_with_a_record_decides() -> None:
    """Empty pages before it do not count, and later pages cannot make up for it."""
    walked([], [record()], [{"id": 2}]).check(None, 0.01)
    with pytest.raises(FieldsNotFoundError):
        walked([], [{"id": 2}], [record()]).check(None, 0.01)


def test_a_required_field_may_be_missing_from_some_records() -> None:
    """One record of the page is enough; the others are NULL."""
    check([record(name="gone"), record(id=2), record(id=3, name=None)], None)


def test_a_walk_without_records_is_exempt() -> None:
    """No record, no field: a matter of the shrink rule, not of this one."""
    walked([], []).check(BEFORE, 0.0)


def test_a_page_of_flawed_records_is_too_many_rejected_not_fields_lost() -> None:
    """That their fields are there can be seen."""
    with pytest.raises(TooManyRejectedError):
        check([record(name="\ud800")], None)
    with pytest.raises(TooManyRejectedError):
        check([7], BEFORE)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"last_speed": "gone"}, "last_speed"),
        ({"last_speed": "gone", "speed": 5}, "last_speed"),
        ({"last_speed": {"value": 5}}, "last_speed"),
        ({"last_speed": [5]}, "last_speed"),
        ({"origin": "gone"}, "origin.id"),
        ({"origin": {"name": "A"}}, "origin.id"),
        ({"origin": 5}, "origin.id"),
        ({"geometry": "gone"}, "geometry"),
    ],
)
def test_m41_a_mapped_field_that_is_gone_from_every_record_stops(changes: dict[str, Any], field: str) -> None:
    """Even if another candidate would fill the column: what it means must be said in the field map."""
    with pytest.raises(SchemaDriftError) as caught:
        check([record(id=1, **changes), record(id=2, **changes)], BEFORE)
    assert field in caught.value.message
    assert "INODE_FIELD_MAP_FILE" in caught.value.remedy


@pytest.mark.parametrize(
    "changes", [{"last_speed": None}, {"origin": None}, {"origin": {"id": None}}, {"geometry": None}, {"x": "gone"}]
)
def test_m41_null_in_every_record_is_not_gone(changes: dict[str, Any]) -> None:
    """A null, even of the object around a field, says that there is no data; an unmapped field may go."""
    check([record(**changes)], BEFORE)


def test_m41_a_field_of_one_record_is_there() -> None:
    """On whatever page."""
    walked([record(last_speed="gone")], [record(id=2)]).check(BEFORE, 0.0)


def test_m41_the_field_map_ends_the_drift(mapped) -> None:
    """A new source, or none, is what the error asks for."""
    moved = [record(last_speed="gone", speed=5)]
    check(moved, BEFORE, mapped("last_speed_kmh", sources=("speed",)))
    check(moved, BEFORE, mapped("last_speed_kmh", sources=()))


def test_a_source_that_was_second_may_go(mapped) -> None:
    """Only the field that filled the column before counts."""
    check([record(speed="gone")], BEFORE | {"speed": 9})


def test_a_scalar_that_becomes_an_object_with_its_name_is_still_there() -> None:
    """`grid` may be null, a text or an object with a name, as the first walk of a new account shows."""
    check([record(grid={"name": "G"})], BEFORE | {"grid": 3})
    check([record(grid={"name": "G"}), record(id=2, grid=None)], BEFORE | {"grid": 3, "grid.name": 6})


def test_m42_a_field_that_no_longer_parses_stops_before_too_many_rejected() -> None:
    """Every value of a field that the walk before had: the API changed its meaning."""
    with pytest.raises(SchemaDriftError) as caught:
        check([record(id=1, last_speed="slow"), record(id=2, last_speed="fast"), record(id=3, last_speed=None)], BEFORE)
    assert "none of the 2 values of last_speed can be read for last_speed_kmh" in caught.value.message
    assert "slow" not in str(caught.value)


def test_m42_a_number_in_a_string_is_no_drift() -> None:
    """The recorded feed does this from one day to the next."""
    check([record(last_speed="5.00", id="1")], BEFORE)


def test_m42_a_field_that_parses_for_some_is_no_drift() -> None:
    """Then the share of rejected records decides."""
    records = [record(id=1, last_speed="slow"), record(id=2)]
    check(records, BEFORE, max_rejected_fraction=0.5)
    with pytest.raises(TooManyRejectedError):
        check(records, BEFORE)


def test_m42_a_field_that_never_parsed_does_not_become_drift() -> None:
    """One bad value in a thousand was set aside yesterday; it must not stop the run today."""
    records = [record(id=number) for number in range(1, 1000)] + [record(id=1000, free_flow_speed="fast")]
    yesterday = walked(records)
    yesterday.check(None, 0.01)
    assert "free_flow_speed" not in yesterday.fields
    walked(records).check(yesterday.fields, 0.01)


def test_every_drift_is_told_at_once() -> None:
    """One error names all fields and the tables of the field map."""
    with pytest.raises(SchemaDriftError) as caught:
        check([record(last_speed="gone", origin="gone", geometry="x")], BEFORE)
    message = str(caught.value)
    for word in ("last_speed_kmh", "origin_sensor_id", "geometry", "[links.columns.last_speed_kmh]"):
        assert word in message


def test_m42_new_fields_are_told() -> None:
    """By their dotted paths, those that were never seen."""
    normaliser = walked([record(brand={"new": 1}, lanes=[1, 2])], [record(id=2, x=1)])
    assert normaliser.fields.keys() - BEFORE == {"brand.new", "lanes"}
    assert normaliser.fields["id"] == 2


def test_too_many_rejected_lists_the_first_ten_without_values() -> None:
    """Page, position, link, field and reason."""
    bad = [record(id=f"L{number}\x1b", last_speed="wrong") for number in range(3)]
    bad += [record(id=f"M{number}", last_speed="wrong") for number in range(12)]
    with pytest.raises(TooManyRejectedError) as caught:
        walked([record(id=0)], bad).check(None, 0.5)
    message = caught.value.message
    assert message.startswith("15 of 16 records cannot be typed, more than INODE_MAX_REJECTED_FRACTION (0.5) allows.")
    assert "page 2, record 1, no readable id, field id: link_id: a text with control characters" in message
    assert "page 2, record 4, link M0, field last_speed: last_speed_kmh: a text that is not a number" in message
    assert message.count("record ") == 10
    assert "wrong" not in message
    assert message.isprintable()


@pytest.mark.parametrize(("rejected", "passes"), [(1, True), (2, False)])
def test_the_limit_itself_is_allowed(rejected: int, *, passes: bool) -> None:
    """More than the fraction stops, exactly the fraction does not."""
    records = [record(id=number) for number in range(100 - rejected)]
    records += [record(id=1000 + number, last_speed="x") for number in range(rejected)]
    if passes:
        check(records, None)
    else:
        with pytest.raises(TooManyRejectedError):
            check(records, None)


def test_m46_hostile_field_names_stay_on_one_line() -> None:
    """A field's name is foreign text."""
    evil = "a\n\x1b[31mFAKE: all is well\u202e" + "x" * 500
    with pytest.raises(DataError) as caught:
        check([{evil: 1}], None)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 400


NESTED = {"id": 9, "name": 9, "updated_at": 9, "last_record.speed": 9, "last_record.timestamp": 9}


def test_m41_measurements_that_leave_their_object_stop() -> None:
    """What they are called now must be said in the field map; a null object, or an `updated_at` that goes, is none."""
    moved = {"id": 1, "name": "A", "updated_at": "2026-01-01T00:00:00Z"}
    for changed in (moved, {**moved, "speed": 5, "timestamp": "2026-01-01T00:00:00Z"}):
        with pytest.raises(SchemaDriftError, match=r"last_record\.speed, which fills last_speed_kmh, is in none"):
            check([changed], NESTED)
    check([{**moved, "last_record": None}], NESTED)
    check([{"id": 1, "name": "A", "last_record": {"speed": 5, "timestamp": "2026-01-01T00:00:00Z"}}], NESTED)
