"""A page that is read by the form of an earlier one is read to the same values as in the general way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inode_pipeline.api.answer import _read_generally, read_answer
from inode_pipeline.api.packed import PlainRecords
from inode_pipeline.api.plain import Form
from inode_pipeline.api.plain import _forms as forms
from inode_pipeline.api.shape import Shape
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import PipelineError
from inode_pipeline.sync.keys import read_keys

COUNT = 24
TEXTS = [
    "",
    "Foundry Street: Cobbler Avenue",
    "é",
    'a"b',
    "back\\slash",
    "{",
    "[",
    "\U0001f600",
    "2026-11-02T07:30:00Z",
]


def record(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "name": TEXTS[number % len(TEXTS)],
        "grid": None if number % 5 == 0 else f"Grid {number}",
        "origin": {"id": number, "place": {"x": number / 7, "is:odd": number % 2 == 1}},
        "destination": None
        if number % 4 == 0
        else {"id": number, "at:once": TEXTS[number % len(TEXTS)], "in": {"x": 1}},
        "distance": number if number % 3 else number + 0.5,
        "geometry": {"type": "LineString", "coordinates": [[-79.5 - number, 43.25], [-79.125, 43.5]]},
        "tags": [],
    }


def body(records: list[str], around: str = '"count":24,"next":null') -> bytes:
    return ("{" + around + ',"results":[' + ",".join(records) + "]}").encode("utf-8", "surrogatepass")


def written(**options: Any) -> list[str]:
    return [json.dumps(record(number), **options) for number in range(COUNT)]


def outcome(read: Any, answer: bytes) -> object:
    """What is read, in a form in which 1 is not 1.0, or the error."""
    try:
        found = read(answer)
    except PipelineError as problem:
        return type(problem), problem.message
    keys = read_keys(LINKS, found.records)
    return repr(list(found.records)), len(found.records), found.count, found.next, found.style, keys


@pytest.fixture(autouse=True)
def known_form() -> None:
    """Have the form of such pages learned."""
    read_answer(body(written()))


@pytest.mark.parametrize("options", [{}, {"separators": (",", ":")}, {"ensure_ascii": False}, {"indent": 2}])
def test_a_page_of_a_known_form_is_plain_however_it_is_spaced(options: dict[str, Any]) -> None:
    """White space and escapes change nothing."""
    answer = body(written(**options))
    read = read_answer(answer)
    assert isinstance(read.records, PlainRecords)
    assert outcome(_read_generally, answer) == outcome(read_answer, answer)


def test_the_columns_of_a_plain_page_are_the_values_of_its_records() -> None:
    """Texts and scalars as they are, lists as their JSON."""
    records = read_answer(body(written())).records
    assert isinstance(records, PlainRecords)
    whole = [record(number) for number in range(COUNT)]
    assert [*range(COUNT)] == sorted(row for part in records.parts for row in part.rows)
    for part in records.parts:
        expected = [whole[row] for row in part.rows]
        assert [one["origin"]["place"]["x"] for one in expected] == part.columns["origin.place.x"]
        lines = [json.loads(line) for line in part.columns["geometry.coordinates"]]
        assert [one["geometry"]["coordinates"] for one in expected] == lines


def test_records_whose_object_is_null_are_a_part_of_their_own() -> None:
    """There the object is a null like any other, and what would be in it is not there."""
    whole, lacking = sorted(read_answer(body(written())).records.parts, key=lambda part: -len(part.rows))
    assert [0, 4, 8, 12, 16, 20] == [*lacking.rows]
    assert [None] * 6 == lacking.columns["destination"]
    assert ("destination" in whole.columns, "destination.id" in whole.columns) == (False, True)
    assert "destination.id" not in lacking.columns


HOSTILE = [
    '"id":7,"id":8', '"id":7', '"id":"7"', '"id":1.0', '"id":null', '"id":true', '"id":{"id":1}', '"id":[1]',
    '"i\\u0064":5', '"id" :7', '"id":7,"id" :8', '"id"\t:7,"id":8', '"name":": :"', '"name":"a\\":1"',
    '"name":"a\\u003ab","name":"c"', '"name":"a\\u003Ab"', '"name":"\\u0000"', '"name":"\\ud800"', '"name":":"',
    '"name":"{\\"id\\":1}"', '"grid":{}', '"grid":1', '"origin":null', '"origin":{}', '"origin":{"id":1}',
    '"origin":{"id":1,"id":2,"place":{"x":1,"is:odd":true}}', '"origin":{"id":1,"place":{"x":1,"is:odd":true},"z":0}',
    '"destination":null', '"destination":{}', '"destination":5', '"destination":{"id":1}', '"destination":[]',
    '"destination":{"id":1,"at:once":null,"in":{"x":null}}', '"destination":{"id":1,"at:once":"a","in":null}',
    '"destination":{"id":1,"id":2,"at:once":":","in":{"x":1}}', '"destination":{"id":1,"at:once":":","in":{}}',
    '"distance":NaN', '"distance":1e999', '"distance":' + "9" * 400, '"distance":-0.0', '"distance":"5"', '"extra":1',
    '"geometry":{"type":"LineString","coordinates":[[1,2],"3:"]}', '"tags":[{"id":1}]', '"tags":[1e999]',
    '"tags":[null]',
    '"geometry":{"type":"LineString","coordinates":null}', '"tags":["\xff:"]', '"tags":' + "[" * 70 + "]" * 70,
    '"tags":[1,[2,[3]],' + "[1," * 70 + "1" + "]" * 71, '"tags":[,]', '"tags":5', '"id":' + "1" * 5000,
]  # fmt: skip


def changed(text: str, field: str) -> str:
    """The record with one field written otherwise, or twice, or beside the others."""
    name = field.partition(":")[0]
    pairs = {json.dumps(key): json.dumps(key) + ":" + json.dumps(value) for key, value in json.loads(text).items()}
    pairs[name] = field
    return "{" + ",".join(pairs.values()) + "}"


@given(st.integers(0, COUNT - 1), st.sampled_from(HOSTILE), st.sampled_from(HOSTILE), st.integers(0, COUNT - 1))
@example(0, HOSTILE[0], HOSTILE[9], 1)
def test_a_hostile_record_is_read_as_in_the_general_way(one: int, field: str, other: str, another: int) -> None:
    """Whatever is wrong with one record or two, a known form neither hides nor invents anything."""
    records = written()
    records[one] = changed(records[one], field)
    if another != one:
        records[another] = changed(records[another], other)
    answer = body(records)
    assert outcome(_read_generally, answer) == outcome(read_answer, answer)


def test_a_page_of_no_records_has_no_form() -> None:
    """It comes after filled ones where the last page is empty, or an account is."""
    read_answer(body([json.dumps({**record(number), "destination": {"id": number}}) for number in range(COUNT)]))
    assert [] == read_answer(body([])).records


@pytest.mark.parametrize(
    "around",
    ['"count":24,"next":"http://a:8/x"', '"count":24,"count":25,"next":null', '"next":null,"count":"24"', '"next":1',
     '"count":24,"next":null,"results":[]', '"count":24,"next":null,"z":{"a":1}', '"count":24,"next":"a\\u003ab"'],
)  # fmt: skip
def test_what_stands_around_the_records_is_read_as_in_the_general_way(around: str) -> None:
    """The envelope is no less hostile than the records."""
    answer = body(written(), around)
    read_answer(body(written(), '"count":24,"next":"http://a"'))
    assert outcome(_read_generally, answer) == outcome(read_answer, answer)


@pytest.mark.parametrize("cut", [1, 2, 500])
def test_a_torn_body_is_no_page(cut: int) -> None:
    """Nor is one that goes on behind its end."""
    whole = body(written())
    for answer in (whole[:-cut], whole + b"]", b"\xef\xbb\xbf" + whole, whole + b"\xff"):
        assert outcome(_read_generally, answer) == outcome(read_answer, answer)


def test_another_thread_may_learn_a_form_meanwhile() -> None:
    """Forms are one for the process, and comparing them takes long enough for another thread to come between."""

    class Meanwhile(Form):
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            forms.appendleft(Form(Shape(), None))
            return False

    records = [{"id": number, "learned": "meanwhile"} for number in range(COUNT)]
    forms.appendleft(Meanwhile(Shape(), None))
    read_answer(json.dumps(records).encode())
    assert isinstance(read_answer(json.dumps(records).encode()).records, PlainRecords)
    forms.clear()
