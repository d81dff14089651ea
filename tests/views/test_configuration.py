"""An edited length or sensor: no index uses a baseline of another configuration. Values computed by hand."""

from __future__ import annotations

from datetime import date

import pytest

from inode_pipeline.analysis.baselines import freeze

WEEKDAYS = [
    date(2026, month, day) for month in (3, 4, 5) for day in range(1, 29) if date(2026, month, day).weekday() < 5
]


@pytest.fixture
def edited(world):
    """A link of 60 s free flow takes 80 s in the AM peaks of March to May 2026; from 10 April it has 1,200 m."""
    world.live_in("America/Toronto")
    for day in ("2026-03-01", "2026-04-10", "2026-05-29"):
        world.load(world.local(f"{day} 04:30"))
    world.link("a", length_m=1200.0, free_flow_travel_time_s=60.0)
    world.baseline("a", 60.0, frozen="2026-03-01")
    for content, length in (("old", 1000.0), ("new", 1200.0)):
        world.write("link_versions", [{"link_id": "a", "content_hash": content, "length_m": length}])
    world.listed("a", date(2026, 3, 1), content_hash="old")
    world.listed("a", date(2026, 4, 10), date(2026, 5, 29), content_hash="new")
    world.bins("a", ((at, 80.0) for day in WEEKDAYS for at in world.quarters(str(day), "06:00", 12)))
    return world


def months(world, columns):
    select = f"SELECT {columns} FROM link_reliability_monthly WHERE period_name = 'am_peak' ORDER BY month"
    return [tuple(row.values()) for row in world.read(select)]


def test_a_baseline_serves_only_the_length_it_was_computed_from(edited):
    """March keeps its index and speed; April, with both lengths, and May have no index without a new baseline."""
    columns = "month, tti, speed_kmh, length_m, mean_s, baseline_version, configuration_changed"
    assert months(edited, columns) == [
        ("2026-03", pytest.approx(80 / 60), pytest.approx(45.0), 1000.0, 80.0, 1, False),
        ("2026-04", None, None, None, 80.0, None, True),
        ("2026-05", None, pytest.approx(54.0), 1200.0, 80.0, None, True),
    ]


def test_freezing_makes_the_next_version_from_the_new_length(edited):
    """May uses it, although it was frozen after May began; March and April do not change."""
    assert freeze(edited.warehouse, "configured").version == 2
    assert months(edited, "month, tti, baseline_version, configuration_changed") == [
        ("2026-03", pytest.approx(80 / 60), 1, False),
        ("2026-04", None, None, True),
        ("2026-05", pytest.approx(80 / 60), 2, False),
    ]


def test_a_length_that_is_set_back_has_its_old_baseline_again(edited):
    """From 1 May on the length is 1,000 m again, so May uses the first version."""
    edited.execute("DELETE FROM link_snapshots WHERE snapshot_date = '2026-05-29'")
    edited.listed("a", date(2026, 5, 1), content_hash="old")
    assert months(edited, "month, baseline_version, configuration_changed")[2] == ("2026-05", 1, False)


def test_a_measured_baseline_leaves_out_a_link_that_changed_within_its_dates(edited):
    """From 20 April on the link has its present length, which the version stores."""
    edited.execute("UPDATE index_rules SET value = 1 WHERE name = 'min_days'")
    for day in WEEKDAYS:
        edited.bins("a", ((at, 50.0) for at in edited.quarters(str(day), "10:00", 8)))
    edited.link("b")
    edited.bins("b", ((at, 50.0) for day in WEEKDAYS for at in edited.quarters(str(day), "10:00", 8)))
    frozen = freeze(edited.warehouse, "p85_offpeak_speed", date(2026, 4, 1), date(2026, 5, 28))
    assert (frozen.links, frozen.changed_configuration) == (1, 1)
    frozen = freeze(edited.warehouse, "p85_offpeak_speed", date(2026, 4, 20), date(2026, 5, 28))
    assert (frozen.links, frozen.changed_configuration) == (2, 0)
    stored = edited.read(
        "SELECT length_m FROM link_baselines WHERE method LIKE 'p85%' AND version = 2 AND link_id = 'a'"
    )
    assert stored == [{"length_m": 1200.0}]


def test_an_edit_on_the_day_of_the_freezing_is_noticed(edited):
    """The baseline was frozen with 1,100 m on the morning of 29 May; in the evening the link is 1,200 m long."""
    edited.execute("UPDATE links SET length_m = 1100")
    freeze(edited.warehouse, "configured")
    edited.execute("UPDATE links SET length_m = 1200")
    assert months(edited, "tti, baseline_version, configuration_changed")[2] == (None, None, True)


def test_another_sensor_is_another_road(edited):
    """The length is the same but the sensors differ; a value that was unknown at first is not a change."""
    for sensor, content in (("s1", "s1"), ("s2", "s2")):
        version = {"link_id": "b", "content_hash": content, "length_m": 500.0, "origin_sensor_id": sensor}
        edited.write("link_versions", [version])
    edited.write("link_versions", [{"link_id": "b", "content_hash": "unknown", "length_m": 500.0}])
    edited.link("b", length_m=500.0, origin_sensor_id="s2")
    edited.baseline("b", 30.0, frozen="2026-03-01")
    for day, content in ((date(2026, 3, 1), "unknown"), (date(2026, 4, 1), "s1"), (date(2026, 5, 1), "s2")):
        edited.listed("b", day, content_hash=content)
    select = (
        "SELECT month, is_mixed, configuration_changed FROM internal_link_months WHERE link_id = 'b' ORDER BY month"
    )
    assert [tuple(row.values()) for row in edited.read(select)] == [
        ("2026-03", False, False), ("2026-04", False, False), ("2026-05", False, True)
    ]  # fmt: skip


def test_the_edited_link_is_not_the_worst_of_the_month(edited):
    """It has no index, so it is not ranked; a link that is as slow as before is ranked."""
    from inode_pipeline.analysis.query import ask, named_query

    edited.link("b")
    edited.baseline("b", 60.0)
    edited.bins("b", ((at, 72.0) for day in WEEKDAYS for at in edited.quarters(str(day), "06:00", 12)))
    answer = ask(edited.warehouse, named_query("worst_links"), {"month": "2026-05"})
    assert answer.values("link_id") == ["b"]


def test_speeds_through_the_day_have_the_length_of_their_month(edited):
    """80 s are 45 km/h for 1,000 m and 54 km/h for 1,200 m; the month of the edit has no speed."""
    rows = edited.read("SELECT month, speed_kmh, speed_p50_kmh FROM link_hourly WHERE local_hour = 6 ORDER BY month")
    assert [tuple(row.values()) for row in rows] == [
        ("2026-03", pytest.approx(45.0), pytest.approx(45.0)),
        ("2026-04", None, None),
        ("2026-05", pytest.approx(54.0), pytest.approx(54.0)),
    ]


def test_congested_hours_need_a_baseline_of_the_same_length(edited):
    """The other months have none and say why."""
    columns = "month, mean_congested_h, baseline_version, configuration_changed"
    edited.execute("UPDATE index_rules SET value = 0 WHERE name = 'min_coverage_pct'")
    rows = edited.read(f"SELECT {columns} FROM link_congested_daily ORDER BY month")
    assert [tuple(row.values()) for row in rows] == [
        ("2026-03", 3.0, 1, False), ("2026-04", None, None, True), ("2026-05", None, None, True)
    ]  # fmt: skip


def test_the_ratio_of_a_year_is_of_one_road(edited):
    """365 days with two lengths have no ratio; the row says why, and that it is provisional."""
    edited.execute("UPDATE index_rules SET value = 0 WHERE name LIKE 'min%'")
    edited.link("b")
    days = [date(2026, 5, day) for day in range(1, 29)]
    for link in ("a", "b"):
        edited.bins(link, ((at, 61.2) for day in days for at in edited.quarters(str(day), "09:00", 40)))
    columns = "link_id, status, from_date, to_date, lottr_weekday_06_10, is_reliable, configuration_changed"
    rows = edited.read(f"SELECT {columns} FROM link_lottr_rolling ORDER BY link_id")
    provisional = "provisional: the last 365 days, not a calendar year"
    assert [tuple(row.values()) for row in rows] == [
        ("a", provisional, date(2025, 5, 29), date(2026, 5, 28), None, None, True),
        ("b", provisional, date(2025, 5, 29), date(2026, 5, 28), 1.0, True, False),
    ]


def test_the_speed_of_a_bin_has_the_length_of_its_date(edited):
    """80 s are 45 km/h on 9 April and 54 km/h on 10 April, also in the series of the link."""
    for relation in ("link_bins_local", "link_series"):
        where = "local_date IN ('2026-04-09', '2026-04-10') AND local_hour = 6"
        where += " AND grain = 'hour'" if relation == "link_series" else ""
        found = edited.read(f"SELECT DISTINCT local_date, speed_kmh FROM {relation} WHERE {where} ORDER BY local_date")
        assert [row["speed_kmh"] for row in found] == pytest.approx([45.0, 54.0]), relation
