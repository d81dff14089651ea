"""A running emulator of any configuration, and a plain client that talks to it over a real socket."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from inode_pipeline.emulator import EmulatorConfig, EmulatorServer

_TLS = ssl.create_default_context()
"""Shared, since to make one takes longer than most tests; nothing here speaks TLS."""


class Visitor:
    """A client without any cleverness: it sends what a test says and follows `next` as it stands."""

    def __init__(self, server: EmulatorServer, user_agent: str = "visitor/1") -> None:
        self.server, self.config, self.state = server, server.config, server.state
        self.http = httpx.Client(
            base_url=server.base_url,
            headers={"Accept": "application/json", "User-Agent": user_agent},
            trust_env=False,
            verify=_TLS,
        )

    def token(self, **changes: str | None) -> httpx.Response:
        """The answer to a password login; a change of None leaves the field out."""
        config = self.config
        form: dict[str, str | None] = {
            "grant_type": "password",
            "username": config.username,
            "password": config.password,
            "client_id": config.client_id,
            "client_secret": config.client_secret,
            "scope": "sync",
        }
        fields = {name: value for name, value in (form | changes).items() if value is not None}
        return self.http.post("oauth/token/", data=fields)

    def refresh(self, refresh_token: str, **changes: str | None) -> httpx.Response:
        """The answer to a refresh grant."""
        return self.token(**{
            "grant_type": "refresh_token", "refresh_token": refresh_token,
            "username": None, "password": None, "scope": None, **changes,
        })  # fmt: skip

    def log_in(self) -> Visitor:
        """Log in anew and use the token from here on."""
        self.http.headers["Authorization"] = f"Bearer {self.token().json()['access_token']}"
        return self

    def use_api_key(self) -> Visitor:
        """Use the API key from here on."""
        self.http.headers["Authorization"] = f"Token {self.config.api_key}"
        return self

    def get(self, query: str = "", **headers: str) -> httpx.Response:
        """The list of links, with this query."""
        return self.http.get(
            f"v1/links/{query}", headers={name.replace("_", "-"): text for name, text in headers.items()}
        )

    def pages(self, query: str = "") -> list[dict[str, Any]]:
        """The bodies of all pages, from this query to `next: null`."""
        bodies = [self.get(query).json()]
        while bodies[-1]["next"]:
            bodies.append(self.http.get(bodies[-1]["next"]).json())
        return bodies

    def records(self, query: str = "") -> list[dict[str, Any]]:
        """The records of all pages."""
        return [record for body in self.pages(query) for record in body["results"]]


Emulate = Callable[..., Visitor]
"""Starts an emulator with these settings and returns a client of it, not logged in."""

Visit = Callable[..., Visitor]
"""Another client of a visitor's server."""


@pytest.fixture
def visit() -> Iterator[Visit]:
    """A function that gives a server one more client."""
    with ExitStack() as open_:

        def another(server: EmulatorServer, user_agent: str = "visitor/1") -> Visitor:
            visitor = Visitor(server, user_agent)
            open_.callback(visitor.http.close)
            return visitor

        yield another


@pytest.fixture
def emulate(visit: Visit) -> Iterator[Emulate]:
    """A function that starts an emulator and returns a client of it."""
    with ExitStack() as running:

        def start(**settings: Any) -> Visitor:
            return visit(running.enter_context(EmulatorServer(EmulatorConfig(**settings))))

        yield start
