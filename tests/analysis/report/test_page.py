"""The page escapes every text, runs and fetches nothing, and has words for every state of the warehouse."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from sqlalchemy import update

from inode_pipeline.analysis.query import all_queries, ask
from inode_pipeline.analysis.receipts import lines
from inode_pipeline.analysis.report import write_report
from inode_pipeline.analysis.report.links import US
from inode_pipeline.analysis.report.page import MAX_ROWS
from inode_pipeline.analysis.status import SAMPLING_OFF
from inode_pipeline.config import LocalSettings
from inode_pipeline.errors import ConfigError
from inode_pipeline.warehouse.analyst_tables import INDEX_RULES
from inode_pipeline.warehouse.engine import transaction
from inode_pipeline.warehouse.runs import this_process
from inode_pipeline.warehouse.tables import LINKS_TABLE, RUNS

FIVE_THOUSAND_LINKS_MB = 6


class Reader(HTMLParser):
    """Parses the page: elements with their attributes, and the text in each element."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[str] = []
        self._open: list[str] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)
        if tag in ("th", "h3"):
            self.headings.append("")
        if tag in ("dd", "td"):
            self.words += " "

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if {"th", "h3"} & set(self._open):
            self.headings[-1] += data
        if "style" not in self._open:
            self.words += data


def words(html: str) -> str:
    """The text of the page with normalised white space."""
    return " ".join(Reader(html).words.split())


def test_the_page_shows_the_rows_of_the_views_in_their_order(warehouse, fill, html, read):
    """Changes, silent links, worst links and the receipt, name by name and line by line."""
    fill(warehouse)
    with transaction(warehouse) as connection:
        connection.execute(update(LINKS_TABLE).values(name=LINKS_TABLE.c.name + " & Co."))
    made = html(warehouse)
    reader = Reader(made)
    contents = read(warehouse)
    worst = [f"{number} {row['name']}" for number, row in enumerate(contents.network.worst.rows, start=1)]
    assert [heading for heading in reader.headings if re.match(r"\d", heading)] == worst
    said = words(made)
    places = [said.index(f"{row['name']} (") for row in contents.network.links_never_reported.records()]
    assert len(places) > 0
    assert places == sorted(places)
    assert all(line in said for line in lines(contents.receipt, contents.zone))
    congested = ask(warehouse, all_queries()["congested_now"], {"limit": "1000"})
    assert f"slower than 90 % of free flow {len(congested.rows)}" in said


def test_a_list_that_is_long_is_cut_and_says_so(warehouse, books, fill, html, read):
    """The first rows, and the query that returns all of them."""
    fill(warehouse)
    for number in range(MAX_ROWS + 1):
        books.link(f"x{number:02}", name=f"Unheard {number:02}")
    said = words(html(warehouse))
    never = read(warehouse).network.links_never_reported.rows
    assert f"{MAX_ROWS} of {len(never)} are shown. All of them: inode-pipeline query links_never_reported" in said


def test_hostile_names_are_text_and_nothing_else(warehouse, fill, html, hostile_records):
    """They create no element or attribute, and bidirectional and control characters are shown as question marks."""
    fill(warehouse, records=hostile_records)
    made = html(warehouse)
    tags = {tag for tag, _ in Reader(made).elements}
    assert tags & {"script", "a", "b", "iframe", "object", "link", "base", "form"} == set()
    assert {
        attribute for _, attributes in Reader(made).elements for attribute in attributes if attribute[:2] == "on"
    } == set()
    for record in hostile_records:
        shown = "".join(each if each.isprintable() else "?" for each in record["name"])
        assert " ".join(shown.split()) in words(made)
    assert not {"\u202e", "\x1b"} & set(made)


def test_nothing_is_fetched_and_nothing_may_run(warehouse, fill, html):
    """Every source is a data address, there is no script, and the policy of the page forbids both."""
    fill(warehouse)
    made = html(warehouse)
    elements = Reader(made).elements
    sources = [
        attributes[name] for _, attributes in elements for name in ("src", "href", "action") if name in attributes
    ]
    policies = [attributes["content"] for tag, attributes in elements if attributes.get("http-equiv")]
    assert {source.split(",")[0] for source in sources} == {"data:image/svg+xml;base64"}
    assert policies == [
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    ]
    assert re.findall(r"url\(|@import|<script|<link", made) == []


def test_it_has_a_language_a_title_a_zone_and_words_for_each_picture(warehouse, fill, html):
    """What a screen reader and a reader in another place need."""
    fill(warehouse)
    elements = Reader(html(warehouse)).elements
    assert ("html", {"lang": "en"}) in elements
    assert all(attributes["alt"] for tag, attributes in elements if tag == "img")
    said = words(html(warehouse))
    assert said.startswith("Network report, data as of 2026-11-24 22:17 ")
    assert "Data as of 2026-11-24 22:17 (UTC). Complete: 40 links" in said
    assert "All times are local to UTC." in said


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (
            {"outcome": "failed", "error": "ApiUnreachableError", "message": "No <answer>. Wait."},
            "FAILED: [ApiUnreachableError] No <answer>. Wait.",
        ),
        ({"process": this_process().rsplit(":", 2)[0] + ":1:1"}, "was KILLED before it ended"),
    ],
    ids=["failed", "killed"],
)
def test_a_failed_run_is_a_red_banner_with_the_date_of_the_data(warehouse, fill, html, books, values, reason, read):
    """It has the date of the data, why the run failed, and that the tables are safe."""
    fill(warehouse)
    books.run("late", read(warehouse).receipt.snapshot_at + timedelta(days=2), **values)
    [banner] = re.findall(r'<div class="banner failure" role="alert">(.+?)</div>', html(warehouse), re.DOTALL)
    said = words(banner)
    assert said.startswith("The last run failed: this page shows the data of 2026-11-24 22:17 (UTC).")
    assert reason in said
    assert said.endswith("safe to use.")


def test_a_good_run_has_no_banner(warehouse, fill, html):
    """Neither for a failure nor for synthetic data."""
    fill(warehouse)
    assert "banner failure" not in html(warehouse)
    assert "Synthetic" not in html(warehouse)


def test_while_sampling_is_off_the_report_says_what_cannot_be_known(warehouse, fill, html):
    """And no longer once a sample is loaded."""
    fill(warehouse)
    assert SAMPLING_OFF in words(html(warehouse))
    with transaction(warehouse) as connection:
        connection.execute(update(RUNS).values(trigger="sample"))
    assert SAMPLING_OFF not in words(html(warehouse))


def test_nothing_measured_is_said_first(warehouse, fill, html):
    """Before how complete the data is; the page says that no link is ranked because none was measured."""
    records = [{"id": number, "name": f"Link {number}", "distance": 1000.0} for number in range(5)]
    fill(warehouse, records=records)
    said = words(html(warehouse))
    assert said.index("Nothing is measured: none of the 5 links has a speed") < said.index("Data as of")
    assert "No link was measured in the hour before 2026-11-24 22:17, so none can be ranked" in said


def test_the_threshold_of_index_rules_is_the_one_of_words_colours_and_counts(warehouse, fill, html):
    """The tile counts the rows of congested_now, whatever the threshold is."""
    fill(warehouse)
    with transaction(warehouse) as connection:
        rule = INDEX_RULES.c.name == "congested_threshold_pct"
        connection.execute(update(INDEX_RULES).where(rule).values(value=60.0))
    said = words(html(warehouse))
    congested = ask(warehouse, all_queries()["congested_now"], {"limit": "1000"})
    assert f"slower than 60 % of free flow {len(congested.rows)}" in said
    assert "below 60 % counts as congested" in said
    assert "50 to 60 %:" in said
    assert "90 %" not in said
    with transaction(warehouse) as connection:
        connection.execute(update(LINKS_TABLE).values(last_speed_kmh=LINKS_TABLE.c.free_flow_speed_kmh))
    assert "links measured in the hour before 2026-11-24 22:17 is slower than 60 % of" in words(html(warehouse))


def test_the_networks_name_is_in_the_title(warehouse, fill, html):
    """If one is set, as text."""
    fill(warehouse)
    made = html(warehouse, network_name="<b>Northfield</b>")
    assert words(made).startswith("Network report: <b>Northfield</b>, data as of 2026-11-24 22:17 ")
    assert "<h1><bdi>Network report: &lt;b&gt;Northfield&lt;/b&gt;</bdi></h1>" in made


def test_definitions_define(warehouse, fill, html):
    """Each term has a meaning, including those that the page counts."""
    fill(warehouse)
    made = html(warehouse)
    terms = re.findall(r"<dt>([A-Z][^<]*)</dt><dd>([^<]+)</dd>", made)
    assert {"Free flow", "Congested", "Silent", "Never measured", "Change"} <= {term for term, _ in terms}
    assert all(len(meaning) > 10 for _, meaning in terms)


def test_nothing_loaded_says_what_to_do(warehouse, html):
    """A page with one sentence and no error."""
    said = words(html(warehouse))
    assert "Nothing is loaded yet. inode-pipeline sync fetches the links" in said
    assert "At a glance" not in said


def test_speeds_may_be_in_miles(warehouse, fill, html):
    """There are no kilometres in the worst links or on the map's scale."""
    fill(warehouse)
    assert " km/h" in words(html(warehouse))
    assert (" km/h" in words(html(warehouse, US)), " mph" in words(html(warehouse, US))) == (False, True)


def test_the_same_data_makes_the_same_page(warehouse, fill, html):
    """Byte for byte, so that two reports can be compared."""
    fill(warehouse)
    assert html(warehouse) == html(warehouse)


def test_the_file_is_replaced_completely_or_not_at_all(warehouse, fill, tmp_path):
    """If the file cannot be written, that is an error, and no other file is left in the folder."""
    fill(warehouse)
    path = tmp_path / "reports" / "report.html"
    written = write_report(warehouse, LocalSettings(_env_file=None), path)
    before = path.read_bytes()
    assert (written.path, written.size_bytes, len(before)) == (path, len(before), path.stat().st_size)
    (tmp_path / "taken").mkdir()
    with pytest.raises(ConfigError, match="cannot be written to"):
        write_report(warehouse, LocalSettings(_env_file=None), tmp_path / "taken")
    assert sorted(each.name for each in tmp_path.rglob("*") if "report.html" in each.name) == ["report.html"]


@pytest.mark.slow
def test_five_thousand_links_stay_below_six_megabytes(warehouse, fill, tmp_path, read):
    """With every picture inside."""
    fill(warehouse, links=5000)
    written = write_report(warehouse, LocalSettings(_env_file=None), tmp_path / "report.html")
    assert len(read(warehouse).network.links) == 5000
    assert written.size_bytes < FIVE_THOUSAND_LINKS_MB * 1_000_000


def test_neither_a_sync_nor_the_code_location_loads_what_draws():
    """Importing matplotlib takes half a second and memory, and only the report needs it."""
    code = (
        "import sys, inode_pipeline.cli.commands, inode_pipeline.definitions, inode_pipeline.sync\n"
        "print([name for name in ('matplotlib', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "[]\n"
