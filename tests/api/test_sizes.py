"""Answers beyond every sensible size."""

from __future__ import annotations

import gzip
import resource
import socket
from collections.abc import Callable

import pytest

from inode_pipeline import errors
from inode_pipeline.api.client import INodeClient
from inode_pipeline.api.pagination import Page
from tests.api.raw import RawServer, after_login, answer

ClientFor = Callable[..., INodeClient]


def pages(client: INodeClient) -> list[Page]:
    return list(client.pages("v1/links/"))


def memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def bomb() -> bytes:
    return gzip.compress(b"[" + b"0," * 100_000_000 + b"0]", 1)


@pytest.mark.parametrize("kind", ["gzip bomb", "2 GB announced", "endless chunks", "endless body"])
def test_m45_an_answer_without_end_is_refused_in_little_memory(
    client_for: ClientFor, raw: RawServer, kind: str
) -> None:
    """The memory grows by less than 100 MB, and nothing is tried again."""
    packed = bomb() if kind == "gzip bomb" else b""
    megabyte = b" " * 2**20

    def play(connection: socket.socket, number: int) -> None:
        if kind == "gzip bomb":
            connection.sendall(answer(packed, "Content-Encoding: gzip"))
        elif kind == "endless chunks":
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                connection.sendall(b"100000\r\n" + megabyte + b"\r\n")
        else:
            length = "Content-Length: 2147483648\r\n" if kind == "2 GB announced" else ""
            connection.sendall(f"HTTP/1.1 200 OK\r\n{length}\r\n".encode())
            while True:
                connection.sendall(megabyte)

    raw.script = after_login(play)
    client = client_for(raw.base_url)
    client.log_in()
    before = memory_mb()
    with pytest.raises(errors.PayloadTooLargeError):
        pages(client)
    assert memory_mb() - before < 100
    assert client.tally.requests == 1
