"""A server that answers as it is told, over HTTP, and a list of links for it to serve."""

from __future__ import annotations

import http.server
import json
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN_PREFIX = "canary-token-"


@dataclass
class Sent:
    """One request as the server saw it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str]

    @property
    def is_login(self) -> bool:
        return self.path.endswith("/oauth/token/")


@dataclass
class Reply:
    """One answer: an object becomes JSON; text and bytes are sent as they are."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


Script = Callable[[Sent], Reply]


class ScriptedServer:
    """Answers each request for a page by `pages` and each for a token by `tokens`; keeps every request."""

    def __init__(self) -> None:
        self.requests: list[Sent] = []
        self.pages: Script = lambda sent: Reply(404, {"detail": "not scripted"})
        self.tokens: Script = self._token
        self.valid_tokens: set[str] = set()
        self.api_key: str | None = None
        self.check_tokens = True
        self.lock_pages = True
        self.refusal = Reply(
            401,
            {"detail": "Authentication credentials were not provided."},
            {"WWW-Authenticate": 'Bearer realm="api",error="invalid_token"'},
        )
        self._lock = threading.Lock()
        self._issued = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = urlsplit(self.path)
                sent = Sent(
                    self.command,
                    parts.path,
                    {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()},
                    {name.lower(): value for name, value in self.headers.items()},
                    {name: values[-1] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()},
                )
                reply = outer.reply(sent)
                content = reply.content
                self.send_response_only(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                self.wfile.flush()

            do_GET = do_POST = _answer  # noqa: N815 - named by http.server

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_: object) -> None:
                """A client that hangs up is no news."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.base_url = f"{self.origin}/api/"

    def reply(self, sent: Sent) -> Reply:
        with self._lock:
            self.requests.append(sent)
            if sent.is_login:
                return self.tokens(sent)
            if not self._is_authorized(sent):
                return self.refusal
            if self.lock_pages:
                return self.pages(sent)
        return self.pages(sent)

    def _is_authorized(self, sent: Sent) -> bool:
        kind, _, value = sent.headers.get("authorization", "").partition(" ")
        if not self.check_tokens:
            return True
        return (kind == "Token" and value == self.api_key) or (kind == "Bearer" and value in self.valid_tokens)

    def issue(self, **changes: Any) -> dict[str, Any]:
        """A token answer as django-oauth-toolkit writes it."""
        self._issued += 1
        access = f"{TOKEN_PREFIX}{self._issued}"
        self.valid_tokens.add(access)
        answer = {
            "access_token": access,
            "expires_in": 36000,
            "token_type": "Bearer",
            "scope": "sync",
            "refresh_token": f"canary-refresh-{self._issued}",
        } | changes
        return {name: value for name, value in answer.items() if value is not ...}

    def _token(self, sent: Sent) -> Reply:
        return Reply(200, self.issue())

    @property
    def logins(self) -> list[Sent]:
        return [sent for sent in self.requests if sent.is_login]

    @property
    def page_requests(self) -> list[Sent]:
        return [sent for sent in self.requests if not sent.is_login]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Links:
    """A list of records behind one of four pagination forms, as Django REST framework cuts it."""

    def __init__(self, server: ScriptedServer, ids: list[int], *, form: str = "page", size: int = 3) -> None:
        self.server = server
        self.ids = list(ids)
        self.form = form
        self.size = size
        self.before_page: Callable[[int], None] = lambda request: None
        self.served = 0
        server.pages = self.answer

    def answer(self, sent: Sent) -> Reply:
        self.served += 1
        self.before_page(self.served)
        return getattr(self, "_" + self.form.replace("-", "_"))(sent)

    def _records(self, ids: list[int]) -> list[dict[str, Any]]:
        return [{"id": link, "name": f"link {link}"} for link in ids]

    def _address(self, sent: Sent, **changes: int | str) -> str:
        query = dict(sorted({**sent.query, **{name: str(value) for name, value in changes.items()}}.items()))
        return f"{self.server.origin}{sent.path}?" + "&".join(f"{name}={value}" for name, value in query.items())

    def _envelope(self, ids: list[int], following: str | None, **more: Any) -> Reply:
        return Reply(200, {**more, "next": following, "previous": None, "results": self._records(ids)})

    def _page(self, sent: Sent) -> Reply:
        number = int(sent.query.get("page", 1))
        chunk = self.ids[(number - 1) * self.size : number * self.size]
        if not chunk and number > 1:
            return Reply(404, {"detail": "Page non valide."})
        more = number * self.size < len(self.ids)
        return self._envelope(chunk, self._address(sent, page=number + 1) if more else None, count=len(self.ids))

    def _limit_offset(self, sent: Sent) -> Reply:
        offset, limit = int(sent.query.get("offset", 0)), min(int(sent.query.get("limit", self.size)), self.size)
        more = offset + limit < len(self.ids)
        following = self._address(sent, limit=limit, offset=offset + limit) if more else None
        return self._envelope(self.ids[offset : offset + limit], following, count=len(self.ids))

    def _cursor(self, sent: Sent) -> Reply:
        after = int(sent.query.get("cursor", "-1"))
        chunk = [link for link in self.ids if link > after][: self.size]
        more = bool(chunk) and chunk[-1] != self.ids[-1]
        return self._envelope(chunk, self._address(sent, cursor=chunk[-1]) if more else None)

    def _none(self, sent: Sent) -> Reply:
        return Reply(200, self._records(self.ids))
