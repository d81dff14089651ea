"""`sync` and `replay` in scripts: exit codes, outputs and the state of the tables."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

DATABASE = Path("data") / "inode.db"
RECEIPT = [
    "load_id",
    "walk_id",
    "endpoint",
    "snapshot_date",
    "snapshot_at",
    "verdict",
    "pages",
    "requests",
    "retries",
    "logins",
    "received",
    "rejected",
    "duplicate",
    "superseded",
    "inserted",
    "updated",
    "unchanged",
    "reopened",
    "vanished",
    "no_data",
    "observations_inserted",
    "observations_corrected",
    "seconds",
    "walks",
]


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def links() -> list[tuple[object, ...]]:
    with sqlite3.connect(DATABASE) as connection:
        rows = connection.execute("SELECT * FROM links ORDER BY link_id").fetchall()
    connection.close()
    return rows


def test_a_first_sync_prints_its_receipt(process, account):
    """Exit 0; the receipt on standard output, warnings on standard error, and no progress bar in a pipe."""
    ended = process("sync", variables=account)

    assert ended.code == 0
    assert f"links: snapshot of {today()}, taken at " in ended.stdout
    assert "received 30 records on 3 pages: 30 inserted, 0 updated, 0 unchanged" in ended.stdout
    assert "Sampling is off" in ended.stdout
    assert [line for line in ended.stderr.splitlines() if not line.startswith("warning: ")] == []
    assert len(links()) == 30


def test_json_prints_the_receipt_and_nothing_else(run, account):
    """All entries of the receipt, in order, in one object; a second sync writes no row."""
    first = run("sync", "--json")
    second = run("sync", "--json")

    assert (first.code, second.code) == (0, 0)
    assert list(first.json) == RECEIPT
    assert (first.json["inserted"], first.json["requests"], first.json["logins"]) == (30, 6, 1)
    assert [second.json[name] for name in ("inserted", "updated", "vanished", "unchanged")] == [0, 0, 0, 30]


def test_a_landed_date_is_loaded_again_as_one_object(run, account, emulator):
    """The receipts of its two walks are added up, without a request."""
    run("sync")
    run("sync")
    before = emulator.state.requests.copy()
    replayed = run("replay", "--from", today(), "--to", today(), "--json")

    assert replayed.code == 0
    assert [(receipt["requests"], receipt["walks"]) for receipt in replayed.json] == [(0, 1), (0, 1)]
    assert emulator.state.requests == before


def test_a_past_date_that_was_never_landed_stops(run, account, emulator):
    """Exit 1 with one clear sentence and without a request."""
    ended = run("sync", "--date", "2026-01-02")

    assert (ended.code, ended.stdout) == (1, "")
    assert ended.stderr.startswith("[NotLandedError] 2026-01-02 cannot be loaded: nothing was landed on it")
    assert ended.stderr.endswith("\nThe tables are unchanged.\n")
    assert not emulator.state.requests


WRONG = {
    "a wrong password": ({"INODE_PASSWORD": "canary-1"}, 1, "PasswordRejectedError", "INODE_PASSWORD"),
    "an unknown client": ({"INODE_CLIENT_ID": "nobody"}, 1, "ClientRejectedError", "INODE_CLIENT_ID"),
    "a refused scope": ({"INODE_SCOPE": "root"}, 1, "ScopeMissingError", "INODE_SCOPE"),
    "a missing zone": ({"INODE_BASE_URL": "https://api.invalid/"}, 2, "ConfigError", "INODE_TIMEZONE"),
    "a file that is no database": (
        {"INODE_WAREHOUSE_URL": "sqlite:///junk.db"},
        2,
        "ConfigError",
        "INODE_WAREHOUSE_URL",
    ),
    "a database away": (
        {"INODE_WAREHOUSE_URL": "postgresql://ann@127.0.0.1:1/x"},
        3,
        "WarehouseUnavailableError",
        "INODE_WAREHOUSE_URL",
    ),
    "an unwritable folder": (
        {"INODE_WAREHOUSE_URL": "sqlite:////proc/none/inode.db"},
        None,
        None,
        "INODE_WAREHOUSE_URL",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_m15_what_a_user_gets_wrong_names_the_setting(run, account, monkeypatch, name):
    """One message with the setting to check and the right exit code; no secret; the tables are unchanged."""
    variables, code, kind, setting = WRONG[name]
    Path("junk.db").write_text("no database " * 100)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)

    ended = run("sync", "--json")
    assert ended.code == code or (code is None and ended.code in (1, 2))
    assert kind is None or ended.stderr.startswith(f"[{kind}] ")
    assert setting in ended.stderr
    assert "\nThe tables are unchanged.\n" in ended.stderr
    assert "canary" not in ended.stdout + ended.stderr
    assert account["INODE_CLIENT_SECRET"] not in ended.stdout + ended.stderr
    assert list(ended.json) == ["error", "message", "remedy", "retryable", "data_as_of"]
    assert ended.json["retryable"] is (ended.code == 3)


def test_s1_no_secret_in_any_output(process, account):
    """Neither a successful nor a rejected run shows a password, secret or token, even with --debug."""
    refused = {**account, "INODE_PASSWORD": "canary-password", "INODE_CLIENT_SECRET": "canary-secret"}
    shown = ""
    for variables in (account, refused):
        ended = process("sync", "--json", "--debug", variables=variables)
        shown += ended.stdout + ended.stderr

    secrets = [account["INODE_PASSWORD"], account["INODE_CLIENT_SECRET"], "canary", "Bearer "]
    assert [secret for secret in secrets if secret in shown] == []


def test_a_failed_run_reports_the_date_of_the_data(run, account, records):
    """`data_as_of` of the failure is `snapshot_at` of the last receipt; the rows are unchanged."""
    receipt = run("sync", "--json").json
    before = links()
    del records[3:]
    ended = run("sync", "--json")

    assert (ended.code, ended.json["error"]) == (1, "SuspiciousShrinkError")
    assert ended.json["data_as_of"] == receipt["snapshot_at"]
    assert links() == before


def test_allow_shrink_loads_what_was_refused(run, account, records):
    """With the permission the same state of the API is loaded, and the missing links are marked as gone."""
    run("sync")
    del records[3:]
    assert run("sync").code == 1
    ended = run("sync", "--allow-shrink", "--json")

    assert (ended.code, ended.json["vanished"]) == (0, 27)


def test_replay_without_a_landed_date_stops(run, account):
    """Exit 1 for a range without landed dates, exit 2 for one that ends before it begins."""
    assert run("sync").code == 0

    nothing = run("replay", "--from", "2026-01-01", "--to", "2026-01-31")
    assert (nothing.code, nothing.stderr.partition("]")[0]) == (1, "[NotLandedError")
    backwards = run("replay", "--from", "2026-01-31", "--to", "2026-01-01")
    assert (backwards.code, backwards.stderr.partition("]")[0]) == (2, "[ConfigError")


def test_replay_needs_no_credentials(run, account, monkeypatch):
    """The warehouse is enough to load landed pages again."""
    run("sync")
    for name in account:
        if name != "INODE_WAREHOUSE_URL":
            monkeypatch.delenv(name)

    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    ended = run("replay", "--from", yesterday, "--to", today())
    assert ended.code == 0
    assert ended.stdout.endswith("1 walk loaded again.\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_m60_a_signal_ends_it_within_seconds_and_changes_nothing(account, emulator, number, code):
    """Stopped while waiting for a page: its own exit code, one line, and an empty table."""
    emulator.state.on_page = lambda *_: time.sleep(1)
    program = [sys.executable, "-m", "inode_pipeline", "sync"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        deadline = time.monotonic() + 30
        while not emulator.state.requests and time.monotonic() < deadline:
            time.sleep(0.05)
        running.send_signal(number)
        stdout, stderr = running.communicate(timeout=15)

    assert (running.returncode, stdout, stderr) == (code, "", "Stopped. The tables are unchanged.\n")
    assert links() == []


def test_a_terminal_gets_a_bar_and_a_pipe_does_not(account):
    """On a terminal, standard error shows the progress; standard output has only the receipt."""
    leader, follower = os.openpty()
    program = [sys.executable, "-m", "inode_pipeline", "sync", "--json"]
    environment = {**os.environ, "TERM": "xterm"}
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=follower, env=environment) as running:
        os.close(follower)
        drawn = b""
        while chunk := _read(leader):
            drawn += chunk
        stdout, _ = running.communicate(timeout=60)
    os.close(leader)

    assert json.loads(stdout)["inserted"] == 30
    assert b"\x1b[" in drawn


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end is closed
        return b""
