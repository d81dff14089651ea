"""The four forms of pages, over a real socket."""

from __future__ import annotations

import base64
import json
import math
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

FORMS = ["page", "limit-offset", "cursor"]


def cursor_of(address: str) -> str:
    """What stands in the cursor of an address."""
    return base64.b64decode(parse_qs(urlsplit(address).query)["cursor"][0]).decode()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [1, 7, 50, 1000])
def test_walk_along_next_meets_every_link_once(emulate, form, size):
    """From the first page to `next: null` stand all links in order, and `count` says how many."""
    visitor = emulate(links=50, pagination=form).use_api_key()
    name = "limit" if form == "limit-offset" else "page_size"
    pages = visitor.pages(f"?{name}={size}")
    ids = [record["id"] for page in pages for record in page["results"]]
    assert ids == sorted(set(ids))
    assert len(ids) == 50
    assert len(pages) == math.ceil(50 / size)
    assert [page.get("count") for page in pages] == [None if form == "cursor" else 50] * len(pages)


@pytest.mark.parametrize("form", ["page", "limit-offset"])
def test_walk_along_previous_leads_back_to_the_first_page(emulate, form):
    """From the last page back to `previous: null` stand the same pages, and the first has no page number."""
    visitor = emulate(links=50, pagination=form, page_size=7).use_api_key()
    forward = visitor.pages()
    backward = [forward[-1]]
    while backward[-1]["previous"]:
        backward.append(visitor.http.get(backward[-1]["previous"]).json())
    forward_ids = [record["id"] for page in forward for record in page["results"]]
    backward_ids = [record["id"] for page in reversed(backward) for record in page["results"]]
    assert backward_ids == forward_ids


def test_bare_list_is_everything_without_an_envelope(emulate):
    """Without pagination the answer is a JSON array, whatever page is asked for."""
    visitor = emulate(links=50, pagination="none").use_api_key()
    for query in ("", "?page=3&page_size=5"):
        assert len(visitor.get(query).json()) == 50


def test_next_is_absolute_on_the_clients_own_host_and_keeps_unknown_parameters(emulate):
    """`next` repeats what was asked, the unclamped size too, and names the host that the client named."""
    visitor = emulate(links=50, max_page_size=10).use_api_key()
    answer = visitor.get("?zone=a%20b&page_size=99", Host="inode.example:81")
    assert answer.json()["next"] == "http://inode.example:81/api/v1/links/?zone=a+b&page_size=99&page=2"
    assert len(answer.json()["results"]) == 10


@pytest.mark.parametrize(
    ("query", "received"),
    [("?page_size=11", 10), ("?page_size=0", 4), ("?page_size=-2", 4), ("?page_size=abc", 4), ("?page_size=", 4),
     ("?page_size=3", 3), ("?limit=9", 4), ("", 4)],
)  # fmt: skip
def test_page_size_is_silently_clamped_and_junk_means_the_default(emulate, query, received):
    """No size is refused."""
    visitor = emulate(links=50, page_size=4, max_page_size=10).use_api_key()
    answer = visitor.get(query)
    assert (answer.status_code, len(answer.json()["results"])) == (200, received)


@pytest.mark.parametrize("page", ["0", "6", "-1", "abc", "1.5", "%21"])
def test_page_past_the_end_is_not_found(emulate, page):
    """A number without a page, or no number, is 404 with a detail."""
    answer = emulate(links=50, page_size=10).use_api_key().get(f"?page={page}")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Invalid page."})


def test_empty_list_still_has_a_first_page(emulate):
    """No links are one page of none."""
    empty = emulate(links=0).use_api_key().get()
    assert empty.json() == {"count": 0, "next": None, "previous": None, "results": []}


def test_limit_is_clamped_in_next_and_an_offset_past_the_end_is_an_empty_page(emulate):
    """LimitOffset rewrites the limit, and answers 200 with nothing where nothing is."""
    visitor = emulate(links=50, pagination="limit-offset", max_page_size=5).use_api_key()
    first = visitor.get("?limit=100").json()
    assert urlsplit(first["next"]).query == "limit=5&offset=5"
    past = visitor.get("?offset=51")
    assert past.status_code == 200
    assert (past.json()["results"], past.json()["next"], past.json()["count"]) == ([], None, 50)


def test_cursor_is_base64_of_the_last_records_id_and_comes_without_a_count(emulate):
    """The envelope has no `count`, and `next` points behind the last record by its id."""
    first = emulate(links=50, pagination="cursor", page_size=5).use_api_key().get().json()
    assert list(first) == ["next", "previous", "results"]
    assert cursor_of(first["next"]) == f"p={first['results'][-1]['id']}"


@pytest.mark.parametrize("cursor", ["abc", "cD14eXo%3D"])
def test_cursor_that_cannot_be_read_is_not_found(emulate, cursor):
    """What is not base64, and a position that is no id, are 404 with a detail."""
    answer = emulate(links=50, pagination="cursor", page_size=5).use_api_key().get(f"?cursor={cursor}")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Invalid cursor"})


def test_cursor_walk_meets_records_that_share_an_id_once_each(emulate):
    """Where records share a position, the cursor skips by offset: ties are neither repeated nor lost."""
    visitor = emulate(pagination="cursor", page_size=3).use_api_key()
    visitor.state.records = [{"id": number // 4, "n": number} for number in range(17)]
    pages = visitor.pages()
    assert [record["n"] for page in pages for record in page["results"]] == list(range(17))
    assert "o=" in cursor_of(pages[0]["next"])


def test_cursor_walk_is_not_shifted_by_a_deletion(emulate):
    """A cursor goes by id, so a record deleted on a page that was read shifts nothing."""
    visitor = emulate(links=20, pagination="cursor", page_size=5).use_api_key()
    links = visitor.state.freeze()
    expected = [link["id"] for link in links]
    visitor.state.on_page = lambda number: visitor.state.records.pop(0) if number == 1 else None
    assert [record["id"] for record in visitor.records()] == expected


def test_page_walk_is_shifted_by_a_deletion(emulate):
    """Pages go by number, so a record deleted on a page that was read hides the one that slips onto it."""
    visitor = emulate(links=20, page_size=5).use_api_key()
    expected = [link["id"] for link in visitor.state.freeze()]
    visitor.state.on_page = lambda number: visitor.state.records.pop(0) if number == 1 else None
    assert [record["id"] for record in visitor.records()] == expected[:5] + expected[6:]


def test_plain_records_replace_the_source_as_they_are(emulate):
    """`state.records` is served as JSON, bytes word for word, and follows every change."""
    visitor = emulate(links=50).use_api_key()
    raw = b'{"id": 1, "v": NaN, "v": 1E2}'
    records: list[Any] = [raw, {"id": "é\u2028", "n": 2**60}, {"lone": "\ud800"}]
    visitor.state.records = records
    assert visitor.get().content == (
        b'{"count":3,"next":null,"previous":null,"results":['
        + raw
        + b',{"id":"\xc3\xa9\\u2028","n":1152921504606846976},{"lone":"\\ud800"}]}'
    )
    records.clear()
    assert visitor.get().json()["count"] == 0
    visitor.state.records = None
    assert visitor.get().json()["count"] == 50


def test_frozen_records_are_those_that_were_served_and_may_be_changed(emulate):
    """`freeze` keeps what the network shows, now to be changed at will."""
    visitor = emulate(links=50, page_size=50).use_api_key()
    before = visitor.records()
    frozen = visitor.state.freeze()
    assert json.loads(json.dumps(frozen)) == before
    frozen[1]["name"] = "renamed"
    del frozen[0]
    assert visitor.records()[0]["name"] == "renamed"
