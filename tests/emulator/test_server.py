"""The emulator as a server: it starts at once, stops cleanly, counts, and can be led by a test."""

from __future__ import annotations

import gc
import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from inode_pipeline.emulator import EmulatorConfig, EmulatorServer


def open_sockets() -> int:
    """How many sockets this process holds."""
    descriptors = [path for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return sum(str(path.readlink()).startswith("socket:") for path in descriptors)


def test_server_starts_at_once_and_leaves_no_thread_or_socket_behind():
    """Under 0.3 s to start; afterwards everything is as before, though a client still held its connection."""
    gc.collect()
    before = open_sockets(), threading.active_count()
    config = EmulatorConfig()
    took = []
    for _ in range(3):  # the first also imports what is imported late
        began = time.monotonic()
        server = EmulatorServer(config).start()
        took.append(time.monotonic() - began)
        with httpx.Client(trust_env=False) as client:
            assert client.get(server.base_url + "v1/links/").status_code == 401
            server.stop()
        server.stop()
    gc.collect()
    assert min(took) < 0.3
    assert (open_sockets(), threading.active_count()) == before
    with pytest.raises(RuntimeError):
        _ = server.base_url


def test_server_leaves_logging_and_signals_alone():
    """No handler, level or signal of the process changes."""

    def state() -> list[object]:
        loggers = [logging.getLogger(), *(logging.getLogger(name) for name in ("uvicorn", "uvicorn.error"))]
        return [(one.handlers[:], one.level, one.propagate) for one in loggers] + [
            signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)
        ]

    before = state()
    with EmulatorServer(EmulatorConfig(links=0)):
        assert state() == before
    assert state() == before


def test_server_stops_when_the_answer_under_way_is_given(visit):
    """A slow answer is still given, and holds the end up no longer than that."""
    server = EmulatorServer(EmulatorConfig(links=1, latency_s=0.4)).start()
    visitor = visit(server).use_api_key()
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(visitor.get().status_code))
    thread.start()
    time.sleep(0.1)
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 2
    thread.join()
    assert answers == [200]


def test_server_drops_a_client_that_does_not_read_its_answer():
    """Who holds the connection without reading is cut off after a second."""
    server = EmulatorServer(EmulatorConfig(links=20_000, pagination="none")).start()
    address = httpx.URL(server.base_url)
    with socket.create_connection((address.host, address.port or 0)) as client:
        client.sendall(b"GET /api/v1/links/ HTTP/1.1\r\nHost: x\r\nAuthorization: Token demo-api-key\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 3
    assert server.state.pages_served == 1


def test_port_that_is_taken_is_an_error():
    """The port can be chosen, and a taken one is said."""
    with EmulatorServer(EmulatorConfig(links=0)) as server:
        port = int(server.base_url.split(":")[2].split("/")[0])
        with pytest.raises(OSError, match="in use"):
            EmulatorServer(EmulatorConfig(links=0), port=port).start()


def test_requests_are_counted_by_kind_with_target_and_status(emulate):
    """Every answered request is noted in order, refused ones too."""
    visitor = emulate(links=3).log_in()
    visitor.get("?page=1")
    visitor.get("?page=2")
    visitor.token(password="no")
    visitor.http.get("nowhere/")
    assert visitor.state.requests == [
        ("POST", "/api/oauth/token/", 200),
        ("GET", "/api/v1/links/?page=1", 200),
        ("GET", "/api/v1/links/?page=2", 404),
        ("POST", "/api/oauth/token/", 400),
        ("GET", "/api/nowhere/", 404),
    ]
    counts = visitor.state.token_requests, visitor.state.page_requests, visitor.state.pages_served, visitor.state.logins
    assert counts == (2, 2, 1, 1)


def test_hook_runs_after_each_page_with_its_number_before_the_next_page_is_cut(emulate):
    """A hook may change records or revoke tokens between two pages."""
    visitor = emulate(links=30, page_size=10).log_in()
    visitor.state.freeze()
    numbers: list[int] = []

    def hook(number: int) -> None:
        numbers.append(number)
        if number == 2:
            visitor.state.revoke_tokens()

    visitor.state.on_page = hook
    first = visitor.get().json()
    second = visitor.http.get(first["next"]).json()
    assert visitor.http.get(second["next"]).status_code == 401
    assert visitor.http.get(second["next"]).status_code == 401
    assert visitor.log_in().http.get(second["next"]).json()["next"] is None
    assert visitor.http.get(second["next"].replace("links", "nothing")).status_code == 404  # looked at after the hook
    assert numbers == [1, 2, 3]


def test_what_a_hook_raises_comes_up_where_the_emulator_ends(visit):
    """An assertion in a hook fails the test, not the server."""

    def hook(number: int) -> None:
        raise AssertionError(f"page {number}")

    def read_two_pages() -> None:
        with EmulatorServer(EmulatorConfig(links=1)) as server:
            server.state.on_page = hook
            visitor = visit(server).use_api_key()
            assert [visitor.get().status_code, visitor.get().status_code] == [200, 200]

    with pytest.raises(AssertionError, match="page 1"):
        read_two_pages()


def test_time_that_is_given_decides_what_is_measured(emulate):
    """`now` can be injected, and the same time gives the same bytes from another server."""
    at = [datetime(2026, 6, 10, 12, 7, tzinfo=UTC)]
    visitors = [emulate(now=lambda: at[0]).use_api_key() for _ in range(2)]
    first = visitors[0].get().content
    assert visitors[1].get().content.replace(visitors[1].server.base_url.encode(), b"") == first.replace(
        visitors[0].server.base_url.encode(), b""
    )
    assert {record["last_updated"] for record in visitors[0].records()} >= {"2026-06-10T12:05:00Z"}
    at[0] += timedelta(minutes=5)
    assert {record["last_updated"] for record in visitors[0].records()} >= {"2026-06-10T12:10:00Z"}


def test_unknown_address_is_not_found_and_another_method_not_allowed(emulate):
    """Only the token endpoint, the list and `/emulator/next` are there."""
    visitor = emulate(links=0)
    assert [visitor.http.get(address).status_code for address in ("v1/devices/", "v1/links", "")] == [404] * 3
    assert visitor.http.post("v1/links/").status_code == 405
    assert visitor.http.get("oauth/token/").status_code == 405


@pytest.mark.parametrize(
    "settings",
    [{"pagination": "pages"}, {"links": -1}, {"page_size": 0}, {"max_page_size": 0}],
)
def test_setting_out_of_range_is_refused_by_name(settings):
    """What cannot be served is said at once."""
    with pytest.raises(ValueError, match=next(iter(settings))):
        EmulatorConfig(**settings)


@pytest.mark.parametrize(
    ("ending", "outcome"), [(signal.SIGINT, ("ended\n", "", 0)), (signal.SIGTERM, ("", "", -signal.SIGTERM))]
)
def test_serving_in_the_foreground_announces_its_address_and_ends_on_a_signal(ending, outcome):
    """Ctrl-C returns to the caller without a traceback; SIGTERM ends the process as silently."""
    program = (
        "from inode_pipeline.emulator import EmulatorConfig, serve\n"
        "serve(EmulatorConfig(links=2), announce=lambda url: print(url, flush=True))\n"
        "print('ended', flush=True)\n"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=root,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        answer = httpx.get(f"{url}v1/links/", headers={"Authorization": "Token demo-api-key"}, trust_env=False)
        process.send_signal(ending)
        output, errors = process.communicate(timeout=20)
    assert answer.json()["count"] == 2
    assert (output, errors, process.returncode) == outcome


def test_ipv6_address_can_be_served():
    """A host with colons is put into brackets."""
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6 loopback")
    program = (
        "from inode_pipeline.emulator import EmulatorConfig, serve\n"
        "serve(EmulatorConfig(links=0), '::1', announce=lambda url: print(url, flush=True))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert httpx.get(url, trust_env=False).status_code == 404
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert url.startswith("http://[::1]:")
