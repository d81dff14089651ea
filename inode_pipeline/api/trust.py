"""Whom to believe: the certificates that a server's must lead to, and how a failed handshake is recognised."""

from __future__ import annotations

import ssl
from typing import Final

import certifi

from inode_pipeline.config import AlertSettings
from inode_pipeline.errors import ConfigError, TlsVerificationError

_NO_TLS: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
"""What OpenSSL makes of a plain text where it expects a handshake."""


def trusted_context(settings: AlertSettings) -> ssl.SSLContext:
    """Verification against the standard bundle, with the user's own authorities added. It cannot be turned off.

    Raises:
        ConfigError: INODE_CA_FILE holds no certificate.

    """
    context = ssl.create_default_context(cafile=certifi.where())
    if settings.ca_file is not None:
        try:
            context.load_verify_locations(cafile=settings.ca_file)
        except OSError as problem:
            raise ConfigError(
                f"INODE_CA_FILE={str(settings.ca_file)!r} holds no certificates in PEM form.",
                remedy="Name the file with your authority's certificate.",
            ) from problem
    return context


def tls_problem(problem: BaseException | None) -> ssl.SSLError | None:
    """The failed handshake behind an exception; one that was merely cut off is a broken connection."""
    while problem is not None:
        if isinstance(problem, ssl.SSLError) and not isinstance(problem, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
            return problem
        problem = problem.__cause__ or problem.__context__
    return None


def untrusted(tls: ssl.SSLError, origin: object) -> TlsVerificationError:
    """The error for a failed handshake with a server."""
    if tls.reason in _NO_TLS:
        return TlsVerificationError(
            f"There is no TLS at {origin}: the server answers, but not as https does. Nothing was sent.",
            remedy="Check the scheme and the port of INODE_BASE_URL; plain http is for this machine only.",
        )
    reason = getattr(tls, "verify_message", "") or (tls.reason or "no common protocol").replace("_", " ").lower()
    return TlsVerificationError(
        f"The certificate of {origin} cannot be trusted: {reason}. Nothing was sent.",
        remedy="Check INODE_BASE_URL; if your organisation has an authority of its own, name its certificate in "
        "INODE_CA_FILE.",
    )
