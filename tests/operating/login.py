"""nginx with `deploy/nginx/dagster.conf` before the webservers of a deployment, on ports of this machine."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.operating.processes import ROOT, free_port, wait_for

USERS = ("operators", "analysts")
PASSWORDS = {"operators": "correct horse", "analysts": "battery staple"}
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol": "graphql-ws",
}


@dataclass
class Login:
    """The two addresses, and the certificate that proves them."""

    addresses: dict[str, str]
    certificate: Path

    def client(self, door: str, user: str | None = None, password: str | None = None) -> httpx.Client:
        """A client of one of the addresses; a user gets their own password unless another one is given."""
        login = (user, password or PASSWORDS[user]) if user else None
        trust = ssl.create_default_context(cafile=str(self.certificate))
        return httpx.Client(base_url=self.addresses[door], verify=trust, auth=login, timeout=60)

    def status(self, door: str, user: str | None = None) -> int:
        """How a request for what version is running is answered."""
        with self.client(door, user) as client:
            return client.get("/server_info").status_code


def handshake(client: httpx.Client, **headers: str) -> int:
    """The status with which a websocket is answered: 101 where it is opened."""
    with client.stream("GET", "/graphql", headers=HANDSHAKE | headers) as answer:
        return answer.status_code


@contextmanager
def nginx(folder: Path, webservers: dict[str, int]) -> Iterator[Login]:
    """A running nginx before the webservers on these ports, with a certificate of its own."""
    if NGINX is None:
        pytest.fail("The test of the login needs nginx: apt-get install nginx-light, or run .ci/run")
    ports = {"443": free_port(), "8443": free_port()}
    make_certificate(folder)
    for user in USERS:
        hashed = _run("openssl", "passwd", "-6", PASSWORDS[user])
        (folder / f"{user}.htpasswd").write_text(f"{user}:{hashed}")
    (folder / "nginx.conf").write_text(_main(_moved(folder, ports, webservers)))
    command = (NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr", "-g", "daemon off;")
    with (folder / "nginx.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            login = Login(
                {user: f"https://127.0.0.1:{port}" for user, port in zip(USERS, ports.values(), strict=True)},
                folder / "server.crt",
            )
            for user in USERS:
                wait_for("nginx", lambda user=user: login.status(user) == 401, 20)
            yield login
        finally:
            process.terminate()
            process.wait(20)


def make_certificate(folder: Path) -> None:
    """A key and a certificate that it has signed itself, for 127.0.0.1."""
    _run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", str(folder / "server.key"), "-out", str(folder / "server.crt"), "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")  # fmt: skip


def _moved(folder: Path, ports: dict[str, int], webservers: dict[str, int]) -> str:
    """What `deploy/nginx/dagster.conf` says, with this machine's ports and folder."""
    text = (ROOT / "deploy/nginx/dagster.conf").read_text()
    changes: dict[str, Any] = {
        "127.0.0.1:3000": f"127.0.0.1:{webservers['operators']}",
        "127.0.0.1:3001": f"127.0.0.1:{webservers['analysts']}",
        "listen 443 ssl": f"listen 127.0.0.1:{ports['443']} ssl",
        "listen 8443 ssl": f"listen 127.0.0.1:{ports['8443']} ssl",
        "  443 ": f"  {ports['443']} ",
        "  8443 ": f"  {ports['8443']} ",
        "/etc/nginx/dagster/": f"{folder}/",
    }
    for old, new in changes.items():
        assert old in text, f"{old} is not in deploy/nginx/dagster.conf"
        text = text.replace(old, new)
    return text


def _main(server: str) -> str:
    """A nginx.conf around it, as Debian's is; as root, the workers may enter the test's folder."""
    user = "user root;" if os.geteuid() == 0 else ""
    places = " ".join(f"{name}_temp_path {name};" for name in ("proxy", "client_body", "fastcgi", "scgi", "uwsgi"))
    return f"{user} pid nginx.pid; events {{}}\nhttp {{\n{places} access_log access.log;\n{server}\n}}\n"


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
