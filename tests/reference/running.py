"""One reference server as a test sees it: a process led over its standard input, and requests to it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

HERE = Path(__file__).parent

PLAIN: dict[str, Any] = {"trust_env": False, "verify": False}
"""How httpx is called: without proxies, and without reading every authority's certificate for plain http."""

Action = tuple[Any, ...]
"""The name of a function in `server/control.py` and its arguments."""


@dataclass(frozen=True)
class Request:
    """One request that the server received; `scheme` is the first word of its Authorization header."""

    method: str
    path: str
    query: str
    scheme: str
    user_agent: str
    grant: str
    status: int | None


class Reference:
    """One running server, seen from the test."""

    def __init__(self, folder: Path, options: dict[str, Any]) -> None:
        self.database = folder / "server.db"
        self._said = (folder / "stderr.txt").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "server", json.dumps(options), str(self.database)],
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )
        ready = self._answer()
        self.credentials: dict[str, str] = ready["credentials"]
        self.origin = f"http://127.0.0.1:{ready['port']}"
        self.base_url = f"{self.origin}/api/"
        self.token_url = f"{self.base_url}oauth/token/"
        self.links_url = f"{self.base_url}v1/links/"

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            pytest.fail("the reference server died:\n" + Path(self._said.name).read_text(errors="replace")[-2000:])
        return json.loads(line)

    def _tell(self, command: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def reset(self) -> None:
        """Bring links, tokens, throttle and the book of requests back to the beginning."""
        self._tell({"do": "reset"})

    def now(self, *actions: Action) -> None:
        """Carry out these actions at once."""
        self._tell({"do": "now", "actions": actions})

    def before(self, nth: int, *actions: Action) -> None:
        """Carry out these actions just before the nth request for links (counted from 1) is answered."""
        self._tell({"do": "before", "request": nth, "actions": actions})

    def requests(self) -> list[Request]:
        """Every request since the reset, in order of arrival."""
        return [Request(**entry) for entry in self._tell({"do": "requests"})]

    def token_requests(self) -> list[str]:
        """The grant types of the requests to the token endpoint."""
        return [request.grant for request in self.requests() if request.path.startswith("/api/oauth/")]

    def link_requests(self) -> list[Request]:
        """The requests to the links endpoint."""
        return [request for request in self.requests() if request.path.startswith("/api/v1/links")]

    def rows(self) -> list[dict[str, Any]]:
        """The links as they stand in the server's database by id, read without the server; times left out."""
        connection = sqlite3.connect(self.database)
        connection.row_factory = sqlite3.Row
        sensors = {row["id"]: dict(row) for row in connection.execute("SELECT * FROM server_sensor")}
        rows = [dict(row) for row in connection.execute("SELECT * FROM server_link ORDER BY id")]
        connection.close()
        for row in rows:
            del row["last_updated"]
            row["origin"] = sensors.get(row.pop("origin_id"))
            row["destination"] = sensors.get(row.pop("destination_id"))
            row["geometry"] = json.loads(row["geometry"])
        return rows

    def login(self, **changes: str | None) -> httpx.Response:
        """Ask for a token by the password grant; `changes` replace a field of the form, or leave it out if None."""
        fields = ("username", "password", "client_id", "client_secret")
        form = {field: self.credentials[field] for field in fields} | {"grant_type": "password", "scope": "sync"}
        form = {name: value for name, value in (form | changes).items() if value is not None}
        return httpx.post(self.token_url, data=form, **PLAIN)

    def refresh(self, refresh_token: str) -> httpx.Response:
        """Ask for a new token by the refresh grant."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        form |= {field: self.credentials[field] for field in ("client_id", "client_secret")}
        return httpx.post(self.token_url, data=form, **PLAIN)

    def links(self, token: str | None = None, query: str = "", **headers: str) -> httpx.Response:
        """Ask for links, with a Bearer token if one is given."""
        headers = {"Accept": "application/json"} | headers
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return httpx.get(self.links_url + query, headers=headers, **PLAIN)

    def dismiss(self) -> None:
        """Close the process's standard input, which ends it."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def stop(self) -> None:
        """Wait for the dismissed process; kill it only if it does not end."""
        assert self._process.stdout is not None
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._said.close()
