"""`query` answers the analyst's questions on a terminal, for a script and for a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import pytest

from inode_pipeline.analysis.query import all_queries


@pytest.fixture
def synced(run, account, emulator):
    """A warehouse with one load of 30 links."""
    assert run("sync").code == 0


def test_without_a_name_it_lists_the_questions(run):
    """Each with its parameters; no warehouse is needed."""
    ended = run("query")
    assert (ended.code, ended.stderr) == (0, "")
    for name, query in all_queries().items():
        assert f"{name}: {query.question}" in ended.stdout
    assert "link_id: one link" in ended.stdout


def test_an_answer_as_table_csv_and_json(run, synced):
    """The same 30 links; the table says when there are none."""
    table = run("query", "links_active").stdout.splitlines()
    assert (len(table), table[0].split()[:2]) == (31, ["link_id", "name"])
    rows = list(csv.DictReader(io.StringIO(run("query", "links_active", "--format", "csv").stdout)))
    objects = run("query", "links_active", "--format", "json").json
    assert [row["link_id"] for row in rows] == [row["link_id"] for row in objects]
    assert len(objects) == 30
    assert run("query", "link_history", "--param", "link_id=none").stdout.splitlines()[-1] == "(no rows)"


def test_units_may_be_of_the_us(run, synced, monkeypatch):
    """By option or by INODE_DISPLAY_UNITS; the option wins."""
    metric = run("query", "links_active", "--format", "json").json[0]
    us = run("query", "links_active", "--format", "json", "--units", "us").json[0]
    assert metric["length_m"] / 1609.344 == pytest.approx(us["length_mi"])
    monkeypatch.setenv("INODE_DISPLAY_UNITS", "us")
    assert "free_flow_speed_mph" in run("query", "links_active", "--format", "json").json[0]
    assert "length_m" in run("query", "links_active", "--format", "json", "--units", "metric").json[0]


def test_an_excel_file_has_the_rows_and_the_citation(run, synced, tmp_path):
    """Two sheets; to a terminal's place nothing is printed."""
    path = tmp_path / "links.xlsx"
    ended = run("query", "links_active", "--format", "xlsx", "--cite", "--output", str(path))
    assert (ended.code, ended.stdout, ended.stderr) == (0, "", "")
    with zipfile.ZipFile(path) as book:
        assert len([name for name in book.namelist() if name.startswith("xl/worksheets/sheet")]) == 2
        assert "Data as of" in book.read("xl/sharedStrings.xml").decode()


def test_a_citation_stands_apart_from_the_rows(run, synced):
    """Under a table, and on standard error beside CSV and JSON."""
    assert "Data as of" in run("query", "data_freshness", "--cite").stdout
    ended = run("query", "data_freshness", "--cite", "--format", "json")
    assert json.loads(ended.stdout)[0]["links_expected"] == 30
    assert "Data as of" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nonsense",), "no query 'nonsense'"),
        (("link_history", "--param", "colour=red"), "no parameter 'colour'"),
        (("link_history", "--param", "link_id"), "has no value"),
        (("link_history", "--param", "since=soon"), "is not a date"),
    ],
)
def test_what_cannot_be_asked_is_told(run, synced, arguments, said):
    """Exit 2 and what is wrong; nothing on standard output."""
    ended = run("query", *arguments)
    assert (ended.code, ended.stdout) == (2, "")
    assert said in ended.stderr


def test_a_question_makes_no_warehouse(run, tmp_path, monkeypatch):
    """Without a file the error says how to get one."""
    path = tmp_path / "none.db"
    monkeypatch.setenv("INODE_WAREHOUSE_URL", f"sqlite:///{path}")
    ended = run("query", "links_active")
    assert ended.code == 1
    assert ended.stderr.startswith("[NotMigratedError] ")
    assert not path.exists()
