"""Reading one page: what is a page, what is not, and which of its records can be trusted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inode_pipeline.api.answer import Answer, read_answer
from inode_pipeline.errors import ApiContractError, PayloadTooLargeError

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
RECORDS = st.lists(st.dictionaries(TEXT, JSON), max_size=5)


def page(results: str, **more: str) -> bytes:
    fields = {"count": "1", "next": "null", "previous": "null", **more, "results": results}
    return ("{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}").encode()


def one(record: str) -> Any:
    """What becomes of a page's only record."""
    answer = read_answer(page(f"[{record}]"))
    assert len(answer.records) == 1
    return answer.records[0]


@given(RECORDS, st.booleans(), st.sampled_from([None, (",", ":"), (" , ", " : ")]), st.sampled_from([None, 1]))
def test_a_clean_page_is_read_as_the_standard_library_reads_it(
    records: list[dict[str, Any]], is_ascii: bool, separators: tuple[str, str] | None, indent: int | None
) -> None:
    """However it is written, a clean page means to us what it means to `json`."""
    envelope = {"count": len(records), "next": None, "previous": None, "results": records}
    body = json.dumps(envelope, ensure_ascii=is_ascii, separators=separators, indent=indent).encode()
    expected = Answer(json.loads(body)["results"], len(records), None, "envelope")
    assert repr(expected) == repr(read_answer(body))


@given(RECORDS)
def test_only_some_fields_of_a_page_may_be_read(records: list[dict[str, Any]]) -> None:
    """Which is what the proof of a walk needs; the rest of each record is passed over."""
    body = json.dumps({"count": len(records), "next": "?page=2", "results": records}).encode()
    expected = [{name: value for name, value in record.items() if name in ("", "a")} for record in records]
    answer = read_answer(body, frozenset({"", "a"}))
    assert (expected, len(records), "?page=2") == (answer.records, answer.count, answer.next)


def test_m37_of_a_key_that_appears_twice_the_last_one_counts() -> None:
    """As in every JSON library, on both ways of reading, in a record and around the records."""
    assert {"id": 2, "o": {"x": 3}} == one('{"id":1,"id":2,"o":{"x":1},"o":{"x":2,"x":3}}')
    assert {"id": 2, "y": [float("inf")]} == one('{"id":1,"id":2,"y":[1e999]}')
    assert [{"id": 2}] == read_answer(b'{"next":null,"results":[],"results":[{"id":2}]}').records


def test_m37_a_byte_order_mark_is_no_part_of_the_page() -> None:
    """A page may begin with a byte order mark."""
    assert read_answer(b"\xef\xbb\xbf" + page('[{"id":1}]')).records == [{"id": 1}]


@pytest.mark.parametrize(
    "value", ["NaN", "-Infinity", "1e999", '[1,{"b":1e999}]', '"a\\u0000"', '"\\ud800"', '{"n\\u0000":1}']
)
@pytest.mark.parametrize("fields", [None, frozenset({"id"})])
def test_m37_a_page_that_holds_what_no_database_keeps_is_read_and_marked(
    value: str, fields: frozenset[str] | None
) -> None:
    """Whatever the value feeds, the other records of the page and the ids of all are read as they are."""
    answer = read_answer(page(f'[{{"id":1,"x":{value}}},{{"id":"3:\\"{{"}}]'), fields)
    assert [1, '3:"{'] == [record["id"] for record in answer.records]
    assert fields is not None or not answer.is_clean


@pytest.mark.parametrize("record", ["7", "null", "[1]", '"x"'])
@pytest.mark.parametrize("fields", [None, frozenset({"id"})])
def test_m37_what_is_no_object_is_passed_on(record: str, fields: frozenset[str] | None) -> None:
    """The normaliser sets it aside by its place."""
    assert [{"id": 1}, json.loads(record)] == read_answer(page(f'[{{"id":1}},{record}]'), fields).records


@pytest.mark.parametrize("number", ["9007199254740993", "-9223372036854775809", "18446744073709551616", "1" + "0" * 99])
def test_m38_integers_are_exact(number: str) -> None:
    """However large, an integer is itself, on both ways of reading."""
    assert {"id": int(number)} == one(f'{{"id":{number}}}')
    assert {"id": int(number)} == read_answer(page(f'[{{"id":{number}}},{{"x":NaN}}]')).records[0]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"  ", b"<!doctype html><title>Sign in</title>", b"null", b"7", b'"x"', b"{}", b'{"detail":"No."}',
        b'{"next":null}', b'{"count":1,"next":null,"results":null}', b'{"count":1,"next":null,"results":{"id":1}}',
        b'{"count":1,"results":[]}', b'{"next":7,"results":[]}', b'{"next":"","results":[]}',
        b'{"next":"?page=2\\ud800","results":[]}',
        b'{"next":null,"count":"1","results":[]}', b'{"next":null,"count":-1,"results":[]}',
        b'{"next":null,"count":true,"results":[]}', b'{"next":null,"count":1.5,"results":[]}',
        b'{"next":null,"count":NaN,"results":[]}', b'{"next":null,"results":[]} x', b'{"next":null,"results":[]',
        b'{"next":null,"results":[{"name":"\xff"}]}', '{"next":null,"results":[]}'.encode("utf-16"),
        b'{"next":null,"results":[{"name":"a\nb"}]}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("fields", [None, frozenset({"id"})])
def test_m30_m36_what_is_not_a_page_is_refused(body: bytes, fields: frozenset[str] | None) -> None:
    """An answer of another shape is never an empty page, however little of it is read."""
    with pytest.raises(ApiContractError):
        read_answer(body, fields)


def test_m36_the_message_says_what_came_instead() -> None:
    """A person reads which keys came, and that a page for people came instead of one for programs."""
    with pytest.raises(ApiContractError, match=r"`results` is missing; its keys are detail, code\."):
        read_answer(b'{"detail":"canary","code":1}')
    with pytest.raises(ApiContractError, match="it is an HTML page"):
        read_answer(b" <html>")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000 + b"]" * 200_000,
        page("[" + '{"a":' * 100_000 + "1" + "}" * 100_000 + "]"),
        page("[" + '{"a":NaN,"b":' * 100_000 + "1" + "}" * 100_000 + "]"),
        page('[{"id":' + "1" * 5000 + "}]"),
        page("[" + "0," * 8_000_001 + "0]"),
    ],
    ids=["200k deep", "objects", "not finite", "5,000 digits", "8 million values"],
)
@pytest.mark.parametrize("fields", [None, frozenset({"name"})])
def test_m45_what_no_page_can_be_is_refused(body: bytes, fields: frozenset[str] | None) -> None:
    """Depth, length and digits beyond every sensible page stop the reading, even in fields that are passed over."""
    with pytest.raises(PayloadTooLargeError):
        read_answer(body, fields)


def test_a_bare_list_is_a_whole_answer() -> None:
    """A list without an envelope has no next page and no count."""
    assert Answer([{"id": 1}], None, None, "list") == read_answer(b'[{"id":1}]')
