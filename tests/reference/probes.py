"""The requests that the emulator must answer as the real server does, one list per table of facts."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from tests.reference.running import PLAIN
from tests.reference.sides import LINKS, TOKEN, Side, get, login_form


@dataclass(frozen=True)
class Probe:
    """One request, made of what a side offers; `options` chooses the server it goes to."""

    name: str
    send: Callable[[Side], httpx.Response]
    options: dict[str, Any] = field(default_factory=dict)


def login(name: str, **changes: str | None) -> Probe:
    """Make a probe of a password login."""
    return Probe(name, lambda side: httpx.post(side.base_url + TOKEN, data=login_form(side, **changes), **PLAIN))


def basic(name: str, secret: str | None = None, *, is_encoded: bool = False) -> Probe:
    """Make a probe of a login whose client stands in a Basic header."""

    def send(side: Side) -> httpx.Response:
        pair = [side.credentials["client_id"], secret or side.credentials["client_secret"]]
        text = ":".join(quote(part, safe="") if is_encoded else part for part in pair)
        head = {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}
        form = login_form(side, client_id=None, client_secret=None)
        return httpx.post(side.base_url + TOKEN, data=form, headers=head, **PLAIN)

    return Probe(name, send)


def at_token(name: str, method: str, suffix: str = "", **sent: Any) -> Probe:
    """Make a probe of an odd request to the token endpoint."""
    address = (TOKEN.rstrip("/") if suffix == "no slash" else TOKEN) + (suffix if suffix.startswith("?") else "")
    return Probe(name, lambda side: httpx.request(method, side.base_url + address, **PLAIN, **sent))


def links(name: str, query: str = "", path: str = LINKS, options: dict[str, Any] | None = None, **head: str) -> Probe:
    """Make a probe of a request for links."""
    return Probe(name, lambda side: get(side, query, path, **head), options or {})


def at_links(name: str, method: str, content_type: str | None = None, **sent: Any) -> Probe:
    """Make a probe of another method at the links endpoint."""

    def send(side: Side) -> httpx.Response:
        head = {"Accept": "application/json", "Authorization": f"Token {side.credentials['api_key']}"}
        head |= {"Content-Type": content_type} if content_type else {}
        return httpx.request(method, side.base_url + LINKS, headers=head, **PLAIN, **sent)

    return Probe(name, send)


A1_TOKEN = [
    login("login"),
    login("login without a scope", scope=None),
    login("login for a small scope", scope="read"),
    login("login for two scopes", scope="sync read"),
    login("login for two scopes in the other order", scope="read sync"),
    login("unknown client", client_id="nobody"),
    login("no client", client_id=None, client_secret=None),
    login("no secret", client_secret=None),
    login("wrong secret", client_secret="wrong"),
    login("NUL in the client id", client_id="a\0b"),
    login("wrong password", password="wrong"),
    login("unknown user", username="nobody"),
    login("unknown scope", scope="everything"),
    login("unknown grant", grant_type="magic"),
    login("client credentials grant", grant_type="client_credentials"),
    login("no grant", grant_type=None),
    login("no password", password=None),
    login("no user name", username=None),
    login("empty password", password=""),
    login("refresh without a token", grant_type="refresh_token"),
    login("refresh with an unknown token", grant_type="refresh_token", refresh_token="unknown"),
    login("wrong client and wrong password", client_secret="wrong", password="wrong"),
    login("wrong password and unknown scope", password="wrong", scope="everything"),
    login("wrong client and no password", client_secret="wrong", password=None),
    login("wrong client and unknown grant", client_secret="wrong", grant_type="magic"),
    login("wrong client and unknown scope", client_secret="wrong", scope="everything"),
    login(
        "wrong client and unknown refresh token",
        grant_type="refresh_token",
        client_secret="wrong",
        refresh_token="unknown",
    ),
    login(
        "unknown refresh token and unknown scope",
        grant_type="refresh_token",
        refresh_token="unknown",
        scope="everything",
    ),
    login("empty scope", scope=""),
    login("the same scope twice", scope="sync sync"),
    login("empty client", client_id="", client_secret=""),
    login("the grant in capitals", grant_type="PASSWORD"),
    basic("client in a Basic header", is_encoded=True),
    basic("wrong secret in a Basic header", "wrong"),
    at_token("JSON body", "POST", json={"grant_type": "password"}),
    at_token("query string", "POST", "?a=b", data={"grant_type": "password"}),
    at_token("GET", "GET"),
    at_token("PUT", "PUT"),
    at_token("POST without a slash", "POST", "no slash", data={"grant_type": "password"}),
    at_token("GET without a slash", "GET", "no slash"),
    Probe("grant disabled", login("").send, {"password_grant": False}),
    Probe("grant disabled and wrong password", login("", password="wrong").send, {"password_grant": False}),
    Probe("grant disabled and wrong client", login("", client_secret="wrong").send, {"password_grant": False}),
    Probe("grant disabled and unknown scope", login("", scope="everything").send, {"password_grant": False}),
]

A3_REFUSALS = [
    links(f"{name}, {first} first", options={"first_authentication": first}, Authorization=value)
    for first in ("oauth", "token", "session")
    for name, value in (
        ("unknown Bearer", "Bearer unknown"),
        ("bad key", "Token wrong"),
        ("nothing", ""),
        ("wrong keyword", "Api-Key wrong"),
        ("keyword alone", "Token"),
        ("key with a space", "Token two words"),
        ("Bearer alone", "Bearer"),
        ("Bearer with a space", "Bearer two words"),
        ("Basic", "Basic YTpi"),
    )
]

# One word a query string; a lone question mark asks for nothing in particular.
BY_PAGE = """
    ? ?page=2 ?page=3 ?page=4 ?page=0 ?page=-1 ?page=x ?page=last ?page= ?page=2.0 ?page=%202 ?page=1&page=2
    ?page_size=7 ?page_size=7&page=2 ?page=2&page_size=7 ?page_size=1000 ?page_size=100000 ?page_size=0 ?page_size=abc
    ?page_size=-3 ?page_size= ?limit=3 ?offset=3 ?zeta=1&alpha=%C3%A9&page_size=7 ?modified__gte=2030-01-01
"""
BY_OFFSET = """
    ? ?limit=7 ?limit=7&offset=7 ?limit=7&offset=59 ?limit=7&offset=60 ?limit=7&offset=900 ?limit=7&offset=3 ?limit=0
    ?limit=-1 ?limit=abc ?limit= ?limit=100000 ?offset=-5 ?offset=abc ?zeta=1&limit=7 ?page=2 ?page_size=7
"""
BY_CURSOR = """
    ? ?page_size=7 ?page_size=abc ?page_size=0 ?cursor=%21%21 ?cursor= ?cursor=abc ?cursor=cD14eXo%3D ?cursor=bz0y
    ?zeta=1 ?page=2
"""
UNPAGINATED = "? ?page=2 ?page_size=3"
QUERIES = {"page": BY_PAGE, "limit-offset": BY_OFFSET, "cursor": BY_CURSOR, "none": UNPAGINATED}

A4_PAGES = [
    *(
        links(f"{pagination} {query}", query, options={"pagination": pagination})
        for pagination, queries in QUERIES.items()
        for query in queries.split()
    ),
    *(
        links(f"{pagination}, clamped {query}", query, options={"pagination": pagination, "max_page_size": 5})
        for pagination, query in (
            ("page", "?page_size=1000"),
            ("page", "?page=2&page_size=1000"),
            ("limit-offset", "?limit=100"),
            ("cursor", "?page_size=100"),
        )
    ),
]

A6_NEGOTIATION = [
    *(
        links(f"accepts {accept} {query}", query, Accept=accept)
        for accept, query in (
            ("text/html", ""), ("*/*", ""), ("application/xml", ""), ("text/html", "?format=json"),
            ("application/json", "?format=csv"), ("application/json", "?format=json"),
            ("text/html,application/json", ""), ("application/*", ""),
            ("application/json; indent=4", ""), ("text/html, */*;q=0.1", ""),
            ("application/json", "?format=api"),
        )
    ),
    links("links without a slash", path="v1/links"),
    links("links without a slash but with a query", "?page=2", path="v1/links"),
    links("a wrong address", path="v2/links/"),
    links("the root", path=""),
    links("an id", path="v1/links/1/"),
    links("refused as HTML", Authorization="Token wrong", Accept="text/html"),
    links("not acceptable and refused", Authorization="Token wrong", Accept="application/xml"),
    at_links("POST to links", "POST", json={}),
    at_links("POST broken JSON to links", "POST", content=b"{", content_type="application/json"),
    at_links("POST text to links", "POST", content=b"text", content_type="text/plain"),
    at_links("POST a form to links", "POST", data={"a": "b"}),
    at_links("PUT to links", "PUT", json={}),
    at_links("DELETE links", "DELETE"),
    at_links("HEAD of links", "HEAD"),
    Probe("POST to links unauthorised", lambda side: httpx.post(side.base_url + LINKS, json={}, **PLAIN)),
    Probe(
        "POST to links without a slash",
        lambda side: httpx.post(side.base_url + LINKS.rstrip("/"), json={}, **PLAIN),
    ),
]  # fmt: skip

PROBES = [*A1_TOKEN, *A3_REFUSALS, *A4_PAGES, *A6_NEGOTIATION]
