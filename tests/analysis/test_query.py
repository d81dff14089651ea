"""The query files, and their answers as values."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, date, datetime

import pytest
from pyarrow import parquet
from shapely import from_wkt
from shapely.geometry import shape

from inode_pipeline.analysis.answers import as_csv, as_geojson, as_json, as_parquet, in_us_units, link_geometries
from inode_pipeline.analysis.citation import citation
from inode_pipeline.analysis.query import (
    Answer,
    all_queries,
    ask,
    ask_within,
    named_query,
    parameter_values,
    why_empty,
)
from inode_pipeline.errors import ConfigError
from inode_pipeline.warehouse.engine import reading
from inode_pipeline.warehouse.migrate import sql_folder
from tests.views.conftest import World

QUERIES = sorted(all_queries())


GIVEN = {
    "corridor_id": "c", "study_id": "s", "link_id": "x", "period": "am_peak", "grain": "hour", "limit": "1",
    "below": "1", "year": "2026", "since": "2026-10-31", "from": "2026-10-01", "to": "2026-10-31",
    "weekdays": "mon-fri", "month": "2026-10", "by": "delay_s",
}  # fmt: skip


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_is_a_question_that_an_empty_warehouse_answers(warehouse, name):
    """Its first line is a question; it runs on both databases with only its required and with all parameters."""
    query = all_queries()[name]
    assert query.question.endswith("?")
    needed = {p.name: GIVEN[p.name] for p in query.parameters if p.is_needed}
    every = {p.name: GIVEN[p.name] for p in query.parameters if not (query.takes_days and p.name == "month")}
    if not needed:
        assert len(ask(warehouse, query, {}).rows) == (1 if name == "data_freshness" else 0)
    world = World(warehouse)
    world.link("x")
    world.corridor("c", "x")
    world.write("studies", [STUDY])
    assert ask(warehouse, query, every).columns == ask(warehouse, query, needed).columns


STUDY = {"study_id": "s", "name": "Retiming", "corridor_id": "c", "period_name": "am_peak"} | {
    name: date(2026, 10, day)
    for name, day in {"before_from": 5, "before_to": 9, "after_from": 12, "after_to": 16}.items()
}


def test_every_parameter_of_a_query_is_explained():
    """Each parameter of the SELECT has a line in the head and vice versa; days are in no SELECT."""
    for query in all_queries().values():
        used = set(query.select.replace(",", " ").replace(")", " ").replace("(", " ").split())
        own = {"from", "to", "weekdays"} if query.takes_days else set()
        explained = {f":{p.name}" for p in query.parameters if p.name not in own}
        assert explained == {word for word in used if word.startswith(":")}, query.name


def test_every_column_of_every_query_is_one_of_a_view():
    """Or a rank, so that its type and meaning are in the data dictionary."""
    from inode_pipeline.analysis.query import _types

    for file in (sql_folder() / "queries").glob("*.sql"):
        query = all_queries()[file.stem]
        listed = query.select.split("SELECT", 1)[1].split("\nFROM", 1)[0]
        names = [part.split(" AS ")[-1].strip() for part in re.sub(r"\(.*?\)", "", listed).split(",")]
        assert set(names) - {"rank"} - set(_types()) == set(), file.name


def test_unknown_queries_parameters_and_values_are_refused():
    """Each error names it and lists the valid ones."""
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
    """Only its line: no line uses two parameters. Parameters with a default are never absent."""
    query = named_query("link_reliability_monthly")
    select = query.select_with({"month": "2026-10", "period": "am_peak"})
    assert select == query.select.replace("\n  AND link_id = :link_id", "")
    assert [(p.name, p.kind, p.default) for p in query.parameters] == [
        ("link_id", "text", None),
        ("month", "month", "SELECT last_month FROM data_now"),
        ("from", "date", None),
        ("to", "date", None),
        ("weekdays", "weekdays", None),
        ("period", "text", None),
    ]
    for other in all_queries().values():
        for line in other.select.splitlines():
            assert line.count(":") <= 1, other.name


def test_values_are_bound_and_never_pasted(warehouse):
    """A value that looks like SQL is a link that does not exist."""
    World(warehouse).link("x")
    with pytest.raises(ConfigError, match="does not exist"):
        ask(warehouse, named_query("link_history"), {"link_id": "x' OR '1'='1"})


def test_an_unknown_value_lists_the_valid_ones(warehouse):
    """The most similar first, ten at most; a short parameter name works too."""
    world = World(warehouse)
    for number in range(12):
        world.link(f"main-{number:02}")
    with pytest.raises(ConfigError, match=r"--param period=lunch does not exist") as caught:
        ask(warehouse, named_query("worst_links"), {"period": "lunch"})
    assert "Valid values: am_peak, cfr_am_peak, " in caught.value.remedy
    with pytest.raises(ConfigError) as caught:
        ask(warehouse, named_query("link_history"), {"link": "main-3"})
    assert caught.value.remedy.startswith("Did you mean main-03 or ")
    assert caught.value.remedy.endswith("main-09 and 2 more.")
    with pytest.raises(ConfigError, match="query link_series needs link_id: the link"):
        ask(warehouse, named_query("link_series"), {})


def test_a_month_without_data_says_which_months_have_some(warehouse):
    """Whether it was given or is the default; a month with all rows below a floor has another message."""
    world = World(warehouse)
    world.live_in("America/Toronto")
    world.link("a")
    query = named_query("worst_links")

    def why(**given):
        answer = ask(warehouse, query, given)
        with reading(warehouse) as connection:
            return why_empty(connection, query, answer)

    world.load(world.local("2026-10-05 12:00"))
    assert why() == "There is no row for 2026-09: nothing was measured yet."
    world.bins("a", [(world.local(f"{day} 08:00"), 60.0) for day in ("2026-07-31", "2026-09-01")])
    assert why() == "There are measurements in 2026-09, but no row meets the conditions; the floors are in index_rules."
    assert why(month="2025-01") == "There is no measurement in 2025-01. These months have some: 2026-07, 2026-09."


ANSWER = Answer(
    ("name", "length_m", "speed_kmh", "delay_s_per_km", "length_km", "is_expanded", "local_date", "now_at"),
    (
        ("=1+1", 1609.344, 160.9344, 10.0, -1.609344, True, date(2026, 10, 31), datetime(2026, 10, 31, tzinfo=UTC)),
        ('a "b", c', None, None, None, None, None, None, None),
    ),
)


def test_csv_is_safe_for_spreadsheets():
    """Text that begins like a formula gets an apostrophe; a negative number stays a number; NULL is empty."""
    lines = as_csv(ANSWER).splitlines()
    assert lines[1] == "'=1+1,1609.344,160.9344,10.0,-1.609344,true,2026-10-31,2026-10-31 00:00:00+00:00"
    assert lines[2] == '"a ""b"", c",,,,,,,'
    for start in ("+", "-", "@", "\t", "\r"):
        assert as_csv(Answer(("a",), ((f"{start}x",),))).splitlines()[1].strip('"').startswith("'")


def test_json_keeps_every_value():
    """Numbers and booleans unchanged, times in ISO 8601, NULL as null."""
    rows = json.loads(as_json(ANSWER))
    assert (rows[0]["speed_kmh"], rows[0]["is_expanded"]) == (160.9344, True)
    assert (rows[0]["now_at"], rows[1]["length_m"]) == ("2026-10-31 00:00:00+00:00", None)


def test_us_units_change_values_and_names():
    """Miles and miles per hour; seconds and NULLs do not change."""
    us = in_us_units(ANSWER)
    assert us.columns[1:5] == ("length_mi", "speed_mph", "delay_s_per_mi", "length_mi")
    assert us.rows[0][1:5] == pytest.approx((1.0, 100.0, 16.09344, -1.0))
    assert us.rows[1][1:5] == (None, None, None, None)
    assert us.rows[0][5:] == ANSWER.rows[0][5:]


def test_parquet_keeps_the_types(warehouse):
    """Numbers, booleans, dates and times as in the data dictionary, for every query."""
    table = parquet.read_table(io.BytesIO(as_parquet(ANSWER)))
    assert list(map(str, table.schema.types)) == [
        "string", "double", "double", "double", "double", "bool", "date32[day]", "timestamp[us, tz=UTC]",
    ]  # fmt: skip
    assert table.to_pylist()[0]["now_at"] == datetime(2026, 10, 31, tzinfo=UTC)
    assert table.to_pylist()[1]["is_expanded"] is None
    for query in all_queries().values():
        if not any(parameter.is_needed for parameter in query.parameters):
            assert parquet.read_table(io.BytesIO(as_parquet(ask(warehouse, query, {})))).num_rows <= 1


def test_geojson_has_the_line_of_each_row(warehouse):
    """The geometry is that of the link; a link without a line is a feature without a geometry."""
    world = World(warehouse)
    line = {"type": "LineString", "coordinates": [[-79.5, 43.5], [-79.5, 43.7]]}
    parts = {"type": "MultiLineString", "coordinates": [line["coordinates"], [[-79.0, 43.0], [-79.0, 44.0]]]}
    point = {"type": "Point", "coordinates": [-79.25, 43.5]}
    for link_id, geometry in {"a": line, "b": parts, "c": None, "d": point}.items():
        world.link(link_id, geometry=geometry)
    query = named_query("links_active")
    answer = ask(warehouse, query, {})
    with reading(warehouse) as connection:
        geometries = link_geometries(connection, query, answer)
        with pytest.raises(ConfigError, match="network_monthly have no link_id") as caught:
            link_geometries(connection, named_query("network_monthly"), Answer(("month",), ()))
    assert "These have: congested_now, " in caught.value.remedy
    features = json.loads(as_geojson(answer, geometries))["features"]
    assert [feature["properties"]["name"] for feature in features] == ["Link a", "Link b", "Link c", "Link d"]
    shapes = [feature["geometry"] and shape(feature["geometry"]) for feature in features]
    assert [each and each.length for each in shapes] == [pytest.approx(0.2), pytest.approx(1.2), None, 0]
    texts = {row["link_id"]: from_wkt(row["wkt"]) for row in world.read("SELECT link_id, wkt FROM link_wkt")}
    assert texts == {"a": shapes[0], "b": shapes[1], "d": shapes[3]}


def cite(warehouse, name, **given):
    with reading(warehouse) as connection:
        query = named_query(name)
        return citation(connection, warehouse, query, ask_within(connection, warehouse, query, given))


def test_a_citation_matches_the_query(warehouse):
    """Including defaults; it says how many rows were cut off, and defines exactly the measures shown."""
    world = World(warehouse)
    world.live_in("America/Toronto")
    world.load(world.local("2026-10-31 12:00"))
    world.execute("UPDATE index_rules SET value = 0")
    for link_id in ("a", "b", "c"):
        world.link(link_id)
        world.baseline(link_id, 60.0)
        world.bins(link_id, [(world.local("2026-09-01 17:00"), 90.0)])
    said = cite(warehouse, "worst_links", period="pm_peak", limit="2")
    assert said.startswith(
        "Which links are worst (period pm_peak, month 2026-09, by tti): first 2 of 3 rows. Data as of "
    )
    assert "Measures: tti, Travel Time Index, mean over free flow (FHWA Urban Congestion Report); " in said
    assert "Planning" not in said
    said = cite(warehouse, "worst_links", period="pm_peak", **{"from": "2026-09-01", "weekdays": "tue"})
    assert said.startswith(
        "Which links are worst (period pm_peak, by tti, month 2026-09-01 to 2026-10-31 tue): 3 rows."
    )
    assert cite(warehouse, "worst_links").startswith(
        "Which links are worst (period am_peak, month 2026-09, by tti): 0 rows."
    )


def test_a_citation_of_a_study_names_its_days(warehouse):
    """Both periods, and how many days of each counted."""
    world = World(warehouse)
    world.corridor("c")
    world.write("studies", [STUDY])
    assert "Study s: 2026-10-05 to 2026-10-09 (0 days counted) before, 2026-10-12 to 2026-10-16 (0) after" in cite(
        warehouse, "before_after"
    )


def test_a_citation_says_what_the_numbers_are_based_on(warehouse):
    """Days, bins, coverage, baseline and its version, definitions with their source, and the program's version."""
    query = named_query("coverage_daily")
    columns = ("n_bins", "n_days", "coverage_pct", "baseline_method", "baseline_version")
    answer = Answer(columns, ((100, 20, 80.4, "configured", 2), (50, 22, 91.0, "configured", 2)))
    with reading(warehouse) as connection:
        said = citation(connection, warehouse, query, answer)
    assert "No data was loaded yet." in said
    assert "150 bins of 15 minutes; 20 to 22 days per row; coverage 80 to 91 %; baseline configured, version 2." in said
    assert "Measures: coverage_pct, quarter hours with data over those of the calendar." in said
    assert "inode-pipeline " in said
