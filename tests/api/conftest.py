"""A scripted server and a client for it. No secret may be logged and no thread may be left behind, in any test."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from inode_pipeline.api.client import INodeClient
from inode_pipeline.config import Settings
from tests.api.raw import RawServer
from tests.api.servers import ScriptedServer
from tests.api.stand_ins import CANARIES, FakeTime, leaks


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    scripted = ScriptedServer()
    yield scripted
    scripted.close()


@pytest.fixture
def raw() -> Iterator[RawServer]:
    raw_server = RawServer()
    yield raw_server
    raw_server.close()


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def settings_for(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """Settings for a base address; keywords are settings in lower case, None takes one away."""

    def make(base_url: str, **changes: object) -> Settings:
        values: dict[str, object] = {"INODE_BASE_URL": base_url, "INODE_TIMEZONE": "UTC", **CANARIES}
        values |= {f"INODE_{name.upper()}": value for name, value in changes.items()}
        if changes.get("api_key"):
            values = {name: value for name, value in values.items() if name not in CANARIES}
        for name, value in values.items():
            if value is not None:
                monkeypatch.setenv(name, str(value))
        return Settings.load(dotenv=False)

    return make


@pytest.fixture
def client_for(settings_for: Callable[..., Settings], fake_time: FakeTime) -> Iterator[Callable[..., INodeClient]]:
    """A client for a base address whose pauses take no time; `real_time=True` lets them."""
    clients: list[INodeClient] = []

    def make(base_url: str, *, purpose: Any = "sync", real_time: bool = False, **changes: object) -> INodeClient:
        settings = settings_for(base_url, **changes)
        times: dict[str, Any] = (
            {} if real_time else {"sleep": fake_time.sleep, "monotonic": fake_time.monotonic, "clock": fake_time.now}
        )
        clients.append(INodeClient(settings, purpose=purpose, **times))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture(autouse=True)
def nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No secret stands in any log record, at any level."""
    caplog.set_level(logging.DEBUG)
    yield
    leaked = leaks(*(record.getMessage() for record in caplog.records))
    assert not leaked


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Every thread that fetches pages has ended."""
    yield
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("inode-page")]
    assert not left


@pytest.fixture(scope="session")
def tls_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for the address 127.0.0.1, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
