"""The questions as files, and their answers as values."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from inode_pipeline.analysis.answers import as_csv, as_json, in_us_units
from inode_pipeline.analysis.citation import citation
from inode_pipeline.analysis.query import Answer, all_queries, ask, named_query, parameter_values
from inode_pipeline.errors import ConfigError
from inode_pipeline.warehouse.migrate import sql_folder

QUERIES = sorted(all_queries())


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_is_a_question_that_an_empty_warehouse_answers(warehouse, name):
    """Its first line is a question; it runs on both databases without any parameter and with all of them."""
    query = all_queries()[name]
    assert query.question.endswith("?")
    answer = ask(warehouse, query, {})
    assert len(answer.rows) == (1 if name == "data_freshness" else 0)
    given = {"text": "x", "number": "1", "date": "2026-10-31", "month": "2026-10"}
    assert ask(warehouse, query, {p.name: given[p.kind] for p in query.parameters}).columns == answer.columns


def test_every_parameter_of_a_query_is_explained():
    """What stands behind a colon in the SELECT stands in the head, and the other way round."""
    for query in all_queries().values():
        used = set(query.select.replace(",", " ").replace(")", " ").replace("(", " ").split())
        assert {f":{p.name}" for p in query.parameters} == {word for word in used if word.startswith(":")}, query.name


def test_every_column_of_every_query_is_one_of_a_view():
    """Or a rank: so that its type and meaning stand in the data dictionary."""
    from inode_pipeline.analysis.query import _types

    for file in (sql_folder() / "queries").glob("*.sql"):
        query = all_queries()[file.stem]
        listed = query.select.split("SELECT", 1)[1].split("\nFROM", 1)[0]
        names = [part.split(" AS ")[-1].strip() for part in listed.split(",")]
        assert set(names) - {"rank"} - set(_types()) == set(), file.name


def test_unknown_queries_parameters_and_values_are_refused():
    """Each by name, with what there is instead."""
    with pytest.raises(ConfigError, match="no query 'nonsense'"):
        named_query("nonsense")
    query = named_query("link_history")
    with pytest.raises(ConfigError, match="no parameter 'colour'") as caught:
        parameter_values(query, {"colour": "red"})
    assert "link_id" in caught.value.remedy
    with pytest.raises(ConfigError, match="since='yesterday' is not a date"):
        parameter_values(query, {"since": "yesterday"})
    assert parameter_values(query, {"since": "2026-10-31"}) == {"since": date(2026, 10, 31)}


def test_a_condition_whose_parameter_is_absent_is_left_out():
    """Its line only; one with a default is never absent, and each may be: no line names two parameters."""
    query = named_query("link_reliability_monthly")
    select = query.select_with({"month": "2026-10", "period": "am_peak"})
    assert select == query.select.replace("\n  AND link_id = :link_id", "")
    assert [(p.name, p.default) for p in query.parameters] == [
        ("link_id", None),
        ("month", "SELECT last_month FROM data_now"),
        ("period", None),
    ]
    for other in all_queries().values():
        for line in other.select.splitlines():
            assert line.count(":") <= 1, other.name


def test_values_are_bound_and_never_pasted(warehouse):
    """What looks like SQL is a link that does not exist."""
    assert ask(warehouse, named_query("link_history"), {"link_id": "x' OR '1'='1"}).rows == ()


ANSWER = Answer(
    ("name", "length_m", "speed_kmh", "delay_s_per_km", "length_km", "is_expanded", "local_date", "now_at"),
    (
        ("=1+1", 1609.344, 160.9344, 10.0, -1.609344, True, date(2026, 10, 31), datetime(2026, 10, 31, tzinfo=UTC)),
        ('a "b", c', None, None, None, None, None, None, None),
    ),
)


def test_csv_is_safe_for_spreadsheets():
    """A text that begins like a formula gets an apostrophe; a negative number stays a number; absent is empty."""
    lines = as_csv(ANSWER).splitlines()
    assert lines[1] == "'=1+1,1609.344,160.9344,10.0,-1.609344,true,2026-10-31,2026-10-31 00:00:00+00:00"
    assert lines[2] == '"a ""b"", c",,,,,,,'
    for start in ("+", "-", "@", "\t", "\r"):
        assert as_csv(Answer(("a",), ((f"{start}x",),))).splitlines()[1].strip('"').startswith("'")


def test_json_keeps_every_value():
    """Numbers and truth as they are, times in ISO 8601, absent as null."""
    import json

    rows = json.loads(as_json(ANSWER))
    assert (rows[0]["speed_kmh"], rows[0]["is_expanded"]) == (160.9344, True)
    assert (rows[0]["now_at"], rows[1]["length_m"]) == ("2026-10-31 00:00:00+00:00", None)


def test_us_units_change_values_and_names():
    """Miles and miles an hour; seconds stay; absent stays absent."""
    us = in_us_units(ANSWER)
    assert us.columns[1:5] == ("length_mi", "speed_mph", "delay_s_per_mi", "length_mi")
    assert us.rows[0][1:5] == pytest.approx((1.0, 100.0, 16.09344, -1.0))
    assert us.rows[1][1:5] == (None, None, None, None)
    assert us.rows[0][5:] == ANSWER.rows[0][5:]


def test_a_citation_says_what_the_numbers_rest_on(warehouse):
    """Days, bins, coverage, baseline and version, definition with its source, and what computed it."""
    query = named_query("coverage_daily")
    columns = ("n_bins", "n_days", "coverage_pct", "baseline_method", "baseline_version")
    answer = Answer(columns, ((100, 20, 80.4, "configured", 2), (50, 22, 91.0, "configured", 2)))
    said = citation(warehouse, query, answer)
    assert "No data was loaded yet." in said
    assert "150 bins of 15 minutes; 20 to 22 days a row; coverage 80 to 91 %; baseline configured, version 2." in said
    assert "never with the samples taken" in said
    assert "inode-pipeline " in said
