"""Stands between a client and a server, and spoils the answers it is told to spoil.

One request a connection. A GET is a page, a POST a login.
"""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

Spoil = Callable[[bytes], bytes | None]
"""The whole answer as it came, and what is sent instead; None cuts the connection with a reset."""


def answer(status: str, body: bytes = b"", *headers: str, kind: str = "application/json") -> bytes:
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


SPOILS: dict[str, Spoil] = {
    "throttled": lambda _: answer("429 Too Many Requests", b"{}", "Retry-After: 0.01"),
    "away for a moment": lambda _: answer("503 Service Unavailable", b"<h1>away</h1>", "Retry-After: 0.01"),
    "broken for a moment": lambda _: answer("500 Internal Server Error", b"<h1>broken</h1>", "Retry-After: 0.01"),
    "body cut off": lambda answer: answer[:-20],
    "connection reset": lambda _: None,
    "away for a day": lambda _: answer("503 Service Unavailable", b"", "Retry-After: 86400"),
    "forbidden": lambda _: answer("400 Bad Request", b'{"detail": "no"}'),
    "a page for people": lambda _: answer("200 OK", b"<html>log in</html>", kind="text/html"),
    "results renamed": lambda answer: answer.replace(b'"results"', b'"rezults"'),
    "results null": lambda _: answer("200 OK", b'{"count": 0, "next": null, "results": null}'),
    "an empty list": lambda _: answer("200 OK", b'{"count": 0, "next": null, "results": []}'),
    "a page less": lambda answer: _resized(_replaced_next(answer)),
    "a link to elsewhere": lambda _: answer(
        "200 OK", b'{"count": 99, "next": "http://elsewhere.invalid/api/v1/links/?page=2", "results": []}'
    ),
}

PASSING = ("throttled", "away for a moment", "broken for a moment", "body cut off", "connection reset")
"""What a later try of the same request mends."""


def _replaced_next(answer: bytes) -> bytes:
    """A page that says it is the last."""
    head, _, body = answer.partition(b"\r\n\r\n")
    start = body.find(b'"next":')
    end = body.find(b',"previous"', start) if start >= 0 else -1
    if end < 0:
        return answer
    return head + b"\r\n\r\n" + body[:start] + b'"next":null' + body[end:]


def _resized(answer: bytes) -> bytes:
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(body)]) + b"\r\n\r\n" + body


class FaultProxy:
    """Listens on a port of its own. `plan` says what becomes of the n-th GET, from 1; clear it for a clean run."""

    def __init__(self, base_url: str) -> None:
        target = urlsplit(base_url)
        self._target = (target.hostname or "", target.port or 80)
        self._lock = threading.Lock()
        self.plan: dict[int, Spoil] = {}
        self.echo: dict[str, Callable[[bytes], bytes]] = {}
        """By method: what is answered to a whole request, which is not passed on."""
        self.gets = 0
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                proxy._handle(self.request)

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self.granted: list[bytes] = []
        """Each answer to a POST that the server itself gave with status 200: the tokens."""
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/api/"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def begin(self, plan: dict[int, Spoil] | None = None) -> None:
        """Count the pages from 1 again, under a new plan."""
        with self._lock:
            self.gets = 0
            self.plan = dict(plan or {})

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handle(self, client: socket.socket) -> None:
        client.settimeout(10)
        try:
            request = _read_request(client)
            if not request:
                return
            spoil = self._spoil(request)
            echo = self.echo.get(request.split(b" ")[0].decode())
            answer: bytes | None = echo(request) if echo else self._ask(request)
            if request.startswith(b"POST ") and answer and not echo and b" 200 " in answer[:20]:
                self.granted.append(answer)
            if spoil is not None:
                answer = spoil(answer or b"")
            if answer is None:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                client.sendall(answer)
        except OSError:  # the client has gone, as it may
            return

    def _spoil(self, request: bytes) -> Spoil | None:
        if not request.startswith(b"GET "):
            return None
        with self._lock:
            self.gets += 1
            return self.plan.get(self.gets)

    def _ask(self, request: bytes) -> bytes:
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [
            line for line in head.split(b"\r\n") if not line.lower().startswith((b"connection", b"accept-encoding"))
        ]
        with socket.create_connection(self._target, timeout=10) as server:
            server.sendall(b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body)
            return _read_all(server)


def _read_request(client: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
    )
    while len(body) < length:
        body += client.recv(65536)
    return head + b"\r\n\r\n" + body


def _read_all(server: socket.socket) -> bytes:
    pieces: list[Any] = []
    while piece := server.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)
