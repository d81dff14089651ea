"""TLS: the trusted certificates, and why a handshake has failed."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import certifi

from inode_pipeline.errors import ConfigError, TlsVerificationError

_NO_TLS: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
"""OpenSSL's errors if the server does not speak TLS."""


@cache  # reading the bundle takes 40 ms, and a process that syncs many dates creates a client for each
def trusted_context(ca_file: Path | None) -> ssl.SSLContext:
    """A context that trusts the standard bundle and INODE_CA_FILE. Verification cannot be switched off.

    Raises:
        ConfigError: INODE_CA_FILE contains no certificate.

    """
    context = ssl.create_default_context(cafile=certifi.where())
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as problem:
            raise ConfigError(
                f"INODE_CA_FILE={str(ca_file)!r} contains no certificates in PEM format.",
                remedy="Name the file with your authority's certificate.",
            ) from problem
    return context


def tls_problem(problem: BaseException) -> ssl.SSLError | None:
    """The failed handshake behind an exception. An interrupted one counts as a broken connection instead."""
    handshakes = (one for one in causes(problem) if isinstance(one, ssl.SSLError))
    return next((one for one in handshakes if not isinstance(one, (ssl.SSLEOFError, ssl.SSLZeroReturnError))), None)


def untrusted(tls: ssl.SSLError, origin: object) -> TlsVerificationError:
    """The error for a failed handshake with a server."""
    if tls.reason in _NO_TLS:
        return TlsVerificationError(
            f"There is no TLS at {origin}: the server answers, but not with TLS. Nothing was sent.",
            remedy="Check the scheme and the port of INODE_BASE_URL; plain http is for this machine only.",
        )
    reason = getattr(tls, "verify_message", "") or (tls.reason or "no common protocol").replace("_", " ").lower()
    return TlsVerificationError(
        f"The certificate of {origin} cannot be trusted: {reason}. Nothing was sent.",
        remedy="Check INODE_BASE_URL; if your organisation has its own certificate authority, set INODE_CA_FILE to its "
        "certificate.",
    )


def causes(problem: BaseException | None) -> Iterator[BaseException]:
    """The exception and those that led to it."""
    while problem is not None:
        yield problem
        problem = problem.__cause__ or problem.__context__
