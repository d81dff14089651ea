"""From page to page: where the next one is, what is no page, and what has no end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from inode_pipeline import errors
from inode_pipeline.api.client import INodeClient
from inode_pipeline.api.walk import prove_walk
from tests.api.raw import RawServer
from tests.api.servers import Links, Reply, ScriptedServer, Sent
from tests.api.stand_ins import Store, identify, leaks, loaded, told

ClientFor = Callable[..., INodeClient]
FORMS = ["page", "limit-offset", "cursor", "none"]


def ids(client: INodeClient) -> list[int]:
    return [record["id"] for page in client.pages("v1/links/") for record in page.answer.records]


def envelope(*records: int, following: str | None = None, **more: Any) -> Reply:
    return Reply(200, {"next": following, "previous": None, "results": [{"id": link} for link in records], **more})


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("size", [1, 3, 7, 20, 50])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_paging_is_walked_to_its_end(
    client_for: ClientFor, server: ScriptedServer, form: str, size: int, concurrency: int
) -> None:
    """Every record, in order, with one request a page."""
    Links(server, list(range(20)), form=form, size=size)
    client = client_for(server.base_url, concurrency=concurrency)
    pages = list(client.pages("v1/links/"))
    assert [record["id"] for page in pages for record in page.answer.records] == list(range(20))
    assert [page.number for page in pages] == list(range(1, len(pages) + 1))
    assert len(server.page_requests) == len(pages) == client.tally.requests


@pytest.mark.parametrize("param", ["page_size", "per_page"])
def test_the_page_size_is_asked_for_on_every_page(client_for: ClientFor, server: ScriptedServer, param: str) -> None:
    """Even if the server's own addresses forget it."""
    links = Links(server, list(range(9)))
    good = links.answer

    def forgetful(sent: Sent) -> Reply:
        return good(Sent(sent.method, sent.path, {k: v for k, v in sent.query.items() if k != param}, {}, {}))

    server.pages = forgetful
    assert ids(client_for(server.base_url, page_size=500, page_size_param=param)) == list(range(9))
    assert [sent.query[param] for sent in server.page_requests] == ["500"] * 3


def test_a_limit_offset_server_gets_a_limit(client_for: ClientFor, server: ScriptedServer) -> None:
    """Once it is recognised, it is asked for as many records as we want, so that fewer requests are needed."""
    links = Links(server, list(range(50)), form="limit-offset")

    def roomy(sent: Sent) -> Reply:
        links.size = 20 if "limit" in sent.query else 3
        return Links._limit_offset(links, sent)

    server.pages = roomy
    assert ids(client_for(server.base_url, page_size=1000)) == list(range(50))
    offsets = [int(sent.query.get("offset", "0")) for sent in server.page_requests]
    assert sorted(offsets) == [0, 3, 23, 43]  # the last two are on their way at the same time
    assert [sent.query.get("limit") for sent in server.page_requests] == [None, "1000", "1000", "1000"]


@pytest.mark.parametrize("form", ["page", "limit-offset", "cursor"])
def test_m29_m35_a_page_size_that_the_server_ignores_does_no_harm(
    client_for: ClientFor, server: ScriptedServer, form: str
) -> None:
    """Pages shorter than asked are no end."""
    Links(server, list(range(20)), form=form, size=6)
    assert ids(client_for(server.base_url, page_size=1000)) == list(range(20))


def test_m29_a_short_page_in_the_middle_is_no_end(client_for: ClientFor, server: ScriptedServer) -> None:
    """Pages may be of any length."""
    server.pages = lambda sent: {
        None: envelope(1, 2, 3, following="?page=2", count=6),
        "2": envelope(4, following="?page=3", count=6),
        "3": envelope(5, 6, count=6),
    }[sent.query.get("page")]
    assert ids(client_for(server.base_url)) == [1, 2, 3, 4, 5, 6]


def test_m28_an_empty_page_with_a_next_one_is_followed(client_for: ClientFor, server: ScriptedServer) -> None:
    """Only `next: null` is the end."""
    server.pages = lambda sent: {
        None: envelope(following="?cursor=a"),
        "a": envelope(1, following="?cursor=b"),
        "b": envelope(following="?cursor=c"),
        "c": envelope(2),
    }[sent.query.get("cursor")]
    assert ids(client_for(server.base_url)) == [1, 2]


@pytest.mark.parametrize(
    "second",
    [
        {"data": [], "next": None}, {"results": None, "next": None}, {"results": {}, "next": None},
        {"results": [{"id": 4}], "count": 6}, {"detail": "Not now."}, [{"id": 4}], None, "7",
    ],
)  # fmt: skip
def test_m30_what_is_not_a_page_is_never_the_end(client_for: ClientFor, server: ScriptedServer, second: object) -> None:
    """Neither on the first page nor later; a bare list is a whole answer or none."""
    server.pages = lambda sent: (
        Reply(200, second) if "page" in sent.query else envelope(1, following="?page=2", count=6)
    )
    with pytest.raises(errors.ApiContractError):
        ids(client_for(server.base_url))


def test_m82_a_page_that_a_proxy_has_passed_on_is_taken(client_for: ClientFor, server: ScriptedServer) -> None:
    """203 says that something between has had its hands on it; the page still has to be one."""
    links = Links(server, list(range(9)))

    def passed_on(sent: Sent) -> Reply:
        reply = links.answer(sent)
        return Reply(203, reply.body)

    server.pages = passed_on
    assert ids(client_for(server.base_url)) == list(range(9))


def test_m82_a_part_of_a_page_is_named_as_one(client_for: ClientFor, server: ScriptedServer) -> None:
    """206 answers a question for a part, which was not asked."""
    server.pages = lambda sent: Reply(206, {"next": None, "results": []}, {"Content-Range": "bytes 0-9/99"})
    with pytest.raises(errors.ApiContractError, match=r"Only a part of page.*206"):
        ids(client_for(server.base_url))


@pytest.mark.parametrize(
    ("base", "following", "named"),
    [
        ("gw/api/", "{origin}/api/v1/links/?page=2", "/api/v1/links/"),
        ("gw/api/", "/api/v1/links/?page=2", "/api/v1/links/"),
        ("gw/api/", "/gw/apis/v1/links/?page=2", "/gw/apis/v1/links/"),
        ("gw/api/", "../../../../elsewhere/?page=2", "/elsewhere/"),
        ("", "{origin}/api/v1/links/?page=2", "/api/v1/links/"),
    ],
)
def test_m75_a_next_page_outside_the_base_path_is_refused(
    client_for: ClientFor, server: ScriptedServer, base: str, following: str, named: str
) -> None:
    """A gateway that takes a prefix off, or puts one on: both paths are named, and no list is blamed."""
    following = following.format(origin=server.origin)
    good = Links(server, list(range(6)))._page

    def gateway(sent: Sent) -> Reply:
        if not sent.path.startswith(f"/{base}v1/"):
            return Reply(404, {"detail": "Not found."})
        reply = good(sent)
        return Reply(200, {**reply.body, "next": following})

    server.tokens = lambda sent: Reply(200, server.issue())
    server.pages = gateway
    store = Store()
    with pytest.raises(errors.ForeignUrlError, match="INODE_BASE_URL") as caught:
        prove_walk(client_for(f"{server.origin}/{base}"), "v1/links/", identify=identify, known=loaded(), store=store)
    assert caught.value.exit_code == 1
    assert f"{server.origin}{named}" in caught.value.message
    assert f"{server.origin}/{base}" in caught.value.message
    assert len(store.begun) == 1


@pytest.mark.parametrize("api_key", [None, "canary-key-0123456789"], ids=["login", "key"])
@pytest.mark.parametrize("base", ["", "app/", "api/v1/", "api/v1/links/"])
@pytest.mark.parametrize(
    "wrong",
    [Reply(404, "<h1>Not Found</h1>"), Reply(404, {"detail": "Not found."}), Reply(405, ""), Reply(200, "<html>App"),
     Reply(302, "", {"Location": "/login/"})],
    ids=["404 HTML", "404 JSON", "405", "a page for people", "redirect"],
)  # fmt: skip
def test_a_base_url_that_does_not_end_in_api_is_named(
    client_for: ClientFor, server: ScriptedServer, api_key: str | None, base: str, wrong: Reply
) -> None:
    """With the key as with the login, whatever the server says to it."""
    server.check_tokens = False
    server.tokens = server.pages = lambda sent: wrong
    likely = server.base_url if base.startswith("api/") else f"{server.origin}/{base}api/"
    with pytest.raises(errors.ApiError, match=rf"does not end in /api/; is {likely} meant\?"):
        ids(client_for(f"{server.origin}/{base}", api_key=api_key))


def test_a_base_url_that_ends_in_api_is_not_doubted(client_for: ClientFor, server: ScriptedServer) -> None:
    """Neither is another one that has led to a page."""
    server.pages = lambda sent: Reply(404, {"detail": "Not found."})
    with pytest.raises(errors.ApiProtocolError, match="not this API") as caught:
        ids(client_for(server.base_url))
    assert "does not end" not in str(caught.value)


@pytest.mark.parametrize("status", [204, 202, 206])
def test_m36_a_good_status_without_a_page_is_refused(
    client_for: ClientFor, server: ScriptedServer, status: int
) -> None:
    """Only 200 brings a page."""
    server.pages = lambda sent: Reply(status, b"" if status == 204 else b'{"next":null,"results":[]}')
    with pytest.raises(errors.ApiContractError):
        ids(client_for(server.base_url))


LOOPS: dict[str, dict[str | None, Reply]] = {
    "itself": {None: envelope(1, following="?page_size=1000")},
    "A to B to A": {
        None: envelope(1, following="?cursor=a"),
        "a": envelope(2, following="?cursor=b"),
        "b": envelope(3, following="?cursor=a"),
    },
    "A to B to A, written otherwise": {
        None: envelope(1, following="?cursor=a&x=1"),
        "a": envelope(2, following="?cursor=b"),
        "b": envelope(3, following="?x=1&page_size=1000&cursor=%61"),
    },
    "page 1": {None: envelope(1, following="?cursor=a"), "a": envelope(1, following="?cursor=b")},
    "a corrupted cursor": {
        None: envelope(1, following="?cursor=a"),
        "a": envelope(2, following="?cursor=%21%21"),
        "!!": envelope(1, following="?cursor=c"),
        "c": envelope(2, following="?cursor=d"),
    },
}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("concurrency", [1, 4])
def test_m27_pages_that_lead_back_are_a_loop(
    client_for: ClientFor, server: ScriptedServer, loop: str, concurrency: int
) -> None:
    """Found at once: by an address asked before, or by a page with exactly the ids of an earlier one."""
    replies = LOOPS[loop]
    server.pages = lambda sent: replies.get(sent.query.get("cursor"), envelope(99, following="?cursor=z"))
    client = client_for(server.base_url, concurrency=concurrency)
    with pytest.raises(errors.PagingLoopError):
        prove_walk(client, "v1/links/", identify=identify, known=loaded(), store=Store())
    assert len(server.page_requests) <= len(replies) + 2


def test_m27_a_last_page_that_leads_to_the_first_is_a_loop(client_for: ClientFor, server: ScriptedServer) -> None:
    """Under another address as well."""
    links = Links(server, list(range(9)))
    good = links.answer

    def round_and_round(sent: Sent) -> Reply:
        reply = good(sent)
        reply.body["next"] = reply.body["next"] or f"{server.origin}{sent.path}?page=1"
        return reply

    server.pages = round_and_round
    with pytest.raises(errors.PagingLoopError):
        prove_walk(client_for(server.base_url), "v1/links/", identify=identify, known=loaded(), store=Store())
    assert len(server.page_requests) <= 3 + 2


def test_m26_a_page_that_is_gone_is_not_the_end(client_for: ClientFor, server: ScriptedServer) -> None:
    """404 after the first page means that the pages were cut anew, in whatever language it is said."""
    links = Links(server, list(range(9)))
    links.before_page = lambda number: links.ids.__delitem__(slice(3, 9)) if number == 2 else None
    with pytest.raises(errors.IncompleteWalkError, match="Page 2"):
        ids(client_for(server.base_url, concurrency=1))


FOREIGN = [
    "http://127.0.0.1:{evil}/api/v1/links/?page=2", "//127.0.0.1:{evil}/api/v1/links/?page=2",
    "http://localhost:{port}/api/v1/links/?page=2", "https://127.0.0.1:{port}/api/v1/links/?page=2",
    "http://127.0.0.1:{port}@127.0.0.1:{evil}/", "http://user@127.0.0.1:{port}/api/v1/links/?page=2",
    "http://127.0.0.1:{port}\\@127.0.0.1:{evil}/", "\\\\127.0.0.1:{evil}\\x", "/\\127.0.0.1:{evil}/",
    "http:///127.0.0.1:{evil}/", "file:///etc/passwd", "ftp://127.0.0.1:{port}/", "javascript:alert(1)",
    "http://127.0.0.1:{port}\t.evil/", "ht\ntp://127.0.0.1:{evil}/", " http://127.0.0.1:{evil}/", "http://[::1",
    "http://127.0.0.1.:{port}/x", "http://127.0.0.1%2eevil:{port}/", "http://１２７.0.0.1:{evil}/",
    "http://127.0.0.1:{port}x/", "http://127.1:{port}/", "http://2130706433:{port}/", "//@/x",
]  # fmt: skip


def can_stand_in_a_header(address: str) -> bool:
    return address.isascii() and address.isprintable()


@pytest.mark.parametrize(
    ("address", "by_redirect"),
    [(address, False) for address in FOREIGN]
    + [(address, True) for address in FOREIGN if can_stand_in_a_header(address)],
)
def test_m34_another_server_sees_nothing(
    client_for: ClientFor, server: ScriptedServer, raw: RawServer, address: str, by_redirect: bool
) -> None:
    """Neither a token nor a connection, whatever the address pretends to be."""
    address = address.format(evil=raw.port, port=server.origin.rpartition(":")[2])
    page = Reply(302, b"", {"Location": address}) if by_redirect else envelope(1, following=address, count=2)
    server.pages = lambda sent: page
    with pytest.raises(errors.ForeignUrlError, match="INODE_BASE_URL") as caught:
        ids(client_for(server.base_url))
    assert caught.value.message.isprintable()
    assert (raw.connections, len(server.page_requests)) == (0, 1)


def test_m34_a_token_in_an_address_is_neither_sent_nor_kept(client_for: ClientFor, server: ScriptedServer) -> None:
    """A server that echoes `access_token` cannot make it travel in an address."""
    server.pages = lambda sent: (
        envelope(2, count=2)
        if "page" in sent.query
        else envelope(1, following="?access_token=canary&page=2&%61ccess_token=canary", count=2)
    )
    pages = list(client_for(server.base_url).pages("v1/links/"))
    assert [set(sent.query) for sent in server.page_requests] == [{"page_size"}, {"page", "page_size"}]
    assert not leaks(*(page.address for page in pages))


@pytest.mark.parametrize("address", ["?page=2", "/api/v1/links/?page=2", "http://127.0.0.1/api/v1/links/?page=2"])
def test_m33_a_relative_address_and_a_lost_port_are_ours(
    client_for: ClientFor, server: ScriptedServer, address: str
) -> None:
    """The next page is asked for on the configured origin."""
    server.pages = lambda sent: (
        envelope(2, count=2) if "page" in sent.query else envelope(1, following=address, count=2)
    )
    assert ids(client_for(server.base_url)) == [1, 2]


def test_an_address_of_no_sensible_length_is_refused(client_for: ClientFor, server: ScriptedServer) -> None:
    """Nobody sends 8,000 characters to be led on."""
    server.pages = lambda sent: envelope(1, following="?cursor=" + "a" * 8_000)
    with pytest.raises(errors.ApiContractError) as caught:
        ids(client_for(server.base_url))
    assert len(told(caught.value)) < 8_000
