"""Read and decompress the body of a response, up to a limit.

httpx and similar libraries accept a truncated compressed body and decompress without limit. Here the size is limited
while decompressing, and a truncated stream is a broken transfer.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from inode_pipeline.api.retry import Retryable
from inode_pipeline.errors import ApiProtocolError, PayloadTooLargeError

MAX_BODY_BYTES: Final = 64 * 2**20
"""About 67,000 links of 1 KB; memory use stays below twice this."""

_ENCODINGS: Final = {"gzip", "x-gzip", "br", "deflate", "compress", "x-compress", "zstd", "dcb", "dcz", "exi"}
"""The registered encodings; servers also send `utf-8`, `none` or `identity` with an uncompressed body."""

_PIECE_BYTES: Final = 2**20
_GZIP: Final = 16 + zlib.MAX_WBITS


def read_body(encoding: str, chunks: Iterable[bytes], *, limit: int = MAX_BODY_BYTES) -> bytes:
    """Read the body and decompress it if `encoding` (the header Content-Encoding) is gzip.

    Raises:
        PayloadTooLargeError: the body has more than `limit` bytes, compressed or decompressed.
        ApiProtocolError: it is compressed in a way that was not offered.
        Retryable: the compressed stream is damaged or truncated.

    """
    match [name for name in (part.strip().lower() for part in encoding.split(",")) if name in _ENCODINGS]:
        case []:
            pieces = iter(chunks)
        case ["gzip" | "x-gzip"]:
            pieces = _decompressed(chunks, limit)
        case names:
            raise ApiProtocolError(
                f"The answer is compressed as {', '.join(names)}, which was not offered; only gzip is supported.",
                remedy="Look for a proxy between this machine and the API that recompresses answers.",
            )
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > limit:
            raise _too_large_error(limit)
    return bytes(body)


def _decompressed(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Decompress one or more consecutive gzip streams in pieces of at most 1 MiB."""
    stream, received = None, 0
    for chunk in chunks:
        received += len(chunk)
        if received > limit:
            raise _too_large_error(limit)
        rest = chunk
        while rest:
            if stream is None or stream.eof:
                stream = zlib.decompressobj(_GZIP)
            yield _decompress(stream, rest)
            rest = stream.unused_data if stream.eof else stream.unconsumed_tail
    while stream is not None and not stream.eof:
        piece = _decompress(stream, b"")
        if not piece and not stream.eof:
            raise _broken_stream_error("is truncated")
        yield piece


def _decompress(stream: zlib._Decompress, data: bytes) -> bytes:
    try:
        return stream.decompress(data, _PIECE_BYTES)
    except zlib.error as problem:
        raise _broken_stream_error("is damaged") from problem


def _too_large_error(limit: int) -> PayloadTooLargeError:
    """The error for a body of more than `limit` bytes."""
    return PayloadTooLargeError(
        f"The answer is larger than {limit // 2**20} MiB, too large for a page.",
        remedy="Lower INODE_PAGE_SIZE; if the page is small in a browser, ask the API's support.",
    )


def _broken_stream_error(how: str) -> Retryable:
    return Retryable(
        ApiProtocolError(
            f"The answer's gzip stream {how} on every attempt.",
            remedy="Try again later; if it persists, look for a proxy between this machine and the API.",
        )
    )
