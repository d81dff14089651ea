"""A token that ends while pages are on their way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from inode_pipeline import errors
from inode_pipeline.api.client import INodeClient
from tests.api.servers import Links, Reply, ScriptedServer, Sent

ClientFor = Callable[..., INodeClient]


def ids(client: INodeClient) -> list[int]:
    return [record["id"] for page in client.pages("v1/links/") for record in page.answer.records]


@pytest.fixture(params=[401, 403], ids=["OAuth first", "session first"])
def refusal(request: pytest.FixtureRequest, server: ScriptedServer) -> int:
    """How the server refuses a token: 403 without a challenge where its first authenticator is the session's."""
    server.refusal = Reply(request.param, {"detail": "Authentication credentials were not provided."})
    return int(request.param)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_m11_m12_a_token_revoked_on_the_way_is_renewed_once(
    client_for: ClientFor, server: ScriptedServer, refusal: int, concurrency: int
) -> None:
    """One more request for a token, and every record."""
    links = Links(server, list(range(20)))
    links.before_page = lambda number: server.valid_tokens.clear() if number == 3 else None
    client = client_for(server.base_url, concurrency=concurrency)
    assert list(range(20)) == ids(client)
    assert 2 == len(server.logins) == client.tally.logins
    assert client.tally.requests - client.tally.retries == 7


def test_a_token_replaced_meanwhile_needs_no_login(client_for: ClientFor, server: ScriptedServer) -> None:
    """Pages refused on the old token are repeated with the new one that another page has fetched."""
    barrier = threading.Barrier(3, timeout=10)
    server.check_tokens = False
    links = Links(server, list(range(12)))
    good = links.answer
    server.lock_pages = False

    def answer(sent: Sent) -> Reply:
        if sent.headers["authorization"] == "Bearer canary-token-1" and sent.query.get("page", "1") != "1":
            barrier.wait()  # all three are refused while the first token is the only one
            return Reply(401, {})
        return good(sent)

    server.pages = answer
    assert list(range(12)) == ids(client_for(server.base_url, concurrency=4))
    assert len(server.logins) == 2


def expire(client: INodeClient) -> None:
    """Let the client's token be over by its own clock."""
    auth: Any = client._auth
    auth._token = replace(auth._token, expires_at=float("-inf"))


@pytest.mark.parametrize("begins_at", [1, 3])
def test_m13_fresh_tokens_that_are_refused_for_ever_end_the_run(
    client_for: ClientFor, server: ScriptedServer, begins_at: int
) -> None:
    """At most two requests for a token in all."""
    links = Links(server, list(range(20)))
    good = links.answer
    server.pages = lambda sent: good(sent) if int(sent.query.get("page", 1)) < begins_at else Reply(401, {})
    client = client_for(server.base_url)
    with pytest.raises(errors.AuthRejectedError):
        ids(client)
    assert len(server.logins) == 2


def lose_answer(server: ScriptedServer) -> Reply:
    raise ConnectionAbortedError


REFRESH_FAULTS: dict[str, Callable[[ScriptedServer], Reply]] = {
    "invalid_grant": lambda server: Reply(400, {"error": "invalid_grant"}),
    "invalid_client": lambda server: Reply(401, {"error": "invalid_client"}),
    "500": lambda server: Reply(500, "<h1>Server Error (500)</h1>"),
    "429": lambda server: Reply(429, {}),
    "no token": lambda server: Reply(200, {}),
    "narrower": lambda server: Reply(200, server.issue(scope="read")),
    "answer lost": lose_answer,
}


@pytest.mark.parametrize("fault", REFRESH_FAULTS)
def test_m16_a_failed_refresh_is_mended_by_one_login(client_for: ClientFor, server: ScriptedServer, fault: str) -> None:
    """Whatever went wrong with the refresh token, the password still counts."""
    links = Links(server, list(range(9)))
    client = client_for(server.base_url, concurrency=1)
    links.before_page = lambda number: expire(client) if number == 2 else None

    def tokens(sent: Sent) -> Reply:
        return (
            REFRESH_FAULTS[fault](server) if sent.form["grant_type"] == "refresh_token" else Reply(200, server.issue())
        )

    server.tokens = tokens
    assert list(range(9)) == ids(client)
    assert [login.form["grant_type"] for login in server.logins] == ["password", "refresh_token", "password"]


def test_a_refresh_token_that_is_not_rotated_is_kept(client_for: ClientFor, server: ScriptedServer) -> None:
    """A server that gives no new one means the old one to be used again."""
    links = Links(server, list(range(15)))
    client = client_for(server.base_url, concurrency=1)
    links.before_page = lambda number: expire(client) if number in (2, 4) else None
    server.tokens = lambda sent: Reply(
        200, server.issue(refresh_token=... if sent.form["grant_type"] == "refresh_token" else "canary-refresh")
    )
    assert list(range(15)) == ids(client)
    assert [login.form.get("refresh_token") for login in server.logins] == [None, "canary-refresh", "canary-refresh"]


def test_m17_many_pages_that_meet_an_expired_token_make_one_login(
    client_for: ClientFor, server: ScriptedServer
) -> None:
    """Sixteen threads, one request for a token."""
    links = Links(server, list(range(60)))
    client = client_for(server.base_url, concurrency=16)
    links.before_page = lambda number: setattr(client._auth, "_token", None) if number == 1 else None
    assert list(range(60)) == ids(client)
    assert len(server.logins) == 2


def test_a_password_refused_on_the_way_is_tried_once(client_for: ClientFor, server: ScriptedServer) -> None:
    """However many pages wait for the token."""
    links = Links(server, list(range(60)))
    links.before_page = lambda number: server.valid_tokens.clear() if number == 2 else None
    server.tokens = lambda sent: (
        Reply(200, server.issue(refresh_token=...))
        if len(server.logins) == 1
        else Reply(400, {"error": "invalid_grant"})
    )
    with pytest.raises(errors.PasswordRejectedError):
        ids(client_for(server.base_url, concurrency=8))
    assert len(server.logins) == 2
