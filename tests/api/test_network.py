"""What the network does to a request, and what becomes of it."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from inode_pipeline import __version__, errors
from inode_pipeline.api.client import INodeClient
from inode_pipeline.api.pagination import Page
from tests.api.raw import BODY, TOKEN, RawServer, after_login, answer, reset, times
from tests.api.servers import Links, Reply, ScriptedServer, Sent
from tests.api.stand_ins import FakeTime, leaks, told

ClientFor = Callable[..., INodeClient]


def pages(client: INodeClient) -> list[Page]:
    return list(client.pages("v1/links/"))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_m01_a_server_that_is_never_there_is_unreachable(client_for: ClientFor, fake_time: FakeTime, host: str) -> None:
    """Tried again with pauses, given up within a minute, and told with its address."""
    client = client_for(f"http://{host}:{free_port()}/api/")
    with pytest.raises(errors.ApiUnreachableError, match="INODE_BASE_URL"):
        pages(client)
    assert len(fake_time.sleeps) >= 3
    assert fake_time.elapsed <= 60


def test_m01_a_host_that_nobody_knows_is_unreachable(client_for: ClientFor) -> None:
    """The name is told, so that a typing error is seen."""
    with pytest.raises(errors.ApiUnreachableError, match=r"https://no-such-host\.invalid cannot be reached"):
        pages(client_for("https://no-such-host.invalid/api/"))


def test_m01_a_server_that_starts_late_is_reached(client_for: ClientFor, fake_time: FakeTime) -> None:
    """Refused connections are tried again."""
    port = free_port()
    client = client_for(f"http://127.0.0.1:{port}/api/")
    late: list[RawServer] = []

    def sleep(seconds: float) -> None:
        fake_time.sleep(seconds)
        if len(fake_time.sleeps) == 3:
            late.append(RawServer(port))
            late[0].script = times(0, reset)

    client._sleep = sleep
    assert pages(client)[0].answer.records == [{"id": 1}]
    late[0].close()


def test_the_deadline_bounds_what_patience_allows(client_for: ClientFor, fake_time: FakeTime) -> None:
    """A deadline shorter than the patience is not overshot by a single pause."""
    with pytest.raises(errors.ApiUnreachableError):
        pages(client_for(f"http://127.0.0.1:{free_port()}/api/", walk_deadline_s=5))
    assert fake_time.elapsed < 5


def test_unused_proxy_variables_are_told(client_for: ClientFor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sits behind a proxy learns that the environment's is not used."""
    monkeypatch.setenv("HTTPS_PROXY", "http://user:canary@127.0.0.1:1/")
    with pytest.raises(
        errors.ApiUnreachableError, match="HTTPS_PROXY is set in the environment but not used"
    ) as caught:
        pages(client_for(f"http://127.0.0.1:{free_port()}/api/"))
    assert not leaks(told(caught.value))


@pytest.mark.parametrize(
    "fault",
    [
        reset,
        lambda connection: connection.close(),
        lambda connection: (connection.sendall(answer(BODY[:-9], length=len(BODY))), connection.close()),
        lambda connection: (connection.sendall(answer(BODY[:-9], length=len(BODY))), reset(connection)),
        lambda connection: (
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + BODY[:5] + b"\r\n"),
            connection.close(),
        ),
        lambda connection: (connection.sendall(b"garbage\r\n\r\n"), connection.close()),
        lambda connection: connection.sendall(answer(gzip.compress(BODY)[:-8], "Content-Encoding: gzip")),
        lambda connection: connection.sendall(answer(gzip.compress(BODY)[:20], "Content-Encoding: gzip")),
    ],
    ids=["RST", "FIN", "short", "RST mid-body", "chunk", "garbage", "gzip trailer", "gzip half"],
)
def test_m02_m03_m05_a_broken_answer_is_asked_for_again(
    client_for: ClientFor, raw: RawServer, fault: Callable[[socket.socket], Any]
) -> None:
    """Whatever cut it, the same page is asked for until it is whole."""
    raw.script = times(2, fault)
    client = client_for(raw.base_url)
    assert pages(client)[0].answer.records == [{"id": 1}]
    assert (client.tally.requests, client.tally.retries, client.tally.logins) == (3, 2, 1)


def test_m02_a_connection_that_went_stale_is_replaced(client_for: ClientFor, raw: RawServer) -> None:
    """A server may close a connection that it kept open."""

    def script(connection: socket.socket, number: int) -> None:
        connection.sendall(answer(BODY))
        connection.close()

    raw.script = after_login(script)
    client = client_for(raw.base_url)
    assert 1 == len(pages(client)) == len(pages(client)) == len(pages(client))


def test_m03_an_answer_cut_every_time_means_unreachable(client_for: ClientFor, raw: RawServer) -> None:
    """It is no error of the API's content."""
    raw.script = times(99, reset)
    with pytest.raises(errors.ApiUnreachableError):
        pages(client_for(raw.base_url))


def test_m05_a_gzip_stream_cut_every_time_is_a_protocol_error(client_for: ClientFor, raw: RawServer) -> None:
    """Half an answer is never taken for a whole one."""
    raw.script = times(
        99, lambda connection: connection.sendall(answer(gzip.compress(BODY)[:-8], "Content-Encoding: gzip"))
    )
    with pytest.raises(errors.ApiProtocolError, match="is truncated"):
        pages(client_for(raw.base_url))


def drip(stopping: threading.Event, content: bytes, connection: socket.socket) -> None:
    for byte in content:
        if stopping.is_set():
            return
        connection.sendall(bytes([byte]))
        time.sleep(0.02)


@pytest.mark.parametrize("head", [0, len(answer(BODY)) - len(BODY)], ids=["from the first byte", "after the headers"])
def test_m06_a_slow_drip_is_cut_off_and_asked_for_again(client_for: ClientFor, raw: RawServer, head: int) -> None:
    """Each single byte comes in time, the whole answer does not: the request's whole time counts."""
    content = answer(BODY)
    raw.script = times(
        1, lambda connection: (connection.sendall(content[:head]), drip(raw.stopping, content[head:], connection))
    )
    begin = time.monotonic()
    assert len(pages(client_for(raw.base_url, request_timeout_s=0.3))) == 1
    assert time.monotonic() - begin < 3  # dripping on takes longer


def test_m06_a_server_that_hangs_is_given_up_at_the_deadline(client_for: ClientFor, raw: RawServer) -> None:
    """Within the deadline and a tenth, and the setting is named."""
    raw.script = after_login(lambda connection, number: raw.stopping.wait(5) and None)
    begin = time.monotonic()
    with pytest.raises(errors.TimeoutError, match="INODE_REQUEST_TIMEOUT_S"):
        pages(client_for(raw.base_url, real_time=True, walk_deadline_s=0.8, request_timeout_s=30))
    assert time.monotonic() - begin < 0.8 * 1.1 + 0.5  # the machine may be busy
    raw.stopping.set()


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (400, "<h1>Bad Request (400)</h1>", "INODE_PAGE_SIZE"),
        (404, {"detail": "Pas trouvé."}, "is not this API"),
        (404, "<!doctype html><h1>Not Found</h1>", "is not this API: it sent an HTML page"),
        (405, {"detail": "Method not allowed."}, "405"),
        (406, {"detail": "Could not satisfy."}, "406"),
        (415, {"detail": "Unsupported."}, "415"),
    ],
)
def test_m10_a_refused_first_page_is_final(
    client_for: ClientFor, server: ScriptedServer, status: int, body: object, says: str
) -> None:
    """Exactly one request, and the setting to look at is named."""
    server.pages = lambda sent: Reply(status, body)
    with pytest.raises(errors.ApiProtocolError, match="INODE_BASE_URL") as caught:
        pages(client_for(server.base_url))
    assert says in str(caught.value)
    assert len(server.page_requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("at_login", [True, False])
def test_a_redirect_is_an_error_that_names_its_target(
    client_for: ClientFor, server: ScriptedServer, status: int, at_login: bool
) -> None:
    """It is not followed, since the first address is wrong and the second may be another server's."""
    redirect = Reply(status, b"", {"Location": "/elsewhere/v1/links/?secret=canary"})
    server.pages = lambda sent: redirect
    if at_login:
        server.tokens = lambda sent: redirect
    with pytest.raises(errors.ApiProtocolError, match=r"/elsewhere/v1/links/; .*INODE_BASE_URL") as caught:
        pages(client_for(server.base_url))
    assert len(server.requests) - (not at_login) == 1
    assert not leaks(told(caught.value))


def test_a_proxy_is_used_when_it_is_set(client_for: ClientFor, server: ScriptedServer, raw: RawServer) -> None:
    """Only then, with its own password, which the API never sees."""

    def forward(connection: socket.socket, request: bytes, number: int) -> None:
        connection.sendall(answer(TOKEN if request.startswith(b"POST") else BODY))

    raw.script = forward
    client = client_for("http://127.0.0.1:9/api/", proxy=f"http://me:canary@127.0.0.1:{raw.port}/")
    assert len(pages(client)) == 1
    assert raw.received[-1].startswith(b"GET http://127.0.0.1:9/api/v1/links/?page_size=1000 ")
    assert b"Proxy-Authorization: Basic" in raw.received[-1]


def test_the_environment_changes_nothing(
    client_for: ClientFor, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Proxies, certificate bundles and passwords of the environment are not used."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login evil password evil\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "netrc"))
    Links(server, [1, 2])
    assert len(pages(client_for(server.base_url))) == 1
    assert server.page_requests[0].headers["authorization"] == "Bearer canary-token-1"


def test_what_is_sent_says_who_we_are(client_for: ClientFor, server: ScriptedServer) -> None:
    """The name and version, the purpose as a comment, JSON only, gzip only, no cookie."""
    Links(server, [1, 2])
    pages(client_for(server.base_url))
    pages(client_for(server.base_url, purpose="inspect"))
    agents = [sent.headers["user-agent"] for sent in server.requests]
    assert [f"inode-pipeline/{__version__}"] * 2 + [f"inode-pipeline/{__version__} (inspect)"] * 2 == agents
    headers = server.page_requests[0].headers
    assert (headers["accept"], headers["accept-encoding"]) == ("application/json", "gzip")


def test_no_cookie_is_kept(client_for: ClientFor, server: ScriptedServer) -> None:
    """A session that the server starts is not continued: every request stands for itself."""
    links = Links(server, list(range(7)))
    good = links.answer

    def with_cookie(sent: Sent) -> Reply:
        reply = good(sent)
        reply.headers["Set-Cookie"] = "sessionid=1; Path=/"
        return reply

    server.pages = with_cookie
    assert len(pages(client_for(server.base_url))) == 3
    assert not any("cookie" in sent.headers for sent in server.requests)


def test_m68_a_clock_that_jumps_does_no_harm(
    client_for: ClientFor, server: ScriptedServer, fake_time: FakeTime
) -> None:
    """Expiry, pauses and the deadline are measured on a clock that nobody can set."""
    links = Links(server, list(range(9)))
    links.before_page = lambda number: setattr(
        fake_time, "start", fake_time.start + timedelta(days=1 if number % 2 else -2)
    )
    client = client_for(server.base_url, concurrency=1)
    assert len(pages(client)) == 3
    assert client.tally.logins == 1
