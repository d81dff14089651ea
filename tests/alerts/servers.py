"""What takes messages: real servers on this machine (HTTP, SMTP, a proxy); each remembers what it was given."""

from __future__ import annotations

import base64
import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Hook:
    """An address that takes JSON, as Apprise writes it. `status` is what the server answers."""

    address: str = ""
    status: int = 200
    asked: int = 0
    taken: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@dataclass
class Mailbox:
    """A mail server. With a `password` it wants a login; while `is_full` it takes nothing."""

    port: int = 0
    password: str | None = None
    is_full: bool = False
    taken: list[EmailMessage] = field(default_factory=list)

    def address(self, login: str = "", to: str = "anna@example.org,b@c.org") -> str:
        """What INODE_ALERT_URLS may hold; `login` is user:password@."""
        return f"mailto://{login}127.0.0.1:{self.port}?from=robot@example.org&to={to}"


@contextmanager
def a_hook() -> Iterator[Hook]:
    """The address, until the end of the block."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.asked += 1
            if hook.status == 200:
                hook.taken.append(json.loads(body))
                hook.headers.append(dict(self.headers))
            self.send_response(hook.status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            hook.asked += 1
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    hook.address = f"json://127.0.0.1:{server.server_port}/services/canary-token"
    try:
        yield hook
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def a_mailbox() -> Iterator[Mailbox]:  # noqa: C901 - a whole server stands inside
    """The mail server, until the end of the block."""
    mailbox = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say(b"220 ready")
            while line := self.rfile.readline():
                word = line[:4].upper().strip()
                if word == b"QUIT":
                    self._say(b"221 bye")
                    return
                self._say(self._answer(word, line))

        def _answer(self, word: bytes, line: bytes) -> bytes:
            if word == b"EHLO":
                return b"250-here\r\n250 AUTH PLAIN" if mailbox.password else b"250 here"
            if word == b"AUTH":
                given = base64.b64decode(line.split()[-1]).split(b"\0")[-1].decode()
                return b"235 ok" if given == mailbox.password else b"535 no"
            if word == b"MAIL" and mailbox.is_full:
                return b"452 full"
            if word == b"DATA":
                self._say(b"354 go on")
                lines = []
                while (text := self.rfile.readline()) != b".\r\n":
                    lines.append(text)
                mailbox.taken.append(message_from_bytes(b"".join(lines), policy=policy.default))
            return b"250 ok"

        def _say(self, answer: bytes) -> None:
            self.wfile.write(answer + b"\r\n")

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    mailbox.port = server.server_address[1]
    try:
        yield mailbox
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Proxy:
    """A proxy that answers every https request itself, with the certificate of an authority of its own."""

    address: str = ""
    asked: list[str] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def a_proxy(certificate: Path, key: Path) -> Iterator[Proxy]:
    """The proxy, until the end of the block."""
    proxy = Proxy()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            proxy.asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            try:
                with context.wrap_socket(self.connection, server_side=True) as secure, secure.makefile("rb") as lines:
                    length = 0
                    while (line := lines.readline()) not in (b"\r\n", b""):
                        length = int(line.split(b":")[1]) if line.lower().startswith(b"content-length") else length
                    proxy.taken.append(json.loads(lines.read(length)))
                    secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            except OSError:  # the client does not trust the certificate
                pass
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    proxy.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
