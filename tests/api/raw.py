"""A server of raw bytes, for what no HTTP server would send."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

BODY = json.dumps({"count": 1, "next": None, "previous": None, "results": [{"id": 1}]}).encode()
TOKEN = json.dumps({"access_token": "canary-token", "token_type": "Bearer", "expires_in": 36000}).encode()


def answer(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def after_login(script: Callable[[socket.socket, int], None]) -> Callable[[socket.socket, bytes, int], None]:
    """Give a token to whoever asks for one; the script plays each request for a page, counted from 1."""
    seen = 0

    def play(connection: socket.socket, request: bytes, _: int) -> None:
        nonlocal seen
        if request.startswith(b"POST"):
            connection.sendall(answer(TOKEN))
        else:
            seen += 1
            script(connection, seen)

    return play


def times(faults: int, fault: Callable[[socket.socket], None]) -> Callable[[socket.socket, bytes, int], None]:
    """Fail so many times, then answer well."""
    return after_login(
        lambda connection, number: fault(connection) if number <= faults else connection.sendall(answer(BODY))
    )


class RawServer:
    """Plays one script of bytes a connection: each takes the socket after a request was read."""

    def __init__(self, port: int = 0) -> None:
        self.connections = 0
        self.received: list[bytes] = []
        self.script: Callable[[socket.socket, bytes, int], None] = lambda connection, request, number: None
        self._listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        self.port = self._listener.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}/api/"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        self._open.append(connection)
        with connection:
            try:
                while request := self._request(connection):
                    self.received.append(request)
                    self.script(connection, request, len(self.received))
                    if connection.fileno() < 0 or b"close" in request:
                        return
            except OSError:
                return

    def _request(self, connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        while length and len(body) < int(length[1]):
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        self.stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(2)


def reset(connection: socket.socket) -> None:
    """Break a connection with RST instead of closing it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
