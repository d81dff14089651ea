"""`inspect` shows the fields of a page, never a value, and writes a usable field map."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from inode_pipeline.endpoints.fieldmap import read_field_map


def test_each_field_is_shown_with_the_column_it_feeds(run, account, records):
    """Path, types, share of nulls, column or extra; columns without a field are listed."""
    records[0]["colour"] = "canary-value"
    records[1]["last_speed"] = None
    ended = run("inspect")

    assert (ended.code, ended.stderr) == (0, "")
    assert re.search(r"distance +number +0% +length_m", ended.stdout)
    assert re.search(r"last_speed +number, null +10% +last_speed_kmh", ended.stdout)
    assert re.search(r"colour +text +90% +extra", ended.stdout)
    assert "Columns without a field: status" in ended.stdout
    assert "canary-value" not in ended.stdout


def test_it_asks_for_one_page_and_writes_nothing(run, account, emulator):
    """The server gets one request for a page, and no warehouse is created."""
    assert run("inspect").code == 0

    assert emulator.state.page_requests == 1
    assert not Path("data").exists()


def test_the_map_it_writes_can_be_used(run, account, records, monkeypatch):
    """`--write` creates a valid field map with the fields of the page; a sync with it succeeds."""
    ended = run("inspect", "--write", "fields.toml")

    assert ended.code == 0
    assert "INODE_FIELD_MAP_FILE=fields.toml" in ended.stdout
    assert "links" in read_field_map(Path("fields.toml")).overrides
    monkeypatch.setenv("INODE_FIELD_MAP_FILE", "fields.toml")
    assert run("sync", "--json").json["inserted"] == 30


def test_an_existing_file_is_kept(run, account, emulator):
    """Exit 2 before any request."""
    Path("fields.toml").write_text("mine")
    ended = run("inspect", "--write", "fields.toml")

    assert (ended.code, Path("fields.toml").read_text()) == (2, "mine")
    assert "was kept" in ended.stderr
    assert not emulator.state.requests


def test_a_landed_walk_can_be_inspected_without_the_api(run, account, emulator, monkeypatch):
    """The walk's id and the warehouse are enough to show the same fields."""
    assert run("sync").code == 0
    with sqlite3.connect("data/inode.db") as connection:
        ((walk_id,),) = connection.execute("SELECT walk_id FROM walks")
    connection.close()
    shown = run("inspect").stdout
    for name in account:
        if name != "INODE_WAREHOUSE_URL":
            monkeypatch.delenv(name)

    assert run("inspect", "--walk", walk_id).stdout == shown
    assert run("inspect", "--walk", "none").stderr.startswith("[ConfigError] There is no landed walk with this id.")


def test_m46_names_of_fields_cannot_colour_the_terminal(run, account, records):
    """Control characters in a field's name are replaced."""
    records[0]["a\x1b[31mb"] = 1
    ended = run("inspect")

    assert "\x1b" not in ended.stdout
    assert "a?[31mb" in ended.stdout
