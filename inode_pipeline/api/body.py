"""Read the whole body of a response, up to a limit.

httpx and its relatives accept a compressed body that is truncated, and decompress without limit. Here the size is
bounded while decompressing, and a truncated stream is a broken transfer.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from inode_pipeline.api.retry import Retryable
from inode_pipeline.errors import ApiProtocolError, PayloadTooLargeError

MAX_BODY_BYTES: Final = 64 * 2**20
"""About 67,000 links of 1 KB; memory stays below twice this."""

_ENCODINGS: Final = {"gzip", "x-gzip", "br", "deflate", "compress", "x-compress", "zstd", "dcb", "dcz", "exi"}
"""The registered names; servers also send `utf-8`, `none` or `identity` with a body that is not compressed."""

_PIECE: Final = 2**20
_GZIP: Final = 16 + zlib.MAX_WBITS


def read_body(encoding: str, chunks: Iterable[bytes], *, limit: int = MAX_BODY_BYTES) -> bytes:
    """The body's bytes, decompressed if `encoding` (the header Content-Encoding) names gzip.

    Raises:
        PayloadTooLargeError: more than `limit` bytes, compressed or decompressed.
        ApiProtocolError: compressed in a way that was not offered.
        Retryable: the compressed stream is damaged or truncated.

    """
    match [name for name in (part.strip().lower() for part in encoding.split(",")) if name in _ENCODINGS]:
        case []:
            pieces = iter(chunks)
        case ["gzip" | "x-gzip"]:
            pieces = _decompressed(chunks, limit)
        case names:
            raise ApiProtocolError(
                f"The answer is compressed as {', '.join(names)}, which was not offered; only gzip is understood.",
                remedy="Look for a proxy between this machine and the API that compresses answers anew.",
            )
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


def _decompressed(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """One gzip stream, or several one after the other, in pieces of at most 1 MiB."""
    stream, received = None, 0
    for chunk in chunks:
        received += len(chunk)
        if received > limit:
            raise _too_large(limit)
        rest = chunk
        while rest:
            if stream is None or stream.eof:
                stream = zlib.decompressobj(_GZIP)
            yield _piece(stream, rest)
            rest = stream.unused_data if stream.eof else stream.unconsumed_tail
    while stream is not None and not stream.eof:
        piece = _piece(stream, b"")
        if not piece and not stream.eof:
            raise _broken("is truncated")
        yield piece


def _piece(stream: zlib._Decompress, data: bytes) -> bytes:
    try:
        return stream.decompress(data, _PIECE)
    except zlib.error as problem:
        raise _broken("is damaged") from problem


def _too_large(limit: int) -> PayloadTooLargeError:
    """The error for a body of more than `limit` bytes."""
    return PayloadTooLargeError(
        f"The answer is larger than {limit // 2**20} MiB, which no page should be.",
        remedy="Lower INODE_PAGE_SIZE; if the page is small in a browser, ask the API's support.",
    )


def _broken(how: str) -> Retryable:
    return Retryable(
        ApiProtocolError(
            f"The answer's gzip stream {how} on every attempt.",
            remedy="Try again later; if it persists, look for a proxy between this machine and the API.",
        )
    )
