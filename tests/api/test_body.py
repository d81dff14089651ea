"""Unpacking a body: bounded while it grows, whole at its end."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inode_pipeline.api.body import read_body
from inode_pipeline.api.retry import Retryable
from inode_pipeline.errors import ApiProtocolError, PayloadTooLargeError


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@given(st.binary(max_size=3000), st.integers(1, 700), st.sampled_from(["", "identity", "gzip", "x-gzip", " GZIP"]))
def test_a_body_is_what_was_sent(content: bytes, size: int, encoding: str) -> None:
    """Packed or not, and however it is cut into pieces."""
    sent = gzip.compress(content) if "gzip" in encoding.lower() else content
    assert content == read_body(encoding, pieces(sent, size))


def test_several_gzip_streams_are_one_body() -> None:
    """Streams one after the other are allowed by the format."""
    assert read_body("gzip", [gzip.compress(b"a") + gzip.compress(b"b")]) == b"ab"


def test_a_packed_body_larger_than_a_piece_is_whole() -> None:
    """What one byte of input unpacks to may be more than is taken at a time."""
    content = b"\0" * (3 * 2**20 + 17)
    assert content == read_body("gzip", [gzip.compress(content, 9)])


@given(st.binary(min_size=1, max_size=500), st.data())
def test_m05_a_gzip_stream_without_its_end_is_broken(content: bytes, data: st.DataObject) -> None:
    """Wherever it is cut, and even if only the checksum is missing."""
    packed = gzip.compress(content)
    with pytest.raises(Retryable) as caught:
        read_body("gzip", [packed[: data.draw(st.integers(1, len(packed) - 1))]])
    assert isinstance(caught.value.error, ApiProtocolError)


@pytest.mark.parametrize(
    "content",
    [b"not gzip", gzip.compress(b"x" * 99)[:-8] + b"\0" * 8, gzip.compress(b"x") + b"y"],
    ids=["not gzip", "wrong trailer", "more behind it"],  # the stream itself holds the time at which it was packed
)
def test_m05_a_damaged_gzip_stream_is_broken(content: bytes) -> None:
    """A wrong header, a wrong checksum, or rubbish after the end."""
    with pytest.raises(Retryable):
        read_body("gzip", [content])


@pytest.mark.parametrize(
    "encoding", ["utf-8", "none", "identity, identity", "UTF-8", "binary", "8bit", "charset=utf-8"]
)
def test_m82_a_word_that_names_no_encoding_packs_nothing(encoding: str) -> None:
    """Servers write such words into Content-Encoding of bodies that are as they are."""
    assert read_body(encoding, [b"[]"]) == b"[]"
    assert read_body(f"{encoding}, gzip", [gzip.compress(b"[]")]) == b"[]"


@pytest.mark.parametrize("encoding", ["deflate", "br", "gzip, gzip", "zstd"])
def test_a_body_packed_in_another_way_is_refused(encoding: str) -> None:
    """Nothing but what we offered is guessed at."""
    with pytest.raises(ApiProtocolError, match=f"compressed as {encoding},"):
        read_body(encoding, [zlib.compress(b"x")])


def test_m45_a_body_is_refused_before_it_fills_the_memory() -> None:
    """The limit holds for what is unpacked, and reading stops there."""
    endless = iter(lambda: b"\0" * 1000, None)
    with pytest.raises(PayloadTooLargeError):
        read_body("", endless, limit=10_000)
    bomb = gzip.compress(b"\0" * 20_000_000)
    with pytest.raises(PayloadTooLargeError):
        read_body("gzip", [bomb], limit=1_000_000)
