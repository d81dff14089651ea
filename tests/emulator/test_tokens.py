"""The token endpoint, over a real socket: grants, refusals, renewal."""

from __future__ import annotations

import base64
from urllib.parse import quote_plus

import httpx
import pytest

SECRET = "a%41+b:c é"


class Seconds:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def status_with(visitor, access_token: str) -> int:
    """What a token is worth."""
    return visitor.get(Authorization=f"Bearer {access_token}").status_code


def test_password_login_gives_a_pair_that_must_not_be_stored(emulate):
    """Five fields, a lifetime and the headers that forbid caching."""
    answer = emulate(token_lifetime_s=77).token()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    body = answer.json()
    assert (len(body.pop("access_token")), len(body.pop("refresh_token"))) == (30, 30)
    assert body == {"expires_in": 77, "token_type": "Bearer", "scope": "sync"}


@pytest.mark.parametrize(
    ("changes", "status", "body"),
    [
        ({"client_secret": "no"}, 401, {"error": "invalid_client"}),
        ({"client_id": None, "client_secret": None}, 401, {"error": "invalid_client"}),
        ({"client_id": "x\0"}, 401, {"error": "invalid_client"}),
        ({"password": "no"}, 400, {"error": "invalid_grant", "error_description": "Invalid credentials given."}),
        ({"username": "no"}, 400, {"error": "invalid_grant", "error_description": "Invalid credentials given."}),
        ({"scope": "everything"}, 400, {"error": "invalid_scope"}),
        ({"scope": ""}, 400, {"error": "invalid_scope"}),
        ({"grant_type": "magic"}, 400, {"error": "unsupported_grant_type"}),
        ({"grant_type": None}, 400, {"error": "unsupported_grant_type"}),
        ({"grant_type": "client_credentials"}, 400, {"error": "unauthorized_client"}),
        ({"password": None}, 400,
         {"error": "invalid_request", "error_description": "Request is missing password parameter."}),
        ({"username": ""}, 400,
         {"error": "invalid_request", "error_description": "Request is missing username parameter."}),
    ],
)  # fmt: skip
def test_refusal_of_a_login_names_its_cause(emulate, changes, status, body):
    """Every cause has its status and body; only a refused client is 401 with a challenge."""
    visitor = emulate(links=0)
    answer = visitor.token(**changes)
    assert (answer.status_code, answer.json()) == (status, body)
    assert answer.headers.get("www-authenticate") == ('Bearer error="invalid_client"' if status == 401 else None)
    assert visitor.state.logins == 0


def test_password_grant_can_be_forbidden_to_the_client(emulate):
    """A client without the grant is told so after the password was found right."""
    visitor = emulate(links=0, is_password_grant_allowed=False)
    assert visitor.token().json() == {"error": "unauthorized_client"}


def test_omitted_scope_grants_read_which_may_not_read_links(emulate):
    """Without a scope the default is granted with 200, and links are forbidden to it."""
    visitor = emulate()
    body = visitor.token(scope=None).json()
    assert body["scope"] == "read"
    refused = visitor.get(Authorization=f"Bearer {body['access_token']}")
    assert (refused.status_code, refused.json()) == (
        403, {"detail": "You do not have permission to perform this action."},
    )  # fmt: skip
    assert "www-authenticate" not in refused.headers


def test_json_body_and_query_string_are_refused(emulate):
    """Only a form is read; an address with a query is refused as JSON that calls itself HTML."""
    visitor = emulate(links=0)
    assert visitor.http.post("oauth/token/", json={"grant_type": "password"}).json() == {
        "error": "unsupported_grant_type"
    }
    answer = visitor.http.post("oauth/token/?a=b", data={"grant_type": "password"})
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.json()["error_description"] == "URL query parameters are not allowed"


def test_token_endpoint_knows_only_post_and_its_own_slash(emulate):
    """GET is 405 without a body; without the slash the answer is a relative 301."""
    visitor = emulate(links=0)
    answer = visitor.http.get("oauth/token/")
    assert (answer.status_code, answer.content, answer.headers["allow"]) == (405, b"", "POST, OPTIONS")
    answer = visitor.http.post("oauth/token")
    assert (answer.status_code, answer.content, answer.headers["location"]) == (301, b"", "/api/oauth/token/")


@pytest.mark.parametrize("where", ["body", "basic, encoded", "basic, raw"])
def test_m19_secret_is_read_from_the_body_as_it_is_and_from_basic_decoded(emulate, where):
    """Basic credentials are form-decoded once more, so a raw `%41` or `+` in them is another secret."""
    visitor = emulate(links=0, client_secret=SECRET)
    if where == "body":
        assert visitor.token().status_code == 200
        return
    secret = quote_plus(SECRET) if where == "basic, encoded" else SECRET
    header = base64.b64encode(f"{visitor.config.client_id}:{secret}".encode()).decode()
    visitor.http.headers["Authorization"] = f"Basic {header}"
    answer = visitor.token(client_id=None, client_secret=None)
    assert answer.status_code == (200 if where == "basic, encoded" else 401)


def test_second_login_leaves_the_first_token_good(emulate):
    """Every login has tokens of its own."""
    visitor = emulate()
    tokens = [visitor.token().json()["access_token"] for _ in range(2)]
    assert [status_with(visitor, token) for token in tokens] == [200, 200]


def test_refresh_deletes_the_old_access_token_at_once_and_works_once(emulate):
    """A new pair; the old access token is unknown, the old refresh token spent, the new pair stays good."""
    visitor = emulate()
    old = visitor.token().json()
    new = visitor.refresh(old["refresh_token"]).json()
    assert (new["scope"], new["expires_in"]) == ("sync", 36_000)
    assert (status_with(visitor, old["access_token"]), status_with(visitor, new["access_token"])) == (401, 200)
    again = visitor.refresh(old["refresh_token"])
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})
    assert status_with(visitor, new["access_token"]) == 200


def test_refresh_without_rotation_keeps_the_refresh_token(emulate):
    """The same refresh token works again and again."""
    visitor = emulate(rotate_refresh=False)
    first = visitor.token().json()["refresh_token"]
    assert [visitor.refresh(first).json()["refresh_token"] for _ in range(2)] == [first, first]


def test_refresh_may_narrow_the_scope_but_not_widen_it(emulate):
    """A renewed token may do less, never more."""
    visitor = emulate(links=0)
    assert visitor.refresh(visitor.token(scope="read").json()["refresh_token"], scope="sync").json() == {
        "error": "invalid_scope"
    }
    both = visitor.token(scope="read sync").json()["refresh_token"]
    assert visitor.refresh(both, scope="read").json()["scope"] == "read"


def test_refresh_needs_its_token_and_the_client(emulate):
    """A missing token and a wrong client are refused as such."""
    visitor = emulate(links=0)
    assert visitor.token(grant_type="refresh_token").json() == {
        "error": "invalid_request", "error_description": "Missing refresh token parameter.",
    }  # fmt: skip
    token = visitor.token().json()["refresh_token"]
    assert visitor.refresh(token, client_secret="no").status_code == 401
    assert visitor.refresh(token).status_code == 200


def test_token_ends_with_its_lifetime_and_the_refresh_token_outlives_it(emulate):
    """The clock that counts is the emulator's own, not the one that drives the traffic."""
    clock = Seconds()
    visitor = emulate(token_lifetime_s=10, clock=clock)
    pair = visitor.token().json()
    clock.now = 9.9
    assert status_with(visitor, pair["access_token"]) == 200
    clock.now = 10
    answer = visitor.get(Authorization=f"Bearer {pair['access_token']}")
    assert (answer.status_code, answer.json()) == (401, {"detail": "Authentication credentials were not provided."})
    assert answer.headers["www-authenticate"] == (
        'Bearer realm="api",error="invalid_token",error_description="The access token has expired."'
    )
    assert visitor.refresh(pair["refresh_token"]).status_code == 200


def test_revoked_tokens_are_unknown_and_their_refresh_tokens_too(emulate):
    """`expire_tokens` lets access tokens run out, `revoke_tokens` ends everything, as the real server does."""
    visitor = emulate()
    pair = visitor.token().json()
    visitor.state.expire_tokens()
    assert "has expired" in visitor.get(Authorization=f"Bearer {pair['access_token']}").headers["www-authenticate"]
    pair = visitor.refresh(pair["refresh_token"]).json()
    visitor.state.revoke_tokens()
    assert "is invalid" in visitor.get(Authorization=f"Bearer {pair['access_token']}").headers["www-authenticate"]
    assert visitor.refresh(pair["refresh_token"]).status_code == 400


def test_secrets_are_not_in_the_configurations_repr(emulate):
    """A configuration can be printed."""
    text = repr(emulate(links=0, password="canary-1", client_secret="canary-2", api_key="canary-3").config)
    assert "canary" not in text


def test_body_that_is_no_utf8_is_an_answer_and_no_crash(emulate):
    """Bytes that are no text are a wrong grant."""
    visitor = emulate(links=0)
    answer: httpx.Response = visitor.http.post(
        "oauth/token/", content=b"grant_type=\xff", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.json() == {"error": "unsupported_grant_type"}
