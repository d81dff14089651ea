"""What the token endpoint of a real django-oauth-toolkit server answers: the facts the pipeline is built on."""

from __future__ import annotations

import base64
from urllib.parse import quote

import httpx
import pytest

from tests.reference.running import PLAIN


def test_a_password_login_gives_a_bearer_token_that_must_not_be_stored(reference):
    """A login answers 200 with token, refresh token, granted scope and life time, and forbids caching."""
    answer = reference().login()
    body = answer.json()
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert (answer.headers["Cache-Control"], answer.headers["Pragma"]) == ("no-store", "no-cache")
    assert set(body) == {"access_token", "expires_in", "token_type", "scope", "refresh_token"}
    assert (body["expires_in"], body["token_type"], body["scope"]) == (36000, "Bearer", "sync")


def test_without_a_scope_the_server_grants_its_default_and_says_so(reference):
    """A login that names no scope succeeds with another one, so the granted scope must be compared."""
    answer = reference().login(scope=None)
    assert (answer.status_code, answer.json()["scope"]) == (200, "read")


REFUSALS = [
    ("unknown client", {"client_id": "nobody"}, 401, "invalid_client"),
    ("no client", {"client_id": None, "client_secret": None}, 401, "invalid_client"),
    ("wrong secret", {"client_secret": "wrong"}, 401, "invalid_client"),
    ("NUL in the client id", {"client_id": "a\0b"}, 401, "invalid_client"),
    ("wrong password", {"password": "wrong"}, 400, "invalid_grant"),
    ("inactive user", {"username": "gone"}, 400, "invalid_grant"),
    ("unknown scope", {"scope": "everything"}, 400, "invalid_scope"),
    ("client without the grant", {"client_id": "may-not-log-in-with-a-password"}, 400, "unauthorized_client"),
    ("unknown grant", {"grant_type": "magic"}, 400, "unsupported_grant_type"),
    ("no grant", {"grant_type": None}, 400, "unsupported_grant_type"),
    ("no password", {"password": None}, 400, "invalid_request"),
    ("no user name", {"username": None}, 400, "invalid_request"),
]


@pytest.mark.parametrize(
    ("changes", "status", "error"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_m15_each_refused_login_has_its_status_and_error_code(reference, changes, status, error):
    """The error code tells what was refused; only a refused client comes with 401 and a challenge."""
    answer = reference().login(**changes)
    challenge = 'Bearer error="invalid_client"' if status == 401 else None
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert (answer.headers["Content-Type"], answer.headers.get("WWW-Authenticate")) == ("application/json", challenge)


def test_m15_a_server_without_the_password_grant_says_unauthorized_client(reference):
    """Where the password grant is disabled for everyone the code is the same as for a client without it."""
    answer = reference(password_grant=False).login()
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


def test_a_query_string_is_refused_with_json_that_calls_itself_html(reference):
    """A token error may be JSON under the content type text/html."""
    server = reference()
    answer = httpx.post(server.token_url + "?a=b", data={"grant_type": "password"}, **PLAIN)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert answer.headers["Content-Type"].startswith("text/html")


def test_a_json_body_is_not_understood(reference):
    """A login sent as JSON has no grant type for the server."""
    server = reference()
    answer = httpx.post(server.token_url, json={"grant_type": "password"}, **PLAIN)
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


def test_get_is_not_allowed_and_a_missing_slash_redirects(reference):
    """GET answers 405 naming POST; without the slash comes a 301 with a relative address and no body."""
    server = reference()
    got = httpx.get(server.token_url, **PLAIN)
    moved = httpx.post(server.token_url.rstrip("/"), data={}, **PLAIN)
    assert (got.status_code, got.headers["Allow"], got.content) == (405, "POST, OPTIONS", b"")
    assert (moved.status_code, moved.headers["Location"], moved.content) == (301, "/api/oauth/token/", b"")


def test_m19_a_strange_secret_is_right_in_the_body_and_in_a_percent_encoded_basic_header(reference):
    """`a%41+b:c é` works in the body and percent-encoded in Basic, and is refused raw in Basic."""
    server = reference()
    client, secret = server.credentials["strange_client_id"], server.credentials["strange_client_secret"]
    statuses = [server.login(client_id=client, client_secret=secret).status_code]
    form = {"grant_type": "password", "scope": "sync", "username": server.credentials["username"]}
    form["password"] = server.credentials["password"]
    for pair in (f"{quote(client, safe='')}:{quote(secret, safe='')}", f"{client}:{secret}"):
        basic = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        statuses.append(httpx.post(server.token_url, data=form, headers=basic, **PLAIN).status_code)
    assert statuses == [200, 200, 401]


def test_refreshing_ends_the_old_access_token_at_once(reference):
    """After a refresh the old access token is unknown, the new one good, and the old refresh token spent."""
    server = reference()
    old = server.login().json()
    new = server.refresh(old["refresh_token"]).json()
    again = server.refresh(old["refresh_token"])
    assert server.links(old["access_token"]).status_code == 401
    assert server.links(new["access_token"]).status_code == 200
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})


def test_m16_within_the_grace_the_same_pair_comes_again_with_a_fresh_life_time(reference):
    """With a grace period the spent refresh token gives the same new pair, whose life time counts from anew."""
    server = reference(refresh_grace_s=120)
    spent = server.login().json()["refresh_token"]
    first, second = server.refresh(spent), server.refresh(spent)
    assert (first.status_code, second.status_code, second.json()["expires_in"]) == (200, 200, 36000)
    assert first.json()["access_token"] == second.json()["access_token"]


def test_m16_reuse_protection_revokes_the_whole_family(reference):
    """Using a spent refresh token again makes the new access token and the new refresh token worthless."""
    server = reference(refresh_reuse_protection=True)
    old = server.login().json()
    new = server.refresh(old["refresh_token"]).json()
    assert server.refresh(old["refresh_token"]).status_code == 400
    assert server.links(new["access_token"]).status_code == 401
    assert server.refresh(new["refresh_token"]).status_code == 400


def test_m16_grace_with_hashed_tokens_breaks_the_server(reference):
    """With grace and hashed tokens the second use of a refresh token is answered by 500 and an HTML page."""
    server = reference(refresh_grace_s=120, hashed_tokens=True)
    spent = server.login().json()["refresh_token"]
    statuses = [server.refresh(spent).status_code, server.refresh(spent).status_code]
    assert statuses == [200, 500]


def test_m16_a_lost_refresh_answer_has_spent_the_refresh_token(reference):
    """Where the connection breaks before the answer the refresh token is spent all the same."""
    server = reference()
    spent = server.login().json()["refresh_token"]
    server.now(("lose_token_answers", 1))
    with pytest.raises(httpx.RemoteProtocolError):
        server.refresh(spent)
    assert server.refresh(spent).status_code == 400
    assert server.login().status_code == 200
