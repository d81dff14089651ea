"""The records of a page as they were written: split only where the page is one for certain."""

from __future__ import annotations

import json

import pytest

from inode_pipeline.api.answer import read_answer
from inode_pipeline.api.texts import page_of, record_texts
from inode_pipeline.errors import ApiContractError, PipelineError

RECORDS = [b'{"id":1,"name":"a"}', b'{"id": 2, "name": "a, ]}"}', b'{"name":"\xc3\xa9","id":3}']


@pytest.mark.parametrize(
    "page",
    [
        b"[%s , %s,\n%s]",
        b'{"count":3,"next":null,"results":[%s,%s,%s]}',
        b' { "results" : [ %s , %s , %s ] , "next" : "x" } ',
    ],
)  # fmt: skip
def test_a_page_is_split_into_the_texts_of_its_records(page: bytes) -> None:
    """However it is spaced, and whatever stands around them."""
    assert RECORDS == record_texts(page % tuple(RECORDS))
    assert read_answer(page % tuple(RECORDS)).records == read_answer(page_of(RECORDS)).records


@pytest.mark.parametrize("page", [b"[]", b'{"results":[],"next":null}'])
def test_a_page_without_records_has_no_texts(page: bytes) -> None:
    """It is a page all the same."""
    assert [] == record_texts(page)


@pytest.mark.parametrize(
    "page",
    [
        b"", b"null", b'"text"', b"<html>", b"[1", b'{"results":[{"id":1}]}', b'{"next":null}',
        b'{"results":[{"id":1}],"next":7}', b'{"results":[{"id":1}],"next":null,"count":"1"}',
        b'{"results":[{"id":1}],"next":null,"next":"x"}', b'{"results":[{"id":1}],"results":[{"id":1}],"next":null}',
        b'{"results":[{"id":2}],"results":[{"id":1}],"next":null}', b'{"results":[],"results":[{"id":1}],"next":null}',
        b'{"results":[{"id":1}],"results":[{"id":1},{"id":2}],"next":null}',
        b'{"results":[{"id":1}],"next":null} x', b'{"results":[{"id":1}],"next":"\xff"}', b'{"results":{},"next":null}',
    ],
)  # fmt: skip
def test_what_is_refused_as_a_page_is_not_split(page: bytes) -> None:
    """Also where its records alone could be told apart."""
    with pytest.raises(PipelineError):
        read_answer(page)
    with pytest.raises(ApiContractError):
        record_texts(page)


def test_a_record_may_hold_the_text_of_another() -> None:
    """Its own place counts, not where its text is found first."""
    inner = {"id": 1}
    records = [json.dumps(one).encode() for one in ({"in": inner}, inner, {"in": [inner]}, inner)]
    assert records == record_texts(b'{"next":null,"results":%s}' % page_of(records))
