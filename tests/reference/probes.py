"""The requests that the emulator must answer as the real server does, one list per table of facts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

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


def links(name: str, query: str = "", path: str = LINKS, options: dict[str, Any] | None = None, **head: str) -> Probe:
    """Make a probe of a request for links."""
    return Probe(name, lambda side: get(side, query, path, **head), options or {})


A1_TOKEN = [
    login("login"),
    login("login without a scope", scope=None),
    login("login for a small scope", scope="read"),
    login("login for two scopes", scope="sync read"),
    login("unknown client", client_id="nobody"),
    login("no client", client_id=None, client_secret=None),
    login("no secret", client_secret=None),
    login("wrong secret", client_secret="wrong"),
    login("wrong password", password="wrong"),
    login("unknown user", username="nobody"),
    login("unknown scope", scope="everything"),
    login("empty scope", scope=""),
    login("unknown grant", grant_type="magic"),
    login("no grant", grant_type=None),
    login("refresh with an unknown token", grant_type="refresh_token", refresh_token="unknown"),
    login("wrong client and wrong password", client_secret="wrong", password="wrong"),
    login("wrong password and unknown scope", password="wrong", scope="everything"),
]

A3_REFUSALS = [
    links("unknown Bearer", Authorization="Bearer unknown"),
    links("bad key", Authorization="Token wrong"),
    links("no credentials", Authorization=""),
    links("wrong keyword", Authorization="Api-Key wrong"),
]

# One word a query string; a lone question mark asks for nothing in particular.
BY_PAGE = """
    ? ?page=2 ?page=3 ?page=4 ?page=0 ?page=-1 ?page=x ?page=
    ?page_size=7 ?page_size=7&page=2 ?page=2&page_size=7 ?page_size=1000 ?page_size=100000 ?page_size=0 ?page_size=abc
    ?zeta=1&alpha=%C3%A9&page_size=7 ?modified__gte=2030-01-01
"""
BY_OFFSET = """
    ? ?limit=7 ?limit=7&offset=7 ?limit=7&offset=59 ?limit=7&offset=60 ?limit=7&offset=900 ?limit=0 ?limit=abc
    ?limit=100000 ?offset=-5 ?offset=abc
"""
BY_CURSOR = "? ?page_size=7 ?page_size=abc ?cursor=abc"
UNPAGINATED = "? ?page=2"
QUERIES = {"page": BY_PAGE, "limit-offset": BY_OFFSET, "cursor": BY_CURSOR, "none": UNPAGINATED}

A4_PAGES = [
    links(f"{pagination} {query}", query, options={"pagination": pagination})
    for pagination, queries in QUERIES.items()
    for query in queries.split()
]

PROBES = [*A1_TOKEN, *A3_REFUSALS, *A4_PAGES]
