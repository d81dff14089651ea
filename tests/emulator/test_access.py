"""Who may read the list of links: logins, renewals, the API key, and what the others are answered."""

from __future__ import annotations

import pytest

NO_CREDENTIALS = {"detail": "Authentication credentials were not provided."}
INVALID = ',error="invalid_token",error_description="The access token is invalid."'


def status_with(visitor, access_token: str) -> int:
    """What the list of links answers to a token."""
    return visitor.get(Authorization=f"Bearer {access_token}").status_code


@pytest.mark.parametrize(
    ("authorization", "body", "token_error"),
    [
        ("", NO_CREDENTIALS, ""),
        ("Api-Key demo-api-key", NO_CREDENTIALS, ""),
        ("Bearer unknown", NO_CREDENTIALS, INVALID),
        ("Token wrong", {"detail": "Invalid token."}, ""),
    ],
)
def test_request_without_good_credentials_is_401_with_a_challenge(emulate, authorization, body, token_error):
    """The body is the same for a bad token as for none; only the challenge says which it was."""
    answer = emulate(links=0).get(Authorization=authorization)
    assert (answer.status_code, answer.json()) == (401, body)
    assert answer.headers["www-authenticate"] == f'Bearer realm="api"{token_error}'


@pytest.mark.parametrize("keyword", ["Token", "token", "TOKEN"])
def test_api_key_reads_links_whatever_the_case_of_its_keyword(emulate, keyword):
    """`Authorization: Token <key>` needs no login."""
    visitor = emulate(links=3)
    assert visitor.get(Authorization=f"{keyword} {visitor.config.api_key}").json()["count"] == 3
    assert visitor.state.token_requests == 0


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
        ({"password": "no"}, 400, {"error": "invalid_grant", "error_description": "Invalid credentials given."}),
        ({"username": "no"}, 400, {"error": "invalid_grant", "error_description": "Invalid credentials given."}),
        ({"scope": "everything"}, 400, {"error": "invalid_scope"}),
        ({"scope": ""}, 400, {"error": "invalid_scope"}),
        ({"grant_type": "magic"}, 400, {"error": "unsupported_grant_type"}),
        ({"grant_type": None}, 400, {"error": "unsupported_grant_type"}),
        ({"grant_type": "refresh_token"}, 400, {"error": "invalid_grant"}),
    ],
)
def test_refused_login_names_its_cause(emulate, changes, status, body):
    """Every cause has its status and body; only a refused client is 401 with a challenge."""
    visitor = emulate(links=0)
    answer = visitor.token(**changes)
    assert (answer.status_code, answer.json()) == (status, body)
    assert answer.headers.get("www-authenticate") == ('Bearer error="invalid_client"' if status == 401 else None)
    assert visitor.state.logins == 0


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


def test_refresh_may_narrow_the_scope_but_not_widen_it(emulate):
    """A renewed token may do less, never more."""
    visitor = emulate(links=0)
    assert visitor.refresh(visitor.token(scope="read").json()["refresh_token"], scope="sync").json() == {
        "error": "invalid_scope"
    }
    both = visitor.token(scope="read sync").json()["refresh_token"]
    assert visitor.refresh(both, scope="read").json()["scope"] == "read"


def test_token_ends_with_its_lifetime_and_the_refresh_token_outlives_it(emulate):
    """An expired token is refused with its own challenge, and can still be renewed."""
    visitor = emulate(token_lifetime_s=0)
    pair = visitor.token().json()
    answer = visitor.get(Authorization=f"Bearer {pair['access_token']}")
    assert (answer.status_code, answer.json()) == (401, NO_CREDENTIALS)
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


def test_throttled_list_says_when_to_come_again(emulate):
    """429 with the pause that the test set, until it is taken back."""
    visitor = emulate(links=1).use_api_key()
    visitor.state.retry_after_s = 58
    answer = visitor.get()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "58")
    assert answer.json() == {"detail": "Request was throttled. Expected available in 58 seconds."}
    visitor.state.retry_after_s = None
    assert visitor.get().status_code == 200


def test_secrets_are_not_in_the_configurations_repr(emulate):
    """A configuration can be printed."""
    text = repr(emulate(links=0, password="canary-1", client_secret="canary-2", api_key="canary-3").config)
    assert "canary" not in text


def test_body_that_is_no_utf8_is_answered(emulate):
    """Bytes that are no text are an unsupported grant."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = emulate(links=0).http.post("oauth/token/", content=b"grant_type=\xff", headers=headers)
    assert answer.json() == {"error": "unsupported_grant_type"}
