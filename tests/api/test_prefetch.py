"""Pages under way at the same time: how many, which count, and how they end."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable

import pytest

from inode_pipeline import errors
from inode_pipeline.api.client import INodeClient
from tests.api.raw import RawServer
from tests.api.servers import Links, Reply, ScriptedServer, Sent

ClientFor = Callable[..., INodeClient]


def ids(client: INodeClient) -> list[int]:
    return [record["id"] for page in client.pages("v1/links/") for record in page.answer.records]


class Gauge:
    """Counts how many requests are being answered at a time."""

    def __init__(self, links: Links, pause_s: float = 0.02) -> None:
        self._links = links
        self._good = links.answer
        self._pause_s = pause_s
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0
        links.server.lock_pages = False
        links.server.pages = self.answer

    def answer(self, sent: Sent) -> Reply:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(self._pause_s)
        with self._lock:
            self._now -= 1
        return self._good(sent)


@pytest.mark.parametrize(
    ("form", "concurrency", "most"), [("page", 4, 4), ("limit-offset", 4, 4), ("cursor", 4, 1), ("page", 1, 1)]
)
def test_as_many_pages_are_under_way_as_allowed(
    client_for: ClientFor, server: ScriptedServer, form: str, concurrency: int, most: int
) -> None:
    """Where addresses can be computed; one at a time where not."""
    gauge = Gauge(Links(server, list(range(60)), form=form))
    assert ids(client_for(server.base_url, concurrency=concurrency)) == list(range(60))
    assert gauge.most == most
    assert len(server.page_requests) == 20


def test_a_cursor_page_is_fetched_while_the_last_one_is_worked_on(
    client_for: ClientFor, server: ScriptedServer
) -> None:
    """One ahead."""
    Links(server, list(range(9)), form="cursor")
    pages = client_for(server.base_url).pages("v1/links/")
    next(pages)
    deadline = time.monotonic() + 5
    while len(server.page_requests) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert len(server.page_requests) == 2
    pages.close()


def test_a_slow_consumer_bounds_what_is_under_way(client_for: ClientFor, server: ScriptedServer) -> None:
    """Nothing is fetched beyond the window, however long a page is worked on."""
    Links(server, list(range(90)))
    pages = client_for(server.base_url, concurrency=4).pages("v1/links/")
    next(pages)
    time.sleep(0.2)
    assert len(server.page_requests) == 1 + 4
    pages.close()


@pytest.mark.parametrize("purpose", ["inspect", "doctor"])
def test_whoever_looks_at_one_page_fetches_one(client_for: ClientFor, server: ScriptedServer, purpose: str) -> None:
    """No page is under way that nobody asked for."""
    Links(server, list(range(90)))
    client = client_for(server.base_url, purpose=purpose)
    pages = client.pages("v1/links/")
    next(pages)
    pages.close()
    time.sleep(0.05)
    assert len(server.page_requests) == 1
    assert ids(client) == list(range(90))


def test_a_page_ahead_counts_only_if_it_is_named(client_for: ClientFor, server: ScriptedServer) -> None:
    """A server that skips numbers is followed, and what was computed is dropped unseen, errors included."""
    chain = {"1": "5", "5": "6", "6": "9", "9": None}

    def answer(sent: Sent) -> Reply:
        number = sent.query.get("page", "1")
        if number not in chain:
            return Reply(500, {})
        following = chain[number] and f"?page={chain[number]}"
        return Reply(200, {"count": 40, "next": following, "results": [{"id": int(number)}]})

    server.pages = answer
    assert ids(client_for(server.base_url)) == [1, 5, 6, 9]


def test_an_error_ahead_counts_only_when_it_is_reached(client_for: ClientFor, server: ScriptedServer) -> None:
    """Pages before it are still given, in order."""
    links = Links(server, list(range(12)))
    good = links.answer
    server.pages = lambda sent: Reply(400, {}) if sent.query.get("page") == "3" else good(sent)
    pages = client_for(server.base_url).pages("v1/links/")
    assert [next(pages).number, next(pages).number] == [1, 2]
    with pytest.raises(errors.ApiProtocolError, match="page 3"):
        next(pages)


def test_an_error_beyond_the_end_is_never_seen(client_for: ClientFor, server: ScriptedServer) -> None:
    """A count that is too high makes us ask for a page that is not there, and nobody minds."""
    links = Links(server, list(range(6)))
    good = links.answer

    def answer(sent: Sent) -> Reply:
        reply = good(sent)
        if reply.status == 200:
            reply.body["count"] = 60
        return reply

    server.pages = answer
    assert ids(client_for(server.base_url)) == list(range(6))


def test_pages_come_in_order_whatever_comes_first(client_for: ClientFor, server: ScriptedServer) -> None:
    """The slowest page holds the others back."""
    links = Links(server, list(range(30)))
    good = links.answer
    server.lock_pages = False

    def answer(sent: Sent) -> Reply:
        time.sleep(0.05 / int(sent.query.get("page", 1)))
        return good(sent)

    server.pages = answer
    assert ids(client_for(server.base_url, concurrency=8)) == list(range(30))


@pytest.mark.parametrize("form", ["page", "cursor"])
def test_stopping_early_ends_what_is_under_way(client_for: ClientFor, raw: RawServer, form: str) -> None:
    """Threads that wait for a server which answers nothing end at once, and the client can be used again."""
    following = '"?page=2"' if form == "page" else '"?cursor=b"'
    body = f'{{"count":9,"next":{following},"results":[{{"id":1}}]}}'.encode()
    token = b'{"access_token":"t","token_type":"Bearer"}'

    def script(connection: socket.socket, request: bytes, number: int) -> None:
        first = b"page=" not in request and b"cursor" not in request
        content = token if request.startswith(b"POST") else body
        if first or request.startswith(b"POST"):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content)
        else:
            raw.stopping.wait(20)

    raw.script = script
    client = client_for(raw.base_url)
    for _ in range(2):
        pages = client.pages("v1/links/")
        assert next(pages).number == 1
        time.sleep(0.05)
        begin = time.monotonic()
        pages.close()
        assert time.monotonic() - begin < 1.0
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("inode-page")]
    raw.stopping.set()


class Stopped(BaseException):
    """What a signal makes of a running program."""


@pytest.mark.parametrize("where", ["fetch", "ahead", "pause"])
def test_m60_a_signal_stops_a_fetch_and_a_pause_at_once(
    client_for: ClientFor, server: ScriptedServer, where: str
) -> None:
    """It is neither swallowed nor tried again, in whichever wait it comes."""
    links = Links(server, list(range(30)))
    good = links.answer
    server.lock_pages = False
    release = threading.Event()

    def answer(sent: Sent) -> Reply:
        is_first = "page" not in sent.query
        if where == "pause" and not is_first:
            return Reply(503, {}, {"Retry-After": "30"})
        if is_first == (where == "fetch"):
            release.wait(10)
        return good(sent)

    server.pages = answer

    def stop(*_: object) -> None:
        raise Stopped

    previous = signal.signal(signal.SIGTERM, stop)
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGTERM))
    timer.start()
    begin = time.monotonic()
    try:
        with pytest.raises(Stopped):
            ids(client_for(server.base_url, real_time=True))
        assert time.monotonic() - begin < 2.0
    finally:
        timer.join()
        release.set()
        signal.signal(signal.SIGTERM, previous)
