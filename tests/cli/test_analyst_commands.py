"""`corridors import`, `calendar fill` and `baselines freeze`, as an analyst types them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from inode_pipeline.warehouse.analyst_tables import CALENDAR, CORRIDOR_LINKS, LINK_BASELINES
from inode_pipeline.warehouse.engine import reading, transaction
from inode_pipeline.warehouse.tables import LINKS_TABLE

HEADER = "corridor_id,name,direction,position,link_id,valid_from,valid_to\n"


@pytest.fixture
def place(migrated_url, warehouse, monkeypatch):
    """A warehouse of each kind in turn with the link 1; no credentials or zone are set."""
    monkeypatch.setenv("INODE_WAREHOUSE_URL", migrated_url)
    now = datetime(2026, 11, 23, tzinfo=UTC)
    row = {"link_id": "1", "name": "one", "record_hash": "r", "content_hash": "c"}
    seen = {"first_seen_at": now, "snapshot_at": now, "snapshot_date": now.date()}
    with transaction(warehouse) as connection:
        connection.execute(insert(LINKS_TABLE), row | seen)
    return warehouse


def count(warehouse, table) -> int:
    with reading(warehouse) as connection:
        return connection.scalar(select(func.count()).select_from(table))


def test_corridors_are_imported_or_each_bad_row_is_named(run, place):
    """Exit 0 and their number; or exit 2, a line for each bad row, and nothing is written."""
    Path("c.csv").write_text(HEADER + "a,A,,1,1,2026-01-01,\na,A,,2,7,2026-01-01,\n")
    refused = run("corridors", "import", "c.csv")
    assert refused.code == 2
    assert refused.stderr.startswith("[ConfigError] 'c.csv' was not imported: 1 of its rows is wrong.\nline 3: link_id")
    assert count(place, CORRIDOR_LINKS) == 0
    Path("c.csv").write_text(HEADER + "a,A,,1,1,2026-01-01,\n")
    for _ in range(2):
        done = run("corridors", "import", "c.csv")
        assert (done.code, done.stdout) == (0, "1 corridor with 1 link imported.\n")
    assert count(place, CORRIDOR_LINKS) == 1


def test_the_calendar_is_filled_with_the_holidays_of_the_setting(run, place, monkeypatch):
    """Exit 2 without the setting or with the dates swapped."""
    dates = ("--from", "2026-01-01", "--to", "2026-12-31")
    assert run("calendar", "fill", *dates).code == 2
    assert "INODE_HOLIDAYS is missing" in run("calendar", "fill", *dates).stderr
    monkeypatch.setenv("INODE_HOLIDAYS", "CA-ON")
    assert run("calendar", "fill", "--from", "2026-01-02", "--to", "2026-01-01").code == 2
    assert "365 dates written, with the holidays of CA-ON.\n" == run("calendar", "fill", *dates).stdout
    assert "0 dates written, with the holidays of CA-ON.\n" == run("calendar", "fill", *dates).stdout
    assert "365 dates written, with the holidays of CA-ON.\n" == run("calendar", "fill", *dates, "--replace").stdout
    with reading(place) as connection:
        labour_day = select(CALENDAR.c.name).where(CALENDAR.c.local_date == date(2026, 9, 7))
        assert "Labour Day" == connection.scalar(labour_day)


def test_baselines_are_frozen_or_an_error_says_why_not(run, place):
    """Exit 2 without a free flow or for an unknown method."""
    refused = run("baselines", "freeze", "--method", "configured")
    assert (2, True) == (refused.code, "No link has a free-flow travel time" in refused.stderr)
    assert run("baselines", "freeze", "--method", "guessed").code == 2
    assert run("baselines", "freeze", "--method", "p85_offpeak_speed", "--from", "2026-01-01").code == 2
    assert count(place, LINK_BASELINES) == 0


@pytest.mark.parametrize("arguments", [("corridors", "import"), ("calendar", "fill"), ("baselines", "freeze")])
def test_each_explains_itself(run, arguments):
    """`--help` works and lists `--debug`."""
    ended = run(*arguments, "--help")
    assert (0, True) == (ended.code, "--debug" in ended.stdout)


def test_a_sync_freezes_what_has_no_baseline_and_keeps_the_calendar(run, account, records, monkeypatch):
    """Editing a free flow between two syncs has no effect; the calendar has this year and the next."""
    monkeypatch.setenv("INODE_HOLIDAYS", "CA-ON")
    kept = "SELECT * FROM link_baselines ORDER BY link_id"
    for record in records:
        record["free_flow_speed"] = 50.0
    assert run("sync").code == 0
    baselines, dates = asked(kept), asked("SELECT min(local_date), max(local_date) FROM calendar")
    for record in records:
        record["free_flow_speed"] = 10.0
    assert run("sync").code == 0
    year = datetime.now(UTC).year
    assert [(f"{year}-01-01", f"{year + 1}-12-31")] == dates
    assert [(len(baselines), 10.0)] == asked("SELECT count(*), max(free_flow_speed_kmh) FROM links")
    assert baselines == asked(kept)
    assert {("configured", 1, 72.0)} == {row[1:4] for row in baselines}


def asked(question: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(Path("data") / "inode.db")) as connection:
        return connection.execute(question).fetchall()
