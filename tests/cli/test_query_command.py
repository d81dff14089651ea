"""`query` runs the analyst's queries for a terminal, a script and a spreadsheet."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import zipfile

import pyarrow.parquet
import pytest

from inode_pipeline.analysis.query import all_queries


@pytest.fixture
def synced(run, account, emulator):
    """A warehouse with one load of 30 links."""
    assert run("sync").code == 0


def test_without_a_name_it_lists_the_questions(run):
    """Each query with its parameters; no warehouse is needed."""
    ended = run("query")
    assert (ended.code, ended.stderr) == (0, "")
    for name, query in all_queries().items():
        assert f"{name}: {query.question}" in ended.stdout
    assert "link_id: one link" in ended.stdout


def test_an_answer_as_table_csv_and_json(run, synced):
    """The same 30 links; an empty table says that it is empty."""
    table = run("query", "links_active").stdout.splitlines()
    assert (len(table), table[0].split()[:2]) == (31, ["link_id", "name"])
    rows = list(csv.DictReader(io.StringIO(run("query", "links_active", "--format", "csv").stdout)))
    objects = run("query", "links_active", "--format", "json").json
    assert [row["link_id"] for row in rows] == [row["link_id"] for row in objects]
    assert len(objects) == 30
    assert run("query", "links_silent").stdout.splitlines()[-1] == "(no rows)"


def in_terminal(columns, *arguments):
    """The command's output on a terminal of this width."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    command = [sys.executable, "-m", "inode_pipeline", *arguments]
    with subprocess.Popen(command, stdout=inner, stderr=inner, stdin=subprocess.DEVNULL, env=environment) as process:
        os.close(inner)
        printed = b""
        with contextlib.suppress(OSError):  # raised on Linux when the other side has closed
            while part := os.read(outer, 65536):
                printed += part
        assert process.wait(60) == 0
    os.close(outer)
    return printed.decode().replace("\r\n", "\n")


def test_a_narrow_terminal_gets_a_block_of_lines_a_row(run, synced):
    """At 60 columns no line is wider and no number is truncated; the list of queries is wrapped as well."""
    answer = in_terminal(60, "query", "links_active", "--cite")
    blocks = answer.split("\n\n")
    wide = run("query", "links_active", "--format", "json").json[0]
    assert len(blocks) == 30
    assert dict(line.split(None, 1) for line in blocks[0].splitlines() if line[0] != " ")["link_id"] == wide["link_id"]
    assert "Data as of" in blocks[-1]
    for text in (answer, in_terminal(60, "query")):
        assert max(map(len, text.splitlines())) <= 60
    assert len(in_terminal(300, "query", "links_active").splitlines()) == 31


def test_an_answer_as_geojson_and_parquet(run, synced, tmp_path):
    """A feature or row for each of the 30 links; the missing folder of --output is created, as by `report`."""
    features = run("query", "links_active", "--format", "geojson").json["features"]
    assert len([feature for feature in features if feature["geometry"]["type"] == "LineString"]) == 30
    path = tmp_path / "not" / "there" / "links.parquet"
    assert run("query", "links_active", "--format", "parquet", "--output", str(path)).code == 0
    assert pyarrow.parquet.read_table(path).num_rows == 30
    assert list(path.parent.iterdir()) == [path]


def test_csv_for_excel_begins_with_a_byte_order_mark(run, synced, tmp_path):
    """Only with the option, and only for CSV."""
    path = tmp_path / "links.csv"
    assert run("query", "links_active", "--format", "csv", "--for-excel", "--output", str(path)).code == 0
    assert path.read_bytes().startswith(b"\xef\xbb\xbflink_id,name,")
    assert run("query", "links_active", "--format", "csv").stdout.startswith("link_id,name,")
    ended = run("query", "links_active", "--format", "json", "--for-excel")
    assert (ended.code, "--for-excel is for --format csv, not json" in ended.stderr) == (2, True)


def test_an_empty_month_is_explained_on_standard_error(run, synced):
    """On standard error, so that a script still gets an empty answer."""
    ended = run("query", "worst_links", "--param", "month=2020-01", "--format", "json")
    assert (ended.code, ended.json) == (0, [])
    assert "These months have some: " in ended.stderr


def test_units_may_be_of_the_us(run, synced, monkeypatch):
    """By the option or INODE_DISPLAY_UNITS; the option takes precedence."""
    metric = run("query", "links_active", "--format", "json").json[0]
    us = run("query", "links_active", "--format", "json", "--units", "us").json[0]
    assert metric["length_m"] / 1609.344 == pytest.approx(us["length_mi"])
    monkeypatch.setenv("INODE_DISPLAY_UNITS", "us")
    assert "free_flow_speed_mph" in run("query", "links_active", "--format", "json").json[0]
    assert "length_m" in run("query", "links_active", "--format", "json", "--units", "metric").json[0]


def test_an_excel_file_has_the_rows_and_the_citation(run, synced, tmp_path):
    """On two sheets; nothing is printed."""
    path = tmp_path / "links.xlsx"
    ended = run("query", "links_active", "--format", "xlsx", "--cite", "--output", str(path))
    assert (ended.code, ended.stdout, ended.stderr) == (0, "", "")
    with zipfile.ZipFile(path) as book:
        assert len([name for name in book.namelist() if name.startswith("xl/worksheets/sheet")]) == 2
        assert "Data as of" in book.read("xl/sharedStrings.xml").decode()
        rows = book.read("xl/worksheets/sheet1.xml").decode()
        styles = book.read("xl/styles.xml").decode()
    widths = [float(width) for width in re.findall(r'<col [^>]*width="([0-9.]+)"', rows)]
    assert (len(widths), "<autoFilter" in rows) == (7, True)
    assert min(widths) > 8
    assert ('wrapText="1"' in styles, 'formatCode="#,##0.00"' in styles or 'numFmtId="4"' in styles) == (True, True)


def test_a_citation_is_separate_from_the_rows(run, synced):
    """Below a table, and on standard error for CSV and JSON."""
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
def test_a_wrong_query_is_reported(run, synced, arguments, said):
    """Exit 2 and the reason; nothing on standard output."""
    ended = run("query", *arguments)
    assert (ended.code, ended.stdout) == (2, "")
    assert said in ended.stderr


def test_a_question_makes_no_warehouse(run, tmp_path, monkeypatch):
    """If there is no file, the error says how to get one."""
    path = tmp_path / "none.db"
    monkeypatch.setenv("INODE_WAREHOUSE_URL", f"sqlite:///{path}")
    ended = run("query", "links_active")
    assert ended.code == 1
    assert ended.stderr.startswith("[NotMigratedError] ")
    assert not path.exists()
