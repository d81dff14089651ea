"""The real server and the emulator in the same terms, so that one list of requests can go to both."""

from __future__ import annotations

from typing import Any

import httpx

from inode_pipeline.emulator.config import EmulatorConfig
from inode_pipeline.emulator.server import EmulatorServer
from tests.reference.running import PLAIN

LINKS, TOKEN = "v1/links/", "oauth/token/"


class Emulated:
    """A running emulator with the reference server's credentials, choices and links."""

    def __init__(self, credentials: dict[str, str], options: dict[str, Any], records: list[dict[str, Any]]) -> None:
        self.credentials = credentials
        names = ("username", "password", "client_id", "client_secret", "api_key")
        account: dict[str, Any] = {name: credentials[name] for name in names}
        self.server = EmulatorServer(EmulatorConfig(page_size=20, **account, **options))
        self.server.__enter__()
        self.base_url = self.server.base_url
        self.hold(records)

    def hold(self, records: list[dict[str, Any]]) -> None:
        """Serve these links from now on."""
        self.links: list[Any] = list(records)
        self.server.state.records = self.links  # the same list, so that changing it changes what is served

    def expire(self) -> None:
        """Let the tokens' time pass."""
        self.server.state.expire_tokens()

    def revoke(self) -> None:
        """Make every token unknown."""
        self.server.state.revoke_tokens()

    def delete(self, link_id: int) -> None:
        """Remove a link."""
        del self.links[[link["id"] for link in self.links].index(link_id)]

    def stop(self) -> None:
        """End the server."""
        self.server.__exit__(None, None, None)


class Real:
    """The reference server in the same terms."""

    def __init__(self, server: Any) -> None:
        self.credentials, self.base_url, self.server = server.credentials, server.base_url, server

    def expire(self) -> None:
        """Let the tokens' time pass."""
        self.server.now(("expire_access_tokens",))

    def revoke(self) -> None:
        """Make every token unknown."""
        self.server.now(("revoke_all_tokens",))

    def delete(self, link_id: int) -> None:
        """Remove a link."""
        self.server.now(("delete_links", link_id))


Side = Real | Emulated


def login_form(side: Side, **changes: str | None) -> dict[str, str]:
    """Make the form of a password login; a change of None leaves the field out."""
    fields = ("username", "password", "client_id", "client_secret")
    form = {name: side.credentials[name] for name in fields} | {"grant_type": "password", "scope": "sync"}
    return {name: value for name, value in (form | changes).items() if value is not None}


def token_of(side: Side, **changes: str | None) -> dict[str, Any]:
    """Log in and return the token answer."""
    answer = httpx.post(side.base_url + TOKEN, data=login_form(side, **changes), **PLAIN)
    assert answer.status_code == 200
    return answer.json()


def get(side: Side, query: str = "", path: str = LINKS, **headers: str) -> httpx.Response:
    """Ask for links as JSON, or as `headers` say; `Authorization` defaults to the API key."""
    head = {"Accept": "application/json", "Authorization": f"Token {side.credentials['api_key']}"} | headers
    head = {name: value for name, value in head.items() if value}
    return httpx.get(side.base_url + path + query, headers=head, **PLAIN)
