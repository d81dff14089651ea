"""Bare lists: the next page in the header `Link`, the count in a header, or neither of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from inode_pipeline import errors
from inode_pipeline.api.client import INodeClient
from inode_pipeline.api.walk import Known, ProvenWalk, prove_walk
from tests.api.servers import Reply, ScriptedServer, Sent
from tests.api.stand_ins import Store, first_load, identify, loaded

ClientFor = Callable[..., INodeClient]


class Bare:
    """Serves bare lists, cut at `size`; knows the parameters that are named, each by one of three meanings."""

    def __init__(
        self,
        server: ScriptedServer,
        length: int,
        *,
        size: int = 10**6,
        page: str = "",
        offset: str = "",
        sizes: str = "",
        first: int = 1,
        beyond: object = (),
        strict: bool = False,
    ) -> None:
        self.server, self.ids, self.size = server, list(range(length)), size
        self.page, self.offset, self.sizes, self.first = page, offset, sizes, first
        self.beyond, self.strict = beyond, strict
        self.speed = 0
        self.headers: Callable[[Sent, int, int], dict[str, str]] = lambda sent, start, size: {}
        server.pages = self.answer

    def answer(self, sent: Sent) -> Reply:
        if self.strict and set(sent.query) - {self.page, self.offset, self.sizes, "page_size"}:
            return Reply(400, {"detail": "unknown parameter"})
        size = min(self.size, int(sent.query.get(self.sizes, self.size)))
        start = int(sent.query.get(self.offset, (int(sent.query.get(self.page, self.first)) - self.first) * size))
        chunk = self.ids[start : start + size]
        if not chunk and start and self.beyond != ():
            return Reply(self.beyond, {}) if isinstance(self.beyond, int) else Reply(200, self.beyond)
        self.speed += 1  # a measurement that is another one each time
        records = [{"id": link, "name": f"link {link}", "speed": self.speed} for link in chunk]
        return Reply(200, records, self.headers(sent, start, size))


def walk(client: INodeClient, store: Store, known: Known | None = None) -> ProvenWalk:
    return prove_walk(client, "v1/links/", identify=identify, known=known or loaded(), store=store)


@pytest.fixture
def store() -> Store:
    return Store()


LINK_HEADERS = [
    '<{url}>; rel="next"', "<{url}>; rel=next", '<{url}>; REL="Next"', '<{url}>; title="a, b; <c>"; rel="next"',
    '<{origin}/api/v1/links/?page=1>; rel="first", <{url}>; rel="last next"', '</api/v1/links/?page={number}>;rel=next',
    '<?page={number}>; rel="next", <?page=9>; rel="last"',
    '<?page=9>; rel=last; title="x=next", <{url}> ; rel = "next"',
]  # fmt: skip


@pytest.mark.parametrize("header", LINK_HEADERS)
@pytest.mark.parametrize("counted", [False, True])
def test_m71_the_next_page_may_be_named_in_the_header_link(
    client_for: ClientFor, server: ScriptedServer, store: Store, header: str, counted: bool
) -> None:
    """As the documentation of Django REST framework shows; every record, with one request a page."""
    links = Bare(server, 250, size=100, page="page")

    def headers(sent: Sent, start: int, size: int) -> dict[str, str]:
        number = start // size + 2
        url = f"{server.origin}{sent.path}?page={number}"
        more = {"Link": header.format(url=url, origin=server.origin, number=number)} if start + size < 250 else {}
        return more | ({"X-Total-Count": "250"} if counted else {})

    links.headers = headers
    proven = walk(client_for(server.base_url), store)
    assert store.ids == list(range(250))
    assert (proven.pages, proven.requests, proven.verdict) == (3, 3, "proven" if counted else "unverified")
    assert [sent.query.get("page_size") for sent in server.page_requests] == ["1000"] * 3
    assert walk(client_for(server.base_url), Store(), first_load()).verdict == "confirmed"


def test_m71_a_header_continues_a_page_whose_next_is_null(
    client_for: ClientFor, server: ScriptedServer, store: Store
) -> None:
    """Only `next: null` without such a header is the end."""
    server.pages = lambda sent: (
        Reply(200, {"next": None, "results": [{"id": 2}]})
        if "cursor" in sent.query
        else Reply(200, {"next": None, "results": [{"id": 1}]}, {"Link": "<?cursor=a>; rel=next"})
    )
    walk(client_for(server.base_url), store)
    assert store.ids == [1, 2]


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ("<http://localhost:{port}/api/v1/links/?page=2>; rel=next", errors.ForeignUrlError),
        ("</v1/links/?page=2>; rel=next", errors.ForeignUrlError),
        ("<?page_size=1000>; rel=next", errors.PagingLoopError),
        ("<?page=2>; rel=next", errors.PagingLoopError),
    ],
)
def test_m71_the_rules_of_next_hold_for_the_header(
    client_for: ClientFor, server: ScriptedServer, store: Store, header: str, error: type[errors.PipelineError]
) -> None:
    """Our server, under our path, and never in circles."""
    links = Bare(server, 5)
    links.headers = lambda sent, start, size: {"Link": header.format(port=server.origin.rpartition(":")[2])}
    with pytest.raises(error):
        walk(client_for(server.base_url), store)
    assert len(server.page_requests) <= 2


COUNTS = [
    {"X-Total-Count": "250"}, {"X-Total": "250"}, {"Content-Range": "items 0-99/250"},
    {"Content-Range": "0-99/250"}, {"X-Total-Count": "100", "Content-Range": "links 0-99/250"},
]  # fmt: skip


@pytest.mark.parametrize("headers", COUNTS, ids=str)
@pytest.mark.parametrize("in_envelope", [False, True])
def test_m71_a_header_that_counts_more_records_contradicts(
    client_for: ClientFor, server: ScriptedServer, store: Store, headers: dict[str, str], in_envelope: bool
) -> None:
    """100 of 250 are never the whole, whatever the body says of itself."""
    links = Bare(server, 100)

    def answer(sent: Sent) -> Reply:
        reply = links.answer(sent)
        body = {"count": 100, "next": None, "results": reply.body} if in_envelope else reply.body
        return Reply(200, body, headers)

    server.pages = answer
    with pytest.raises(errors.ApiContractError, match=r"same 100 records, but the count is 250\."):
        walk(client_for(server.base_url), store, first_load())


@pytest.mark.parametrize("headers", [{"X-Total-Count": "37"}, {"Content-Range": "items 0-36/37"}], ids=str)
def test_m71_a_list_as_long_as_its_header_counts_is_proven(
    client_for: ClientFor, server: ScriptedServer, store: Store, headers: dict[str, str]
) -> None:
    """With one request."""
    Bare(server, 37).headers = lambda sent, start, size: headers
    proven = walk(client_for(server.base_url), store)
    assert (proven.verdict, proven.requests) == ("proven", 1)


@pytest.mark.parametrize("headers", [{"X-Total-Count": "many"}, {"Content-Range": "bytes 0-99/25000"},
                                     {"Content-Range": "items 0-36/*"}, {"Link": "<>; rel=next"}])  # fmt: skip
def test_m71_a_header_that_tells_nothing_is_passed_over(
    client_for: ClientFor, server: ScriptedServer, store: Store, headers: dict[str, str]
) -> None:
    """The list is probed as if the header was not there."""
    Bare(server, 37).headers = lambda sent, start, size: headers
    proven = walk(client_for(server.base_url), store)
    assert (proven.verdict, proven.requests) == ("proven", 2)


TURNED: dict[str, dict[str, Any]] = {
    "page": {"page": "page"},
    "page from 0": {"page": "page", "first": 0},
    "offset": {"offset": "offset"},
    "page, gone at the end": {"page": "page", "beyond": 404},
    "page from 0, gone at the end": {"page": "page", "first": 0, "beyond": 404},
    "offset, gone at the end": {"offset": "offset", "beyond": 410},
    "offset, out of range at the end": {"offset": "offset", "beyond": 416},
    "page and page size": {"page": "page", "sizes": "page_size"},
    "offset and limit": {"offset": "offset", "sizes": "limit"},
    "page, other parameters refused": {"page": "page", "strict": True},
    "offset, other parameters refused": {"offset": "offset", "strict": True},
}


@pytest.mark.parametrize("turned", TURNED)
@pytest.mark.parametrize("length", [101, 150, 200, 250])
def test_m71_records_behind_a_silent_list_are_found_and_followed(
    client_for: ClientFor, server: ScriptedServer, store: Store, turned: str, length: int
) -> None:
    """A list cut at 100 that names neither its count nor a next page: every record, by page number or by offset."""
    Bare(server, length, size=100, **TURNED[turned])
    proven = walk(client_for(server.base_url), store)
    assert (store.ids, proven.verdict) == (list(range(length)), "unverified")
    assert [page.number for page in store.current] == list(range(1, proven.pages + 1))
    assert walk(client_for(server.base_url), Store(), first_load()).verdict == "confirmed"


@pytest.mark.parametrize("turned", TURNED)
def test_m71_a_list_behind_which_is_nothing_is_proven_whole(
    client_for: ClientFor, server: ScriptedServer, store: Store, turned: str
) -> None:
    """However long it is, if the server knows what the next page would be and has none."""
    for length in (99, 100) if "from 0" not in turned else (99,):
        Bare(server, length, size=100, **TURNED[turned])
        store = Store()
        assert walk(client_for(server.base_url), store).verdict == "proven"
        assert store.ids == list(range(length))


@pytest.mark.parametrize("length", [1, 7, 37, 99, 101, 237, 999, 1001, 3500])
def test_m71_a_server_that_knows_no_parameter_sends_one_whole_answer(
    client_for: ClientFor, server: ScriptedServer, store: Store, length: int
) -> None:
    """One request more tells: the same links again, although their measurements have changed meanwhile."""
    Bare(server, length)
    proven = walk(client_for(server.base_url), store)
    assert (proven.verdict, proven.requests, proven.pages, store.ids) == ("proven", 2, 1, list(range(length)))
    assert walk(client_for(server.base_url), Store(), first_load()).verdict == "confirmed"


def test_m71_an_empty_list_is_not_probed(client_for: ClientFor, server: ScriptedServer, store: Store) -> None:
    """There is nothing that it could be a page of."""
    Bare(server, 0)
    assert walk(client_for(server.base_url), store).requests == 1


@pytest.mark.parametrize("length", [10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 2500, 5000, 10_000])
def test_m71_a_list_of_a_usual_page_size_stays_unverified(
    client_for: ClientFor, server: ScriptedServer, store: Store, length: int
) -> None:
    """Even when confirmed: a server with other names for everything would send the same page again and again."""
    Bare(server, length)
    assert walk(client_for(server.base_url), store).verdict == "unverified"
    assert walk(client_for(server.base_url), Store(), first_load()).verdict == "unverified"
    assert walk(client_for(server.base_url), Store(), loaded(*range(length + 5))).verdict == "unverified"


def test_m71_a_list_as_long_as_was_asked_for_stays_unverified(
    client_for: ClientFor, server: ScriptedServer, store: Store
) -> None:
    """INODE_PAGE_SIZE is a usual size too."""
    Bare(server, 37)
    assert walk(client_for(server.base_url, page_size=37), store).verdict == "unverified"


def test_m71_a_full_page_of_a_server_that_cannot_be_turned_stops_the_run(
    client_for: ClientFor, server: ScriptedServer, store: Store
) -> None:
    """It obeys the page size, so it has pages, and this one is full: the rest would be missing without a word."""
    Bare(server, 250, size=100, page="pageNumber", sizes="page_size")
    with pytest.raises(errors.ApiContractError, match="neither `page` nor `offset`"):
        walk(client_for(server.base_url), store)
    Bare(server, 99, size=100, page="pageNumber", sizes="page_size")
    assert walk(client_for(server.base_url), Store()).verdict == "unverified"


@pytest.mark.parametrize("beyond", [400, {"detail": "no such page"}])
def test_m71_what_is_neither_a_page_nor_its_end_stops_the_run(
    client_for: ClientFor, server: ScriptedServer, store: Store, beyond: object
) -> None:
    """Once the pages are being turned, only an empty one or none is the end."""
    Bare(server, 250, size=100, page="page", beyond=beyond)
    with pytest.raises(errors.ApiContractError, match="Page 4"):
        walk(client_for(server.base_url), store)


def test_m71_a_last_page_that_is_sent_for_every_later_one_is_a_loop(
    client_for: ClientFor, server: ScriptedServer, store: Store
) -> None:
    """As Django's `get_page` does: no end that could be told from a lost page."""
    links = Bare(server, 250, size=100, page="page")

    def clamped(sent: Sent) -> Reply:
        sent.query["page"] = str(min(3, int(sent.query.get("page", 1))))
        return links.answer(sent)

    server.pages = clamped
    with pytest.raises(errors.PagingLoopError):
        walk(client_for(server.base_url), store)


def test_m71_a_list_that_changes_while_it_is_probed_is_walked_again(
    client_for: ClientFor, server: ScriptedServer, store: Store
) -> None:
    """A new link makes the second answer another one, which is not the page behind the first."""
    links = Bare(server, 37)

    def growing(sent: Sent) -> Reply:
        reply = links.answer(sent)
        links.ids = list(range(38))
        return reply

    server.pages = growing
    assert walk(client_for(server.base_url), store).verdict == "proven"
    assert store.ids == list(range(38))


def test_m71_looking_at_one_page_probes_nothing(client_for: ClientFor, server: ScriptedServer) -> None:
    """`inspect` and `doctor` need one request."""
    Bare(server, 100)
    next(client_for(server.base_url, purpose="inspect").pages("v1/links/"))
    assert len(server.page_requests) == 1
