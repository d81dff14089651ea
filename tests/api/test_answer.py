"""Reading one page: what is a page, what is not, and which of its records can be trusted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inode_pipeline.api.answer import Answer, Flawed, read_answer
from inode_pipeline.api.decode import MAX_DEPTH
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


@given(RECORDS, st.data())
def test_m37_a_key_that_stands_twice_is_always_found(records: list[dict[str, Any]], data: st.DataObject) -> None:
    """Wherever a key is repeated in a page, its record is marked, whatever colons and escapes its texts hold."""
    first = data.draw(st.text('ab":\\ {}[]é,', max_size=5))
    key = data.draw(st.text('ab":\\ {}[]é,', max_size=5))
    space = data.draw(st.sampled_from(["", " ", "\n\t"]))
    inner = f"{{{json.dumps(key)}{space}:{json.dumps(first)},{json.dumps(key)}:{space}1}}"
    is_nested = data.draw(st.booleans())
    torn = f'{{"id":7,"origin":{inner}}}' if is_nested else inner
    texts = [json.dumps(record) for record in records]
    texts.insert(data.draw(st.integers(0, len(texts))), torn)
    answer = read_answer(page("[" + ",".join(texts) + "]"))
    flawed = [record for record in answer.records if isinstance(record, Flawed)]
    assert "a key stands twice" in [record.reason for record in flawed]


def test_m37_an_escaped_colon_does_not_hide_a_repeated_key() -> None:
    """The colon of a dropped pair cannot be made up for by one that another text holds as an escape."""
    assert isinstance(one('{"id":1,"id":2,"name":"a\\u003ab"}'), Flawed)


def test_m37_a_byte_order_mark_is_no_part_of_the_page() -> None:
    """A page may begin with a byte order mark."""
    assert read_answer(b"\xef\xbb\xbf" + page('[{"id":1}]')).records == [{"id": 1}]


@pytest.mark.parametrize(
    ("record", "reason", "field", "rest"),
    [
        ('{"id":1,"speed":NaN}', "a number is not finite", "speed", {"id": 1}),
        ('{"id":1,"speed":-Infinity}', "a number is not finite", "speed", {"id": 1}),
        ('{"id":1,"speed":1e999}', "a number is not finite", "speed", {"id": 1}),
        ('{"id":1,"a":{"b":[1,1e999]}}', "a number is not finite", "a.b", {"id": 1, "a": {"b": [1]}}),
        ('{"id":1,"name":"a","name":"b"}', "a key stands twice", "name", {"id": 1}),
        ('{"id":1,"id":2,"name":"a"}', "a key stands twice", "id", {"name": "a"}),
        ('{"id":1,"o":{"x":1,"x":1}}', "a key stands twice", "o.x", {"id": 1, "o": {}}),
        ('{"id":1,"name":"a\\u0000"}', "a text holds the character NUL", "name", {"id": 1}),
        ('{"id":1,"name":"\\ud800"}', "a text holds half a surrogate pair", "name", {"id": 1}),
        ('{"id":1,"n\\u0000":1}', "in a key, a text holds the character NUL", None, {"id": 1}),
        ("7", "the record is not an object", None, None),
        ("null", "the record is not an object", None, None),
        ("[1]", "the record is not an object", None, None),
    ],
)
def test_m37_a_record_that_cannot_be_trusted_is_marked(
    record: str, reason: str, field: str | None, rest: object
) -> None:
    """It names the reason and the field, and keeps what could be read so that its id is known."""
    assert Flawed(reason, rest, field) == one(record)


def test_m37_one_bad_record_does_not_taint_the_others() -> None:
    """The other records of a page are read as they are."""
    records = read_answer(page('[{"id":1},{"id":NaN},{"id":"3:\\"{"}]')).records
    assert [{"id": 1}, Flawed("a number is not finite", {}, "id"), {"id": '3:"{'}] == records


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
        b'{"next":null,"count":NaN,"results":[]}', b'{"next":null,"next":null,"results":[]}',
        b'{"next":null,"results":[],"results":[]}', b'{"next":null,"results":[]} x', b'{"next":null,"results":[]',
        b'{"next":null,"results":[{"name":"\xff"}]}', '{"next":null,"results":[]}'.encode("utf-16"),
        b'{"next":null,"results":[{"name":"a\nb"}]}',
    ],
)  # fmt: skip
def test_m30_m36_what_is_not_a_page_is_refused(body: bytes) -> None:
    """An answer of another shape is never an empty page."""
    with pytest.raises(ApiContractError):
        read_answer(body)


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
        page("[" + '{"a":' * (MAX_DEPTH + 2) + "1" + "}" * (MAX_DEPTH + 2) + "]"),
        page("[" + "[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2) + "]"),
        page("[" + '{"a":NaN,"b":' * (MAX_DEPTH + 2) + "1" + "}" * (MAX_DEPTH + 2) + "]"),
        page("[" + '["]",' * (MAX_DEPTH + 2) + '"["' + "]" * (MAX_DEPTH + 2) + "]"),
        page('[{"id":' + "1" * 5000 + "}]"),
        page("[" + "0," * 8_000_001 + "0]"),
    ],
    ids=["200k deep", "objects", "lists", "slow way", "brackets in texts", "5,000 digits", "8 million values"],
)
def test_m45_what_no_page_can_be_is_refused(body: bytes) -> None:
    """Depth, length and digits beyond every sensible page stop the reading."""
    with pytest.raises(PayloadTooLargeError):
        read_answer(body)


def test_a_depth_that_is_allowed_is_read() -> None:
    """Brackets within texts do not make a page deep."""
    record = {"id": 1, "name": 'a [b] "c" {', "shape": [[[1, 2], [3, 4]]]}
    assert record == one(json.dumps(record))


def test_a_bare_list_is_a_whole_answer() -> None:
    """A list without an envelope has no next page and no count."""
    assert Answer([{"id": 1}], None, None, "list") == read_answer(b'[{"id":1}]')
