"""Who may read the list of links, and in which form, over a real socket."""

from __future__ import annotations

import pytest

NO_CREDENTIALS = {"detail": "Authentication credentials were not provided."}
INVALID = ',error="invalid_token",error_description="The access token is invalid."'


class Seconds:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("authorization", "body", "detail_of_token"),
    [
        ("", NO_CREDENTIALS, ""),
        ("Api-Key demo-api-key", NO_CREDENTIALS, ""),
        ("Bearer unknown", NO_CREDENTIALS, INVALID),
        ("Token wrong", {"detail": "Invalid token."}, ""),
        ("Token", {"detail": "Invalid token header. No credentials provided."}, ""),
        ("Token a b", {"detail": "Invalid token header. Token string should not contain spaces."}, ""),
    ],
)
@pytest.mark.parametrize("first", ["oauth2", "token", "session"])
def test_m12_refusal_has_the_challenge_of_the_first_authenticator(emulate, first, authorization, body, detail_of_token):
    """The body misleads, and the first class decides: OAuth 401 with its challenge, Token 401, session 403 without."""
    answer = emulate(links=0, first_authenticator=first).get(Authorization=authorization)
    assert answer.json() == body
    expected = {
        "oauth2": (401, f'Bearer realm="api"{detail_of_token}'),
        "token": (401, "Token"),
        "session": (403, None),
    }
    assert (answer.status_code, answer.headers.get("www-authenticate")) == expected[first]


@pytest.mark.parametrize("keyword", ["Token", "token", "TOKEN"])
def test_api_key_reads_links_whatever_the_case_of_its_keyword(emulate, keyword):
    """`Authorization: Token <key>` needs no login."""
    visitor = emulate(links=3)
    assert visitor.get(Authorization=f"{keyword} {visitor.config.api_key}").json()["count"] == 3
    assert visitor.state.token_requests == 0


def test_token_in_the_query_is_accepted_and_echoed_in_next(emulate):
    """What a client must never do works, and comes back in `next`."""
    visitor = emulate(links=30, page_size=10)
    token = visitor.token().json()["access_token"]
    answer = visitor.get(f"?access_token={token}")
    assert answer.status_code == 200
    assert f"access_token={token}" in answer.json()["next"]


@pytest.mark.parametrize(
    ("accept", "query", "status", "kind"),
    [
        ("application/json", "", 200, "application/json"),
        ("*/*", "", 200, "application/json"),
        ("application/*", "", 200, "application/json"),
        ("text/html", "", 200, "text/html; charset=utf-8"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "", 200, "text/html; charset=utf-8"),
        ("application/json;q=0.1, text/html;q=0.9", "", 200, "application/json"),
        ("application/xml", "", 406, "application/json"),
        ("text/html", "?format=json", 406, "application/json"),
        ("*/*", "?format=json", 200, "application/json"),
        ("*/*", "?format=api", 200, "text/html; charset=utf-8"),
        ("*/*", "?format=csv", 404, "application/json"),
    ],
)
def test_form_of_the_answer_follows_accept_and_format(emulate, accept, query, status, kind):
    """JSON and a page for people can be had, everything else is refused in JSON."""
    answer = emulate(links=1).use_api_key().get(query, Accept=accept)
    assert (answer.status_code, answer.headers["content-type"]) == (status, kind)
    details = {406: "Could not satisfy the request Accept header.", 404: "Not found."}
    if status in details:
        assert answer.json() == {"detail": details[status]}


@pytest.mark.parametrize("address", ["v1/devices/", "v2/links/", "", "v1/links/1/"])
def test_unknown_address_is_a_404_page(emulate, address):
    """Where there is no view the answer is HTML, which is how a client knows a wrong URL."""
    answer = emulate(links=0).http.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")


def test_address_without_its_slash_is_a_relative_redirect_that_keeps_the_query(emulate):
    """301 with an empty body."""
    answer = emulate(links=0).http.get("v1/links?page=2")
    assert (answer.status_code, answer.content) == (301, b"")
    assert answer.headers["location"] == "/api/v1/links/?page=2"


def test_other_methods_are_refused_after_authentication(emulate):
    """Who may read is told that nothing can be written; anyone else is not."""
    visitor = emulate(links=0)
    assert visitor.http.delete("v1/links/").status_code == 401
    visitor.use_api_key()
    answer = visitor.http.delete("v1/links/")
    assert (answer.status_code, answer.json()) == (405, {"detail": 'Method "DELETE" not allowed.'})
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    assert visitor.http.options("v1/links/").status_code == 200


def test_head_is_answered_without_a_body_and_counts_as_no_page(emulate):
    """HEAD reads nothing."""
    visitor = emulate(links=3).use_api_key()
    answer = visitor.http.head("v1/links/")
    assert (answer.status_code, answer.content) == (200, b"")
    assert visitor.state.pages_served == 0


def test_server_error_is_a_500_page(emulate):
    """A cursor whose position is no id breaks the server as it breaks the real one."""
    visitor = emulate(links=3, pagination="cursor").use_api_key()
    answer = visitor.get("?cursor=cD1hYmM%3D")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "text/html; charset=utf-8")
    assert "Server Error (500)" in answer.text
    assert visitor.get().status_code == 200


def test_m08_throttle_denies_with_retry_after_until_the_oldest_request_is_a_minute_old(emulate):
    """429 with whole seconds rounded up; denied requests do not count, and who is refused is not throttled."""
    clock = Seconds()
    visitor = emulate(links=1, throttle_per_minute=2, clock=clock).use_api_key()
    assert visitor.get(Authorization="Token wrong").status_code == 401
    assert [visitor.get().status_code, visitor.get().status_code] == [200, 200]
    clock.now = 2.5
    answer = visitor.get()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "58")
    assert answer.json() == {"detail": "Request was throttled. Expected available in 58 seconds."}
    clock.now = 59.5
    assert visitor.get().json() == {"detail": "Request was throttled. Expected available in 1 second."}
    clock.now = 60
    assert visitor.get().status_code == 200
