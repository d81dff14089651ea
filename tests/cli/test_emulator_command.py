"""`emulator` serves until it is stopped, and says how to use it."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import urllib.request


def test_it_says_how_to_use_it_and_stops_on_ctrl_c():
    """The first lines are settings to paste; the address works; Ctrl-C ends it with 0 and no traceback."""
    program = [sys.executable, "-m", "inode_pipeline", "emulator", "--port", "0", "--links", "3"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as served:
        first = served.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+/api/", first).group()
        lines = [served.stdout.readline() for _ in range(6)]
        request = urllib.request.Request(f"{address}v1/links/", headers={"Authorization": "Token demo-api-key"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            status = answer.status
        served.send_signal(signal.SIGINT)
        _, stderr = served.communicate(timeout=20)

    assert status == 200
    assert "Serving 3 synthetic links" in first
    assert f"export INODE_BASE_URL={address}\n" == lines[0]
    assert "INODE_API_KEY=demo-api-key" in lines[5]
    assert (served.returncode, stderr) == (0, "")


def test_a_port_in_use_is_reported(run):
    """Exit 2 and another port to choose."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("emulator", "--port", str(port))

    assert ended.code == 2
    assert ended.stderr.startswith(f"[ConfigError] Cannot listen on 127.0.0.1, port {port}: ")


def test_an_invalid_recording_is_reported(run, tmp_path):
    """Exit 2 with the format of a line."""
    (tmp_path / "file.ndjson").write_text("not json\n")
    ended = run("emulator", "--port", "0", "--recording", "file.ndjson")

    assert ended.code == 2
    assert ended.stderr.startswith("[ConfigError] The recording cannot be served")
