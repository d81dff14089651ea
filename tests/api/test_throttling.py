"""A server that asks for a pause, or is in trouble."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime

import pytest

from inode_pipeline import errors
from inode_pipeline.api.client import INodeClient
from inode_pipeline.api.pagination import Page
from tests.api.servers import Links, Reply, ScriptedServer, Sent
from tests.api.stand_ins import FakeTime, leaks, told

ClientFor = Callable[..., INodeClient]


def pages(client: INodeClient) -> list[Page]:
    return list(client.pages("v1/links/"))


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("kind", ["seconds", "date", "date without the server's"])
def test_m08_an_asked_pause_is_kept(
    client_for: ClientFor, server: ScriptedServer, fake_time: FakeTime, status: int, kind: str
) -> None:
    """In seconds or as a date, at least as long as asked, on whichever clock."""
    links = Links(server, [1, 2])
    good = links.answer

    def throttle(sent: Sent) -> Reply:
        if len(server.page_requests) > 1:
            return good(sent)
        now = fake_time.now() + timedelta(hours=0 if kind.endswith("server's") else 5)
        headers = {
            "Retry-After": "57" if kind == "seconds" else format_datetime(now + timedelta(seconds=57), usegmt=True)
        }
        if kind == "date":
            headers["Date"] = format_datetime(now, usegmt=True)
        return Reply(status, {"detail": "Throttled."}, headers)

    server.pages = throttle
    assert len(pages(client_for(server.base_url))) == 1
    assert 57 <= sum(fake_time.sleeps) < 59


@pytest.mark.parametrize("value", ["0", "-5", "soon", "", "1e3", "Mon, 99 Foo", None])
def test_m08_a_pause_that_makes_no_sense_is_replaced_by_our_own(
    client_for: ClientFor, server: ScriptedServer, fake_time: FakeTime, value: str | None
) -> None:
    """The page is asked for again after a pause of our own choice."""
    links = Links(server, [1, 2])
    good = links.answer
    headers = {} if value is None else {"Retry-After": value}
    server.pages = lambda sent: good(sent) if len(server.page_requests) > 3 else Reply(429, {}, headers)
    assert len(pages(client_for(server.base_url))) == 1
    assert len(fake_time.sleeps) == 3
    assert max(fake_time.sleeps) <= 30


@pytest.mark.parametrize("value", ["86400", "999999999999", "Fri, 01 Jan 2100 00:00:00 GMT"])
@pytest.mark.parametrize("at_login", [True, False])
def test_m08_a_pause_beyond_the_deadline_ends_the_run_at_once(
    client_for: ClientFor, server: ScriptedServer, fake_time: FakeTime, value: str, at_login: bool
) -> None:
    """Nobody waits for what cannot come in time; the message says until when."""
    refuse = Reply(429, {"detail": "Throttled."}, {"Retry-After": value})
    server.pages = lambda sent: refuse
    if at_login:
        server.tokens = lambda sent: refuse
    with pytest.raises(errors.RateLimitedError, match=r"until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"):
        pages(client_for(server.base_url))
    assert not fake_time.sleeps


def test_m08_an_asked_pause_does_not_use_up_patience(
    client_for: ClientFor, server: ScriptedServer, fake_time: FakeTime
) -> None:
    """A server that throttles for ten minutes is waited for."""
    links = Links(server, [1, 2])
    good = links.answer
    server.pages = lambda sent: good(sent) if len(server.page_requests) > 10 else Reply(429, {}, {"Retry-After": "60"})
    assert len(pages(client_for(server.base_url))) == 1
    assert fake_time.elapsed >= 600


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520])
def test_m09_a_server_in_trouble_is_asked_again(client_for: ClientFor, server: ScriptedServer, status: int) -> None:
    """Whatever it writes about its trouble."""
    links = Links(server, [1, 2])
    good = links.answer
    server.pages = lambda sent: good(sent) if len(server.page_requests) > 3 else Reply(status, "<h1>Oops</h1>")
    client = client_for(server.base_url)
    assert len(pages(client)) == 1
    assert (client.tally.requests, client.tally.retries) == (4, 3)


def test_m09_a_server_in_trouble_for_ever_is_quoted_cleanly(client_for: ClientFor, server: ScriptedServer) -> None:
    """At most 200 characters of a page of 200 kB, in one line, without mark-up, and without our secrets in it."""
    page = (
        "<html><head><style>body { x }</style></head><h1>Server\x1b[31m Error</h1>\r\n"
        "<p>token canary-token-1 and canary-secret-a%41+b:c and canary-secret-a%2541%2Bb%3Ac</p>" + "x " * 100_000
    )
    server.pages = lambda sent: Reply(500, page)
    with pytest.raises(errors.ApiUnavailableError) as caught:
        pages(client_for(server.base_url))
    assert "(500)" not in caught.value.message
    assert "answered 500" in caught.value.message
    assert "Server [31m Error [secret] [secret] and [secret] and [secret] x x" in caught.value.message
    assert len(caught.value.message) < 300
    assert caught.value.message.isprintable()
    assert not leaks(told(caught.value))
