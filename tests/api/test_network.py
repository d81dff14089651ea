"""What the network does to a request, and what becomes of it."""

from __future__ import annotations

import gzip
import json
import resource
import socket
import ssl
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from inode_pipeline import errors
from inode_pipeline.api.client import INodeClient
from inode_pipeline.api.pagination import Page
from tests.api.servers import Links, RawServer, Reply, ScriptedServer, Sent, reset
from tests.api.stand_ins import FakeTime, leaks, told

ClientFor = Callable[..., INodeClient]
BODY = json.dumps({"count": 1, "next": None, "previous": None, "results": [{"id": 1}]}).encode()
TOKEN = json.dumps({"access_token": "canary-token", "token_type": "Bearer", "expires_in": 36000}).encode()


def pages(client: INodeClient) -> list[Page]:
    return list(client.pages("v1/links/"))


def answer(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def after_login(script: Callable[[socket.socket, int], None]) -> Callable[[socket.socket, bytes, int], None]:
    """Give a token to whoever asks for one; the script plays each request for a page, counted from 1."""
    seen = 0

    def play(connection: socket.socket, request: bytes, _: int) -> None:
        nonlocal seen
        if request.startswith(b"POST"):
            connection.sendall(answer(TOKEN))
        else:
            seen += 1
            script(connection, seen)

    return play


def times(faults: int, fault: Callable[[socket.socket], None]) -> Callable[[socket.socket, bytes, int], None]:
    """Fail so many times, then answer well."""
    return after_login(
        lambda connection, number: fault(connection) if number <= faults else connection.sendall(answer(BODY))
    )


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
    late: list[socket.socket] = []

    def sleep(seconds: float) -> None:
        fake_time.sleep(seconds)
        if len(fake_time.sleeps) == 3:
            late.append(socket.create_server(("127.0.0.1", port)))
            threading.Thread(target=serve_once, args=(late[0],), daemon=True).start()

    client._sleep = sleep
    assert pages(client)[0].answer.records == [{"id": 1}]
    late[0].close()


def serve_once(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        for content in (TOKEN, BODY):
            connection.recv(65536)
            connection.sendall(answer(content))


def test_the_deadline_bounds_what_patience_allows(client_for: ClientFor, fake_time: FakeTime) -> None:
    """A deadline shorter than the patience is not overshot by a single pause."""
    with pytest.raises(errors.ApiUnreachableError):
        pages(client_for(f"http://127.0.0.1:{free_port()}/api/", walk_deadline_s=5))
    assert fake_time.elapsed < 5


def test_unused_proxy_variables_are_told(client_for: ClientFor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sits behind a proxy learns that the environment's is not used."""
    monkeypatch.setenv("HTTPS_PROXY", "http://user:canary@127.0.0.1:1/")
    with pytest.raises(
        errors.ApiUnreachableError, match="HTTPS_PROXY stands in the environment but is not used"
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
    with pytest.raises(errors.ApiProtocolError, match="ends before its end"):
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
    assert time.monotonic() - begin < 1.0


def test_m06_a_server_that_hangs_is_given_up_at_the_deadline(client_for: ClientFor, raw: RawServer) -> None:
    """Within the deadline and a tenth, and the setting is named."""
    raw.script = after_login(lambda connection, number: raw.stopping.wait(5) and None)
    begin = time.monotonic()
    with pytest.raises(errors.TimeoutError, match="INODE_REQUEST_TIMEOUT_S"):
        pages(client_for(raw.base_url, real_time=True, walk_deadline_s=0.8, request_timeout_s=30))
    assert time.monotonic() - begin < 0.8 * 1.1
    raw.stopping.set()


@pytest.fixture
def tls_server(tls_files: tuple[Path, Path]) -> Any:
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
    from inode_pipeline.api.trust import trusted_context

    assert trusted_context(client._settings).cert_store_stats()["x509_ca"] > 50


def test_plain_http_behind_an_https_address_is_a_tls_error(client_for: ClientFor, server: ScriptedServer) -> None:
    """A server that does not speak TLS is told apart from one that is away."""
    with pytest.raises(errors.TlsVerificationError):
        pages(client_for(server.base_url.replace("http:", "https:")))


def test_a_file_without_certificates_is_a_wrong_setting(client_for: ClientFor, tmp_path: Path) -> None:
    """INODE_CA_FILE is named before anything is sent."""
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(errors.ConfigError, match="INODE_CA_FILE"):
        client_for("https://127.0.0.1:1/api/", ca_file=tmp_path / "ca.pem")


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("kind", ["seconds", "date", "date without the server's"])
def test_m08_an_asked_pause_is_kept(
    client_for: ClientFor, server: ScriptedServer, fake_time: FakeTime, status: int, kind: str
) -> None:
    """In seconds or as a date, at least as long as asked, on whichever clock."""
    links = Links(server, [1, 2])
    good = links.answer

    def throttle(sent: Sent) -> Reply:
        if len(server.page_requests) > 1:
            return good(sent)
        now = fake_time.now() + timedelta(hours=0 if kind.endswith("server's") else 5)
        headers = {
            "Retry-After": "57" if kind == "seconds" else format_datetime(now + timedelta(seconds=57), usegmt=True)
        }
        if kind == "date":
            headers["Date"] = format_datetime(now, usegmt=True)
        return Reply(status, {"detail": "Throttled."}, headers)

    server.pages = throttle
    assert len(pages(client_for(server.base_url))) == 1
    assert 57 <= sum(fake_time.sleeps) < 59


@pytest.mark.parametrize("value", ["0", "-5", "soon", "", "1e3", "Mon, 99 Foo", None])
def test_m08_a_pause_that_makes_no_sense_is_replaced_by_our_own(
    client_for: ClientFor, server: ScriptedServer, fake_time: FakeTime, value: str | None
) -> None:
    """The page is asked for again after a pause of our own choice."""
    links = Links(server, [1, 2])
    good = links.answer
    headers = {} if value is None else {"Retry-After": value}
    server.pages = lambda sent: good(sent) if len(server.page_requests) > 3 else Reply(429, {}, headers)
    assert len(pages(client_for(server.base_url))) == 1
    assert len(fake_time.sleeps) == 3
    assert max(fake_time.sleeps) <= 30


@pytest.mark.parametrize("value", ["86400", "999999999999", "Fri, 01 Jan 2100 00:00:00 GMT"])
@pytest.mark.parametrize("at_login", [True, False])
def test_m08_a_pause_beyond_the_deadline_ends_the_run_at_once(
    client_for: ClientFor, server: ScriptedServer, fake_time: FakeTime, value: str, at_login: bool
) -> None:
    """Nobody waits for what cannot come in time; the message says until when."""
    refuse = Reply(429, {"detail": "Throttled."}, {"Retry-After": value})
    server.pages = lambda sent: refuse
    if at_login:
        server.tokens = lambda sent: refuse
    with pytest.raises(errors.RateLimitedError, match=r"until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"):
        pages(client_for(server.base_url))
    assert not fake_time.sleeps


def test_m08_an_asked_pause_does_not_use_up_patience(
    client_for: ClientFor, server: ScriptedServer, fake_time: FakeTime
) -> None:
    """A server that throttles for ten minutes is waited for."""
    links = Links(server, [1, 2])
    good = links.answer
    server.pages = lambda sent: good(sent) if len(server.page_requests) > 10 else Reply(429, {}, {"Retry-After": "60"})
    assert len(pages(client_for(server.base_url))) == 1
    assert fake_time.elapsed >= 600


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520])
def test_m09_a_server_in_trouble_is_asked_again(client_for: ClientFor, server: ScriptedServer, status: int) -> None:
    """Whatever it writes about its trouble."""
    links = Links(server, [1, 2])
    good = links.answer
    server.pages = lambda sent: good(sent) if len(server.page_requests) > 3 else Reply(status, "<h1>Oops</h1>")
    client = client_for(server.base_url)
    assert len(pages(client)) == 1
    assert (client.tally.requests, client.tally.retries) == (4, 3)


def test_m09_a_server_in_trouble_for_ever_is_quoted_cleanly(client_for: ClientFor, server: ScriptedServer) -> None:
    """At most 200 characters of a page of 200 kB, in one line, without mark-up, and without our secrets in it."""
    page = (
        "<html><head><style>body { x }</style></head><h1>Server\x1b[31m Error</h1>\r\n"
         "<p>token canary-token-1 and canary-secret-a%41+b:c and canary-secret-a%2541%2Bb%3Ac</p>"
        + "x " * 100_000
    )
    server.pages = lambda sent: Reply(500, page)
    with pytest.raises(errors.ApiUnavailableError) as caught:
        pages(client_for(server.base_url))
    assert "(500)" not in caught.value.message
    assert "answered 500" in caught.value.message
    assert "Server [31m Error token [secret] and [secret] and [secret] x x" in caught.value.message
    assert len(caught.value.message) < 300
    assert caught.value.message.isprintable()
    assert not leaks(told(caught.value))


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (400, "<h1>Bad Request (400)</h1>", "INODE_PAGE_SIZE"),
        (404, {"detail": "Pas trouvé."}, "is not this API"),
        (404, "<!doctype html><h1>Not Found</h1>", "is not this API: the server knows a page for people"),
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
    from inode_pipeline import __version__

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
