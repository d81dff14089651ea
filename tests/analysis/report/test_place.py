"""The report on one link or one corridor."""

from __future__ import annotations

import re

import pytest

from inode_pipeline.analysis.query import ask, named_query
from inode_pipeline.analysis.report import default_path
from inode_pipeline.errors import ConfigError
from tests.views.conftest import World


def test_a_link_has_its_days_its_week_and_its_months(a_place, read):
    """The hours of fourteen days, gaps included; the mean of each weekday and hour; the peaks of each month."""
    place = read(a_place, ("link", "a")).place
    assert (place.name, place.link_ids, place.free_flow_s, len(place.links)) == ("Link a", ("a",), 60.0, 2)
    first, last = place.series[0], place.series[-1]
    assert [f"{row['starts_at_local']:%m-%d %H}" for row in (first, last)] == ["11-11 00", "11-24 17"]
    assert {row["travel_time_s"] for row in place.series if row["starts_at_local"].hour == 8} == {150.0}
    assert {row["travel_time_s"] for row in place.series if row["starts_at_local"].hour == 3} == {None}
    week = {(row["weekday"], row["local_hour"]): row["mean_s"] for row in place.week}
    assert len(week) == 7 * 24
    assert [week[day, hour] for day in (1, 7) for hour in (3, 8, 12)] == [None, 150.0, 60.0, None, 150.0, 60.0]
    assert [(row["month"], row["period_name"], row["tti"]) for row in place.months[:2]] == [
        ("2026-11", "am_peak", pytest.approx((2 * 60 + 150) / 3 / 60)),
        ("2026-11", "pm_peak", pytest.approx(1.0)),
    ]


def test_a_corridor_is_the_sum_of_its_links(a_place, read):
    """In every hour of every day, not only in the periods."""
    place = read(a_place, ("corridor", "<script>")).place
    assert (place.link_ids, place.free_flow_s) == (("a", "b"), 180.0)
    assert {row["travel_time_s"] for row in place.series} == {180.0, 450.0}
    assert {(row["local_hour"], row["mean_s"]) for row in place.week if row["local_hour"] in (7, 8)} == {
        (7, 180.0),
        (8, 450.0),
    }
    assert [row["n_days"] for row in place.week if (row["weekday"], row["local_hour"]) == (2, 8)] == [8]


@pytest.mark.parametrize(
    ("corridor_id", "direction", "title"),
    [("Highway 16", "NB", "Highway 16 NB"), ("Highway 16 NB", "NB", "Highway 16 NB"), ("Ring", None, "Ring")],
)
def test_the_title_of_a_corridor_has_its_direction_once(a_place, read, corridor_id, direction, title):
    """Both directions of a road often have the same name."""
    World(a_place).corridor(corridor_id, "a", direction=direction)
    assert read(a_place, ("corridor", corridor_id)).place.name == title


def test_the_page_names_the_slowest_hours_and_the_queries(a_place, html):
    """The pictures are also described in words and with a command."""
    made = html(a_place, place=("link", "a"))
    text = " ".join(re.sub(r"<[^>]+>", " ", made).split())
    assert "The slowest: Mon 08:00 (2.5 min), Tue 08:00 (2.5 min), Wed 08:00 (2.5 min)." in text
    assert "inode-pipeline query link_heat_map --param link=a" in text
    assert "2026-11 am peak 1.5" in text
    assert html(a_place, place=("link", "a")) == made


def test_a_place_that_does_not_exist_is_refused_with_those_that_do(a_place, read):
    """Before anything is drawn."""
    with pytest.raises(ConfigError, match="link_id=x does not exist") as caught:
        read(a_place, ("link", "x"))
    assert caught.value.remedy == "Valid values: a, b."


def test_a_link_without_anything_still_has_a_page(a_place, books, html):
    """Without a line and measurements, there is a sentence for each."""
    books.link("bare")
    made = html(a_place, place=("link", "bare"))
    for sentence in ("Its geometry is not known.", "Nothing was measured in these days.", "in a peak yet."):
        assert sentence in made
    assert "<img" not in made


def test_a_series_has_the_hour_that_occurs_twice_two_times(a_place):
    """1 November 2026 in Toronto has 25 hours, or 100 quarter hours; its day is one row."""
    given = {"link": "a", "from": "2026-11-01", "to": "2026-11-01"}
    rows = {
        grain: ask(a_place, named_query("link_series"), given | {"grain": grain}).records()
        for grain in ("15min", "hour", "day")
    }
    assert {grain: len(found) for grain, found in rows.items()} == {"15min": 100, "hour": 25, "day": 1}
    twice = [row for row in rows["hour"] if row["starts_at_local"].hour == 1]
    assert [row["offset_min"] for row in twice] == [-240, -300]
    [day] = rows["day"]
    assert (day["n_bins"], day["coverage_pct"]) == (96, 96.0)
    assert day["travel_time_s"] == pytest.approx((23 * 60 + 150) / 24)
    assert day["speed_kmh"] == pytest.approx(3600 / day["travel_time_s"])


def test_the_file_is_named_after_the_place():
    """For any id."""
    assert str(default_path(None)) == "data/network_report.html"
    assert str(default_path(("link", "../7 é"))) == "data/link__7_.html"
