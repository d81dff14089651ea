"""Read the body of an answer whole, but never more of it than is sensible.

httpx and its relatives accept a compressed body that was cut off, and unpack one that has no end. Here the size is
bounded while unpacking, and a stream without its end is a broken transfer.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final, Protocol

from inode_pipeline.api.retry import Retryable
from inode_pipeline.errors import ApiProtocolError, PayloadTooLargeError

MAX_BODY_BYTES: Final = 64 * 2**20
"""Some 67,000 links of 1 KB; memory stays below twice this."""

_ENCODINGS: Final = {"gzip", "x-gzip", "br", "deflate", "compress", "x-compress", "zstd", "dcb", "dcz", "exi"}
"""Those that are registered; servers also write `utf-8`, `none` or `identity` there, of a body that is not packed."""

_PIECE: Final = 2**20
_GZIP: Final = 16 + zlib.MAX_WBITS


class _Decoder(Protocol):
    def feed(self, chunk: bytes) -> None: ...

    def finish(self) -> bytes: ...


def read_body(encoding: str, chunks: Iterable[bytes], *, limit: int = MAX_BODY_BYTES) -> bytes:
    """The body's bytes, unpacked if `encoding` (the header Content-Encoding) says that they are packed.

    Raises:
        PayloadTooLargeError: more than `limit` bytes, packed or unpacked.
        ApiProtocolError: packed in a way that we did not offer.
        Retryable: the packed stream is broken or has no end.

    """
    decoder: _Decoder
    match [name for name in (part.strip().lower() for part in encoding.split(",")) if name in _ENCODINGS]:
        case []:
            decoder = _Plain(limit)
        case ["gzip" | "x-gzip"]:
            decoder = _Gunzip(limit)
        case names:
            raise ApiProtocolError(
                f"The answer is packed as {', '.join(names)}, which was not offered; only gzip and plain are "
                "understood.",
                remedy="Look for a proxy between this machine and the API that packs answers anew.",
            )
    for chunk in chunks:
        decoder.feed(chunk)
    return decoder.finish()


class _Plain:
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._body = bytearray()

    def feed(self, chunk: bytes) -> None:
        self._body += chunk
        if len(self._body) > self._limit:
            raise too_large(self._limit)

    def finish(self) -> bytes:
        return bytes(self._body)


class _Gunzip(_Plain):
    """One gzip stream, or several one after the other."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._stream = zlib.decompressobj(_GZIP)
        self._is_begun = False
        self._packed = 0

    def feed(self, chunk: bytes) -> None:
        self._packed += len(chunk)
        if self._packed > self._limit:
            raise too_large(self._limit)
        while chunk:
            if self._stream.eof:
                self._stream = zlib.decompressobj(_GZIP)
            self._is_begun = True
            chunk = self._unpack(chunk)

    def finish(self) -> bytes:
        while not self._stream.eof and self._is_begun:
            before = len(self._body)
            self._unpack(b"")
            if len(self._body) == before:
                break
        if self._is_begun and not self._stream.eof:
            raise _broken("ends before its end")
        return super().finish()

    def _unpack(self, chunk: bytes) -> bytes:
        """Unpack one piece; the rest of the chunk."""
        try:
            super().feed(self._stream.decompress(chunk, _PIECE))
        except zlib.error as problem:
            raise _broken("is damaged") from problem
        return self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail


def too_large(limit: int) -> PayloadTooLargeError:
    """The error for a body of more than `limit` bytes."""
    return PayloadTooLargeError(
        f"The answer is larger than {limit // 2**20} MiB, which no page should be.",
        remedy="Lower INODE_PAGE_SIZE; if the page is small in a browser, ask the API's support.",
    )


def _broken(how: str) -> Retryable:
    return Retryable(
        ApiProtocolError(
            f"The answer's gzip stream {how}, every time.",
            remedy="Try again later; if it stays, look for a proxy between this machine and the API.",
        )
    )
