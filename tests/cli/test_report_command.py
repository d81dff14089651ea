"""`report` needs only the warehouse, writes one file and prints its path."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

DEFAULT = Path("data") / "network_report.html"


@pytest.fixture
def synced(run, account, emulator, monkeypatch):
    """A warehouse with one load of 30 links; no credentials or zone are set afterwards."""
    monkeypatch.setenv("INODE_TIMEZONE", "Asia/Tokyo")
    assert run("sync").code == 0
    for name in (*account, "INODE_TIMEZONE"):
        if name != "INODE_WAREHOUSE_URL":
            monkeypatch.delenv(name)


def test_it_says_where_the_file_is(run, synced, tmp_path):
    """In data/ by default; times are in the warehouse's zone."""
    ended = run("report")
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"The report is in {tmp_path / DEFAULT} (")
    assert "All times are local to Asia/Tokyo." in DEFAULT.read_text(encoding="utf-8")

    ended = run("report", "--output", "reports/night.html")
    assert ended.stdout.startswith(f"The report is in {tmp_path / 'reports' / 'night.html'} (")
    assert Path("reports/night.html").is_file()


def test_units_are_those_of_the_option_or_of_the_setting(run, account, records, monkeypatch):
    """The option takes precedence. The legend has speeds if no free flow is known."""
    for record in records:
        record["last_updated"] = datetime.now(UTC).isoformat()
    assert run("sync").code == 0
    monkeypatch.setenv("INODE_DISPLAY_UNITS", "us")
    assert run("report", "--output", "us.html").code == 0
    assert run("report", "--output", "metric.html", "--units", "metric").code == 0
    assert "below 15 mph" in Path("us.html").read_text(encoding="utf-8")
    assert "below 20 km/h" in Path("metric.html").read_text(encoding="utf-8")


def test_synthetic_data_is_called_so(run, synced, tmp_path):
    """The report says so if the warehouse has the mark of the demo."""
    assert run("report").code == 0
    assert "Synthetic data" not in DEFAULT.read_text(encoding="utf-8")
    with closing(sqlite3.connect(tmp_path / "data" / "inode.db")) as connection:
        connection.execute(f"PRAGMA application_id = {0x494E4F44}")
    assert run("report").code == 0
    assert "<strong>Synthetic data:</strong> made from a seed, measured nowhere." in DEFAULT.read_text("utf-8")


def test_without_a_warehouse_it_says_how_to_get_one(run, tmp_path):
    """Neither the warehouse nor a report is created."""
    ended = run("report")
    assert (ended.code, ended.stdout) == (1, "")
    assert ended.stderr.startswith("[NotMigratedError] ")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(run, synced, tmp_path):
    """Exit 2 and what to do."""
    (tmp_path / "taken").write_text("")
    ended = run("report", "--output", "taken/report.html")
    assert (ended.code, ended.stdout) == (2, "")
    assert f"The report cannot be written to {tmp_path / 'taken' / 'report.html'}: " in ended.stderr
