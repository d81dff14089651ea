"""Logging in: which credential is refused, how often it is tried, and what is kept of a token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from inode_pipeline import errors
from inode_pipeline.api.client import INodeClient
from tests.api.servers import Links, Reply, ScriptedServer
from tests.api.stand_ins import CANARIES, CANARY_KEY, FakeTime, leaks, told

ClientFor = Callable[..., INodeClient]


def pages(client: INodeClient) -> int:
    return len(list(client.pages("v1/links/")))


def expire(client: INodeClient) -> None:
    """Let the client's token be over by its own clock."""
    auth: Any = client._auth
    auth._token = replace(auth._token, expires_at=float("-inf"))


def test_the_login_is_a_form_with_everything_in_its_body(client_for: ClientFor, server: ScriptedServer) -> None:
    """Nothing in the address, and the scope is asked for by name."""
    Links(server, [1])
    pages(client_for(server.base_url))
    login = server.logins[0]
    expected = {
        "grant_type": "password",
        "username": CANARIES["INODE_USERNAME"],
        "password": CANARIES["INODE_PASSWORD"],
        "client_id": CANARIES["INODE_CLIENT_ID"],
        "client_secret": CANARIES["INODE_CLIENT_SECRET"],
        "scope": "sync",
    }
    assert login.form == expected
    assert login.query == {}
    assert (login.method, login.path) == ("POST", "/api/oauth/token/")
    assert login.headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize("secret", ["a%41+b:c é", "&=?#/", "'\"<>\\", "日本", " leading and trailing "])
def test_m19_a_secret_of_any_characters_arrives_as_it_is(
    client_for: ClientFor, server: ScriptedServer, secret: str
) -> None:
    """Form-encoding hides no character."""
    Links(server, [1])
    pages(client_for(server.base_url, client_secret=secret, password=secret))
    assert (secret, secret) == (server.logins[0].form["client_secret"], server.logins[0].form["password"])


REFUSALS: list[Any] = [
    (401, {"error": "invalid_client"}, errors.ClientRejectedError, "INODE_CLIENT_SECRET"),
    (400, {"error": "invalid_client"}, errors.ClientRejectedError, "INODE_CLIENT_SECRET"),
    (401, "Unauthorized", errors.ClientRejectedError, "INODE_CLIENT_ID"),
    (400, {"error": "invalid_grant", "error_description": "Mauvais."}, errors.PasswordRejectedError, "INODE_PASSWORD"),
    (401, {"error": "invalid_grant"}, errors.PasswordRejectedError, "INODE_PASSWORD"),
    (200, {"error": "invalid_grant"}, errors.PasswordRejectedError, "INODE_PASSWORD"),
    (400, {"error": "invalid_scope"}, errors.ScopeMissingError, "INODE_SCOPE"),
    (400, {"error": "unauthorized_client"}, errors.GrantDisabledError, "INODE_API_KEY"),
    (400, {"error": "unsupported_grant_type"}, errors.GrantDisabledError, "INODE_API_KEY"),
    (400, {"error": "invalid_request"}, errors.ApiProtocolError, "INODE_BASE_URL"),
    (400, "<h1>Bad Request (400)</h1>", errors.ApiProtocolError, "INODE_BASE_URL"),
    (404, "<h1>Not Found</h1>", errors.ApiProtocolError, "INODE_BASE_URL"),
    (405, "", errors.ApiProtocolError, "INODE_BASE_URL"),
    (403, "Forbidden canary-secret-a%41+b:c", errors.ApiProtocolError, "INODE_BASE_URL"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: f"{refusal[0]} {refusal[2].__name__}")
def test_m15_each_refused_credential_is_tried_once_and_has_its_own_error(
    client_for: ClientFor, server: ScriptedServer, refusal: tuple[int, object, type[errors.PipelineError], str]
) -> None:
    """One request for a token, whoever asks and however often, and no page."""
    status, body, error, setting = refusal
    server.tokens = lambda sent: Reply(status, body, {"Content-Type": "text/html"})
    client = client_for(server.base_url)
    with pytest.raises(error, match=setting) as caught:
        pages(client)
    assert not leaks(told(caught.value))
    if issubclass(error, errors.CredentialsError):
        for again in (client.log_in, lambda: pages(client)):
            with pytest.raises(error):
                again()
    assert (len(server.logins), len(server.page_requests)) == (1, 0)


def test_a_word_of_the_standard_is_shown_whole(client_for: ClientFor, server: ScriptedServer) -> None:
    """Although the secret shares a piece with it, the reason for the refusal can be read."""
    server.tokens = lambda sent: Reply(401, {"error": "invalid_client"})
    with pytest.raises(errors.ClientRejectedError, match=r"\(401 invalid_client\)"):
        pages(client_for(server.base_url, client_secret="my-client-secret"))


@pytest.mark.parametrize(
    ("granted", "is_enough"),
    [("sync", True), ("read sync write", True), (["sync"], True), (..., True), ("read", False), ("", False),
     ("read,sync", True), ("read, sync", True), ("read,synchronous", False),
     ("synchronous", False), ("SYNC", False)],
)  # fmt: skip
def test_m14_the_granted_scope_is_compared(
    client_for: ClientFor, server: ScriptedServer, granted: object, is_enough: bool
) -> None:
    """A token that may not read is refused before any page; a server that does not say has granted what was asked."""
    Links(server, [1])
    server.tokens = lambda sent: Reply(200, server.issue(scope=granted))
    client = client_for(server.base_url)
    if is_enough:
        assert pages(client) == 1
        assert "sync" in (client.granted_scope or "")
        return
    with pytest.raises(errors.ScopeMissingError, match="instead of sync"):
        pages(client)
    assert (len(server.logins), len(server.page_requests)) == (1, 0)


def test_m14_a_token_that_may_not_read_names_the_scope(client_for: ClientFor, server: ScriptedServer) -> None:
    """403 on the first page: renewed once, then told with what was granted."""
    server.pages = lambda sent: Reply(403, {"detail": "Non."})
    with pytest.raises(errors.ScopeMissingError, match="the granted scope is sync"):
        pages(client_for(server.base_url))
    assert (len(server.logins), len(server.page_requests)) == (2, 2)


@pytest.mark.parametrize(
    "body",
    [
        {}, [], "x", "", "<html>", {"access_token": ""}, {"access_token": None}, {"access_token": 7},
        {"access_token": "a b"}, {"access_token": "a\r\nX: y"}, {"access_token": "é"},
        {"access_token": "a", "token_type": "mac"}, {"access_token": "a", "token_type": None},
    ],
)  # fmt: skip
def test_m18_a_login_without_a_token_is_a_protocol_error(
    client_for: ClientFor, server: ScriptedServer, body: object
) -> None:
    """Nothing is ever sent with half a token."""
    server.tokens = lambda sent: Reply(200, body)
    with pytest.raises(errors.ApiProtocolError, match="INODE_BASE_URL"):
        pages(client_for(server.base_url))
    assert (len(server.logins), len(server.page_requests)) == (1, 0)


@pytest.mark.parametrize("status", [200, 201, 203, 299])
@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BEARER", " bearer ", "BearerToken", ...])
def test_m73_m82_any_success_that_holds_a_token_is_a_login(
    client_for: ClientFor, server: ScriptedServer, status: int, kind: object
) -> None:
    """Whichever 2xx it is and however the type is spelt; the same for a refreshed token."""
    links = Links(server, list(range(9)))
    server.tokens = lambda sent: Reply(status, server.issue(token_type=kind))
    client = client_for(server.base_url, concurrency=1)
    links.before_page = lambda number: expire(client) if number == 2 else None
    assert pages(client) == 3
    assert [login.form["grant_type"] for login in server.logins] == ["password", "refresh_token"]


UNUSABLE: list[Any] = [
    (201, {"access_token": "zebra one", "refresh_token": "zebra-two"}), (207, {"accessToken": "zebra-zero"}),
    (200, {"token": "zebra-three-4711", "user": "ann"}),
    (200, "access_token=zebra-four&token_type=bearer"),
    (200, {"access_token": "zebra-five", "token_type": "zebra-six"}),
    (200, {"access_token": "zebra-seven", "scope": "zebra-seven"}),
    (400, {"access_token": "zebra-eight", "refresh_token": "zebra-nine", "detail": "zebra-ten"}),
    (400, {"error": "zebra-eleven", "id_token": "zebra-eleven", "error_description": "No zebra-eleven"}),
    (403, "<p>zebra-twelve</p>"), (404, "zebra-thirteen"), (500, "zebra-fourteen"), (503, {"x": "zebra-fifteen"}),
    (429, "zebra-sixteen"), (302, "zebra-seventeen"), (204, ""),
]  # fmt: skip


@pytest.mark.parametrize("answer", UNUSABLE, ids=lambda answer: f"{answer[0]}")
def test_m73_no_body_of_the_token_endpoint_is_shown(
    client_for: ClientFor, server: ScriptedServer, answer: tuple[int, object]
) -> None:
    """A token that the server gives in an unexpected answer is in no message, whatever its name and the status."""
    headers = {"Location": "/oauth/#access_token=zebra"} if answer[0] == 302 else {}
    server.tokens = lambda sent: Reply(*answer, headers)
    with pytest.raises(errors.PipelineError) as caught:
        pages(client_for(server.base_url))
    assert "zebra" not in told(caught.value)


def test_m73_what_the_token_endpoint_says_of_an_error_is_shown(client_for: ClientFor, server: ScriptedServer) -> None:
    """Both of the standard's fields, cleaned of mark-up and of the secrets."""
    said = {"error": "policy", "error_description": f"<b>Blocked</b> for {CANARIES['INODE_PASSWORD']}", "hint": "no"}
    server.tokens = lambda sent: Reply(400, said)
    with pytest.raises(errors.ApiProtocolError, match=r"\(400 policy\): Blocked for \[secret\]"):
        pages(client_for(server.base_url))


@pytest.mark.parametrize("lifetime", [..., None, "3600", 0, -1, 1e12, 10**40, "soon", True, "nan", [1], 0.5])
def test_m18_an_odd_lifetime_does_no_harm(client_for: ClientFor, server: ScriptedServer, lifetime: object) -> None:
    """A lifetime that makes no sense is ignored."""
    Links(server, [1, 2, 3, 4])
    server.tokens = lambda sent: Reply(200, server.issue(expires_in=lifetime))
    assert pages(client_for(server.base_url)) == 2
    assert len(server.logins) == 1


def test_a_token_is_renewed_before_it_expires(
    client_for: ClientFor, server: ScriptedServer, fake_time: FakeTime
) -> None:
    """With the refresh token, before the page is asked for, and with a margin."""
    links = Links(server, [1, 2, 3, 4])
    links.before_page = lambda number: setattr(fake_time, "elapsed", fake_time.elapsed + (3545 if number == 1 else 0))
    server.tokens = lambda sent: Reply(200, server.issue(expires_in=3600))
    assert pages(client_for(server.base_url, concurrency=1)) == 2
    assert [login.form["grant_type"] for login in server.logins] == ["password", "refresh_token"]
    assert server.logins[1].form["refresh_token"] == "canary-refresh-1"
    assert len(server.page_requests) == 2


@pytest.mark.parametrize("status", [500, 503, 429])
def test_m21_a_token_endpoint_in_trouble_is_asked_again(
    client_for: ClientFor, server: ScriptedServer, status: int
) -> None:
    """Until it is fine."""
    Links(server, [1])
    server.tokens = lambda sent: Reply(200, server.issue()) if len(server.logins) > 3 else Reply(status, "<h1>Oops")
    client = client_for(server.base_url)
    client.log_in()
    assert pages(client) == 1
    assert (client.tally.requests, client.tally.retries, client.tally.logins) == (1, 3, 4)


def test_m21_a_token_endpoint_in_trouble_for_ever_is_unavailable(client_for: ClientFor, server: ScriptedServer) -> None:
    """It is told as trouble of the server, not of the credentials."""
    server.tokens = lambda sent: Reply(503, {"error": "temporarily_unavailable"})
    with pytest.raises(errors.ApiUnavailableError):
        pages(client_for(server.base_url))


def test_m20_an_api_key_is_sent_and_never_renewed(client_for: ClientFor, server: ScriptedServer) -> None:
    """`Authorization: Token <key>`, and no login."""
    Links(server, [1, 2, 3, 4])
    server.api_key = CANARY_KEY
    client = client_for(server.base_url, api_key=CANARY_KEY)
    client.log_in()
    assert pages(client) == 2
    assert {f"Token {CANARY_KEY}"} == {sent.headers["authorization"] for sent in server.requests}
    assert (len(server.logins), client.granted_scope) == (0, None)


@pytest.mark.parametrize("status", [401, 403])
def test_m20_a_refused_api_key_is_tried_once(client_for: ClientFor, server: ScriptedServer, status: int) -> None:
    """With its own error, which names the setting and not the key."""
    server.check_tokens = False
    server.pages = lambda sent: Reply(status, {"detail": f"Invalid token {CANARY_KEY}."})
    client = client_for(server.base_url, api_key=CANARY_KEY)
    for _ in range(2):
        with pytest.raises(errors.ApiKeyRejectedError, match="INODE_API_KEY") as caught:
            pages(client)
        assert not leaks(told(caught.value))
    assert len(server.requests) == 1


def test_nothing_secret_is_shown_by_what_holds_it(client_for: ClientFor, server: ScriptedServer) -> None:
    """The client, its parts and its settings can be printed."""
    Links(server, [1])
    client = client_for(server.base_url)
    pages(client)
    shown = [repr(client), str(vars(client)), repr(client._auth), repr(client._auth._token), repr(client._settings)]
    assert not leaks(*shown)
