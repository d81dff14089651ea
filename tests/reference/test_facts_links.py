"""What a real Django REST framework list endpoint answers: authentication, pagination, negotiation, throttling."""

from __future__ import annotations

import httpx
import pytest

from tests.reference.running import PLAIN

NOT_PROVIDED = {"detail": "Authentication credentials were not provided."}


def key(server, which="api_key"):
    return {"Authorization": f"Token {server.credentials[which]}"}


def bearer(server):
    return {"Authorization": f"Bearer {server.login().json()['access_token']}"}


CHALLENGES = [
    ("oauth", 401, 'Bearer realm="api",error="invalid_token",error_description="The access token has expired."'),
    ("token", 401, "Token"),
    ("session", 403, None),
]


@pytest.mark.parametrize(("first", "status", "challenge"), CHALLENGES)
def test_an_expired_token_is_401_or_403_as_the_first_authentication_class_says(reference, first, status, challenge):
    """With session authentication first an expired token is 403 without a challenge; the body never says expired."""
    server = reference(first_authentication=first)
    token = server.login().json()["access_token"]
    server.now(("expire_access_tokens",))
    answer = server.links(token)
    assert (answer.status_code, answer.headers.get("WWW-Authenticate")) == (status, challenge)
    assert answer.json() == NOT_PROVIDED


@pytest.mark.parametrize(("first", "status", "challenge"), CHALLENGES)
def test_a_wrong_api_key_is_401_or_403_as_well(reference, first, status, challenge):
    """A wrong key says `Invalid token.` under the status and challenge of the first authentication class."""
    answer = reference(first_authentication=first).links(Authorization="Token wrong")
    assert (answer.status_code, answer.json()) == (status, {"detail": "Invalid token."})
    assert (answer.headers.get("WWW-Authenticate") or "").partition(" ")[0] == (challenge or "").partition(" ")[0]


def test_an_api_key_is_accepted_whatever_the_case_of_its_keyword(reference):
    """`token` is as good as `Token`; the key of an inactive user is refused by name."""
    server = reference()
    good = server.links(Authorization=f"token {server.credentials['api_key']}")
    inactive = server.links(**key(server, "inactive_api_key"))
    assert good.status_code == 200
    assert (inactive.status_code, inactive.json()) == (401, {"detail": "User inactive or deleted."})


def test_m14_a_token_of_another_scope_is_403_without_a_challenge(reference):
    """Too small a scope is 403 even where a bad token is 401."""
    server = reference()
    answer = server.links(server.login(scope="read").json()["access_token"])
    assert (answer.status_code, answer.headers.get("WWW-Authenticate")) == (403, None)
    assert answer.json() == {"detail": "You do not have permission to perform this action."}


def test_a_token_in_the_query_is_accepted_and_echoed_in_next(reference):
    """A token in the address works and comes back in `next`: never use it."""
    server = reference()
    token = server.login().json()["access_token"]
    assert f"access_token={token}" in server.links(query=f"?access_token={token}").json()["next"]


def test_page_numbers_past_the_end_are_404_in_json(reference):
    """Page 4 of 3, page 0 and a page that is no number are `Invalid page.`; `last` is a page."""
    server = reference()
    head = key(server)
    statuses = {page: server.links(query=f"?page={page}", **head).status_code for page in ("4", "0", "x", "last")}
    assert statuses == {"4": 404, "0": 404, "x": 404, "last": 200}
    assert server.links(query="?page=4", **head).json() == {"detail": "Invalid page."}


def test_m29_a_page_size_above_the_maximum_is_clamped_in_silence(reference):
    """The page is shorter than asked, and `next` repeats what was asked; nonsense means the default."""
    server = reference(max_page_size=5)
    head = key(server)
    body = server.links(query="?page_size=1000", **head).json()
    assert (body["count"], len(body["results"])) == (60, 5)
    assert body["next"] == f"{server.links_url}?page=2&page_size=1000"
    assert [len(server.links(query=f"?page_size={n}", **head).json()["results"]) for n in ("abc", "0")] == [20, 20]


def test_m29_a_limit_above_the_maximum_is_clamped_and_rewritten_in_next(reference):
    """Limit-offset answers with a short page whose `next` names the clamped limit; past the end it is empty."""
    server = reference(pagination="limit-offset", max_page_size=5)
    head = key(server)
    body = server.links(query="?limit=100", **head).json()
    assert (body["count"], len(body["results"])) == (60, 5)
    assert body["next"] == f"{server.links_url}?limit=5&offset=5"
    past = server.links(query="?limit=5&offset=900", **head)
    assert (past.status_code, past.json()["results"], past.json()["next"]) == (200, [], None)


def test_a_cursor_answer_has_no_count_and_a_damaged_cursor_leads_back_to_the_start(reference):
    """A cursor that base64 reads as nothing gives page one again, a bad position 500 in HTML."""
    server = reference(pagination="cursor")
    head = key(server)
    first = server.links(**head).json()
    again = server.links(query="?cursor=%21%21", **head)
    broken = server.links(query="?cursor=cD14eXo%3D", **head)
    assert set(first) == {"next", "previous", "results"}
    assert (again.status_code, again.json()["results"]) == (200, first["results"])
    assert (broken.status_code, broken.headers["Content-Type"].partition(";")[0]) == (500, "text/html")


def test_an_unpaginated_answer_is_a_bare_list(reference):
    """Without a pagination class the body is the list itself, whatever page is asked for."""
    server = reference(pagination="none")
    body = server.links(query="?page=2&page_size=5", **key(server)).json()
    assert [record["id"] for record in body] == [row["id"] for row in server.rows()]


def test_unknown_filters_are_ignored(reference):
    """A filter that the server does not know changes nothing and raises no error."""
    server = reference()
    assert server.links(query="?modified__gte=2030-01-01", **key(server)).json()["count"] == 60


NEGOTIATION = [
    ("text/html", "", 200, "text/html; charset=utf-8"),
    ("*/*", "", 200, "application/json"),
    ("application/xml", "", 406, "application/json"),
    ("text/html", "?format=json", 406, "application/json"),
    ("application/json", "?format=csv", 404, "application/json"),
]


@pytest.mark.parametrize(("accept", "query", "status", "content_type"), NEGOTIATION)
def test_the_accept_header_decides_between_json_and_a_page_for_people(reference, accept, query, status, content_type):
    """Whoever accepts HTML gets HTML with status 200, so JSON must be asked for."""
    server = reference()
    answer = server.links(query=query, Accept=accept, **key(server))
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, content_type)


def test_m10_a_missing_slash_redirects_and_a_wrong_address_is_404_in_html(reference):
    """A relative 301 without a body, and an HTML 404 where no view stands."""
    server = reference()
    moved = httpx.get(server.links_url.rstrip("/"), headers=key(server), **PLAIN)
    lost = httpx.get(server.base_url + "v2/links/", headers=key(server), **PLAIN)
    assert (moved.status_code, moved.headers["Location"], moved.content) == (301, "/api/v1/links/", b"")
    assert (lost.status_code, lost.headers["Content-Type"].partition(";")[0]) == (404, "text/html")


def test_m10_a_host_name_that_the_server_does_not_know_is_400_in_html(reference):
    """Reached under another name the server refuses before any view."""
    server = reference()
    address = server.links_url.replace("127.0.0.1", "localhost")
    answer = httpx.get(address, headers={"Accept": "application/json", **key(server)}, **PLAIN)
    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (400, "text/html")


def test_m26_texts_are_translated(reference):
    """A French server says the same things in French, so no English text may decide anything."""
    server = reference(language="fr")
    assert server.links(query="?page=9", **key(server)).json() == {"detail": "Page non valide."}


def test_throttling_is_429_with_whole_seconds_to_wait(reference):
    """The fourth request within a minute is denied with Retry-After, a whole number of seconds."""
    server = reference(throttle="3/min")
    head = key(server)
    statuses = [server.links(**head).status_code for _ in range(3)]
    denied = server.links(**head)
    wait = denied.headers["Retry-After"]
    assert ([*statuses, denied.status_code], 0 < int(wait) <= 60) == ([200, 200, 200, 429], True)
    assert denied.json() == {"detail": f"Request was throttled. Expected available in {wait} seconds."}


@pytest.mark.parametrize(
    ("zone", "offsets"), [("UTC", {"Z"}), ("Europe/Berlin", {"+01:00", "+02:00"})], ids=["UTC", "Berlin"]
)
def test_m40_times_carry_the_offset_of_the_servers_zone_and_drop_zero_microseconds(reference, zone, offsets):
    """One column mixes times with and without microseconds and, outside UTC, two offsets."""
    server = reference(time_zone=zone)
    body = server.links(query="?page_size=100", **key(server)).json()
    times = [record["last_updated"] for record in body["results"] if record["last_updated"]]
    assert {time[-6:] if "+" in time else time[-1] for time in times} == offsets
    assert {"." in time for time in times} == {True, False}


def test_the_records_are_the_rows_of_the_database(reference):
    """The serializer gives every field of a link as it stands in the database, the sensors nested."""
    server = reference()
    records = server.links(query="?page_size=100", **key(server)).json()["results"]
    for record in records:
        del record["last_updated"]
    assert records == server.rows()
