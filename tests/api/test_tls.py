"""Certificates: whom we believe, and that nothing is sent before."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inode_pipeline import errors
from inode_pipeline.api.client import INodeClient
from inode_pipeline.api.pagination import Page
from inode_pipeline.api.trust import trusted_context
from tests.api.raw import BODY, TOKEN, answer
from tests.api.servers import ScriptedServer

ClientFor = Callable[..., INodeClient]


def pages(client: INodeClient) -> list[Page]:
    return list(client.pages("v1/links/"))


@pytest.fixture
def tls_server(tls_files: tuple[Path, Path]) -> Iterator[dict[str, Any]]:
    """A TLS server that counts connections and keeps what it could decrypt."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*tls_files)
    listener = socket.create_server(("127.0.0.1", 0))
    seen: dict[str, Any] = {"connections": 0, "bytes": b"", "port": listener.getsockname()[1], "ca": tls_files[0]}

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            seen["connections"] += 1
            connection.settimeout(1)
            try:
                with context.wrap_socket(connection, server_side=True) as secure:
                    while data := secure.recv(65536):
                        seen["bytes"] += data
                        secure.sendall(answer(TOKEN if data.startswith(b"POST") else BODY))
            except OSError:
                continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield seen
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(0.5)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_m07_a_certificate_that_nobody_vouches_for_stops_at_once(
    client_for: ClientFor, tls_server: dict[str, Any], host: str
) -> None:
    """One connection, no byte of a credential, no second try."""
    with pytest.raises(errors.TlsVerificationError, match="INODE_CA_FILE"):
        pages(client_for(f"https://{host}:{tls_server['port']}/api/"))
    assert (tls_server["connections"], tls_server["bytes"]) == (1, b"")


def test_m07_a_certificate_for_another_host_stops_at_once(client_for: ClientFor, tls_server: dict[str, Any]) -> None:
    """Even one that a trusted authority has signed."""
    with pytest.raises(errors.TlsVerificationError):
        pages(client_for(f"https://localhost:{tls_server['port']}/api/", ca_file=tls_server["ca"]))
    assert (tls_server["connections"], tls_server["bytes"]) == (1, b"")


def test_the_own_authority_is_added_to_the_standard_ones(client_for: ClientFor, tls_server: dict[str, Any]) -> None:
    """With INODE_CA_FILE the same server is trusted, and the public authorities still are."""
    client = client_for(f"https://127.0.0.1:{tls_server['port']}/api/", ca_file=tls_server["ca"])
    assert len(pages(client)) == 1
    assert trusted_context(client._settings.ca_file).cert_store_stats()["x509_ca"] > 50


def test_plain_http_behind_an_https_address_is_a_tls_error(client_for: ClientFor, server: ScriptedServer) -> None:
    """A server that does not speak TLS is told apart from one that is away."""
    with pytest.raises(errors.TlsVerificationError, match=r"There is no TLS at https://127\.0\.0\.1:\d+:.*the port"):
        pages(client_for(server.base_url.replace("http:", "https:")))


def test_a_file_without_certificates_is_a_wrong_setting(client_for: ClientFor, tmp_path: Path) -> None:
    """INODE_CA_FILE is named before anything is sent."""
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(errors.ConfigError, match="INODE_CA_FILE"):
        client_for("https://127.0.0.1:1/api/", ca_file=tmp_path / "ca.pem")
