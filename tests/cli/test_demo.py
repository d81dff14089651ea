"""`demo` shows everything on this machine, without an account and without touching anything of the user's."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inode_pipeline.analysis.status import SAMPLING_OFF
from inode_pipeline.cli.demo import _remove_earlier as remove_earlier

FILE = Path("data") / "demo.db"
HOSTILE = {
    "INODE_API_KEY": "key",
    "INODE_BASE_URL": "https://api.invalid/",
    "INODE_TIMEZONE": "Nowhere/Else",
    "INODE_WAREHOUSE_URL": "nonsense",
    "INODE_PAGE_SIZE": "zero",
    "INODE_SYNC_SCHEDULE": "never",
}


@pytest.mark.slow
def test_it_loads_a_fresh_file_and_shows_it_twice(process):
    """Exit 0 with receipt, five links, the file and the next command; a second run starts afresh.

    Neither the caller's variables nor its `.env` are looked at, and nothing but the file is left behind.
    """
    Path(".env").write_text("INODE_SAMPLE_SCHEDULE=nonsense\nINODE_FIELD_MAP_FILE=none.toml\n")
    for _ in range(2):
        ended = process("demo", variables=HOSTILE)

        assert ended.code == 0, ended.stderr
        assert "received 300 records on 3 pages: 300 inserted, 0 updated, 0 unchanged" in ended.stdout
        assert "The 5 most congested links of the last hour" in ended.stdout
        assert f"{SAMPLING_OFF}\n" in ended.stdout
        assert "The tables are in data/demo.db" in ended.stdout
        assert ended.stdout.count("synthetic data: made from a seed, measured nowhere") == 3
        assert [line[:3] for line in ended.stderr.splitlines()] == ["1/3", "2/3", "3/3", ""]

    with sqlite3.connect(FILE) as connection:
        assert connection.execute("SELECT count(*) FROM links").fetchone() == (300,)
        assert connection.execute("SELECT count(*), min(trigger) FROM runs").fetchone() == (1, "person")
    connection.close()
    assert stat.S_IMODE(FILE.stat().st_mode) == 0o600
    assert sorted(path.name for path in Path().iterdir()) == [".env", "data"]
    assert process("status", variables={"INODE_WAREHOUSE_URL": f"sqlite:///{FILE}"}).code == 2  # because of its .env
    Path(".env").unlink()
    assert "Links: complete" in process("status", variables={"INODE_WAREHOUSE_URL": f"sqlite:///{FILE}"}).stdout


@pytest.mark.slow
def test_the_command_it_names_next_can_be_typed_as_it_stands():
    """Called by its path, as `make demo` does, it names a path that leads to itself from where the user stands."""
    script = os.path.relpath(Path(sys.executable).with_name("inode-pipeline"))
    shown = subprocess.run([script, "demo"], capture_output=True, text=True, check=True).stdout
    command = next(line for line in shown.splitlines() if line.startswith("  INODE_WAREHOUSE_URL="))

    assert f"sqlite:///{FILE} {script} status" in command
    assert "Links: complete" in subprocess.run(command, shell=True, capture_output=True, text=True, check=True).stdout


ANSWERED = {
    "corridor_period_daily": "dates", "corridor_reliability_monthly": "dates",
    "coverage_daily": "", "data_freshness": "", "link_congested_daily": "dates", "link_heat_map": "dates link",
    "link_history": "", "link_hourly": "dates", "link_reliability_monthly": "dates", "link_series": "dates link",
    "links_active": "", "links_never_reported": "", "network_monthly": "", "worst_corridors": "dates",
    "worst_links": "dates",
}  # fmt: skip
"""What a fortnight can answer at any hour. The others need changes, a study, an earlier month, six weeks, a year, or,
as `congested_now` does, the middle of the day."""


@pytest.mark.slow
def test_earlier_days_hold_nights_samples_and_roads(process):
    """Each date has its night and its samples of the peak hours, and the commands that are named next can be run."""
    ended = process("demo", "--days", "2", variables=HOSTILE)

    assert ended.code == 0, ended.stderr
    with sqlite3.connect(FILE) as connection:
        dates = connection.execute("SELECT count(DISTINCT snapshot_date) FROM loads").fetchone()
        triggers = dict(connection.execute("SELECT trigger, count(*) FROM runs WHERE outcome = 'ok' GROUP BY trigger"))
        roads = connection.execute("SELECT corridor_id FROM corridors ORDER BY corridor_id").fetchall()
    connection.close()
    assert dates == (2,)
    assert triggers["sample"] >= 32
    assert [("highway-15-eb",), ("highway-15-wb",), ("highway-16-nb",), ("highway-16-sb",)] == roads
    assert SAMPLING_OFF not in ended.stdout
    assert [line.split()[1:3] for line in ended.stdout.splitlines() if line.startswith("  INODE_")] == [
        ["inode-pipeline", "status"],
        ["inode-pipeline", "query"],
        ["inode-pipeline", "query"],
        ["inode-pipeline", "report"],
    ]


@pytest.mark.soak
def test_a_fortnight_answers_most_questions(process):
    """What `make demo` makes, in less than two minutes where nothing else is at work."""
    began = time.monotonic()
    ended = process("demo", "--days", "14")
    assert ended.code == 0, ended.stderr
    assert time.monotonic() - began < 120

    dates = re.findall(r"--param (?:from|to)=\S+", ended.stdout)[:2]
    options = {"dates": " ".join(dates), "link": "--param link_id=4002"}
    variables = {"INODE_WAREHOUSE_URL": f"sqlite:///{FILE}"}
    empty = []
    for name, needed in ANSWERED.items():
        asked = " ".join(options[option] for option in needed.split()).split()
        answer = process("query", name, "--format", "csv", *asked, variables=variables)
        if len(answer.stdout.splitlines()) < 2:
            empty.append((name, answer.stderr))
    assert empty == []


@pytest.mark.slow
def test_a_demo_that_was_killed_can_be_repeated():
    """What it left in the middle of its work is known as the demo's own, and removed by the next one."""
    with subprocess.Popen(
        [sys.executable, "-m", "inode_pipeline", "demo"], stderr=subprocess.PIPE, text=True
    ) as running:
        while not running.stderr.readline().startswith("2/3"):
            assert running.poll() is None
        running.kill()

    assert FILE.exists()
    remove_earlier(FILE)
    assert not list(FILE.parent.iterdir())


def test_a_file_that_is_not_the_demo_s_is_kept(run):
    """Exit 2; whatever stands there stays as it was."""
    FILE.parent.mkdir()
    FILE.write_bytes(b"something of mine, long enough to be mistaken for a database's header, which it is not" * 9)
    before = FILE.read_bytes()
    ended = run("demo")

    assert ended.code == 2
    assert "was not made by the demo; it was kept." in ended.stderr
    assert FILE.read_bytes() == before


def test_an_own_warehouse_of_that_name_is_kept(run, account, monkeypatch):
    """A real warehouse is not the demo's either."""
    monkeypatch.setenv("INODE_WAREHOUSE_URL", f"sqlite:///{FILE}")
    assert run("sync").code == 0

    assert run("demo").code == 2
    assert FILE.exists()
