"""Corridors: series with small gaps filled, studies, and years compared. Values computed by hand."""

from __future__ import annotations

from datetime import date

import pytest

NEAR = {"rel": 1e-9, "abs": 1e-9}


@pytest.fixture
def main_street(world):
    """Three links of 500 m with 60, 30 and 10 s of free flow, without minimums for an index."""
    world.live_in("America/Toronto")
    world.load(world.local("2026-05-01 12:00"))
    for link, seconds in (("a", 60.0), ("b", 30.0), ("c", 10.0)):
        world.link(link, length_m=500.0, origin_sensor_id=link, destination_sensor_id=chr(ord(link) + 1))
        world.baseline(link, seconds)
    world.corridor("main", "a", "b", "c", direction="NB")
    world.execute(
        "UPDATE index_rules SET value = CASE name WHEN 'min_coverage_pct' THEN 0 ELSE 1 END WHERE name LIKE 'min%'"
    )
    return world


def drive(world, day, clock, **links):
    """Add one bin for each link."""
    for link, seconds in links.items():
        world.bins(link, [(world.local(f"{day} {clock}"), seconds)])


def test_the_series_of_a_corridor(main_street):
    """All report: the sum. Without c, 90 % are covered: sum * 100 / 90. Without b (70 %) or a: no time."""
    drive(main_street, "2026-04-01", "06:00", a=90.0, b=45.0, c=15.0)
    drive(main_street, "2026-04-01", "06:15", a=90.0, b=45.0)
    drive(main_street, "2026-04-01", "06:30", a=90.0, c=15.0)
    drive(main_street, "2026-04-01", "06:45", b=45.0, c=15.0)
    columns = "travel_time_s, free_flow_s, links_total, links_with_data, is_expanded"
    select = f"SELECT {columns} FROM internal_corridor_bins WHERE period_name = 'am_peak' ORDER BY bin_start_at"
    assert [tuple(row.values()) for row in main_street.read(select)] == [
        (pytest.approx(150.0, **NEAR), 100.0, 3, 3, False),
        (pytest.approx(135.0 * 100 / 90, **NEAR), 100.0, 3, 2, True),
    ]


def test_without_a_baseline_only_whole_bins_count(main_street):
    """Missing links cannot be filled with free flow; there is a time but no index."""
    main_street.link("d")
    main_street.corridor("side", "a", "d")
    drive(main_street, "2026-04-01", "06:00", a=90.0, d=10.0)
    drive(main_street, "2026-04-01", "06:15", a=90.0)
    where = "corridor_id = 'side' AND period_name = 'am_peak'"
    assert main_street.one(f"SELECT count(*) AS n FROM internal_corridor_bins WHERE {where}")["n"] == 1
    found = main_street.one(f"SELECT mean_s, free_flow_s, tti FROM corridor_reliability_monthly WHERE {where}")
    assert list(found.values()) == [100.0, None, None]


def test_percentiles_are_of_the_corridor_not_of_its_links(main_street):
    """Bins of 110, 120, 130, 140 and 150 s: the links' slowest bins differ, and the corridor's P95 is 148 s."""
    pairs = [(60, 40), (40, 70), (80, 40), (50, 80), (90, 50)]
    for number, (a, b) in enumerate(pairs):
        clock = f"{6 + number * 15 // 60:02d}:{number * 15 % 60:02d}"
        drive(main_street, "2026-04-01", clock, a=float(a), b=float(b), c=10.0)
    found = main_street.one("SELECT * FROM corridor_reliability_monthly WHERE period_name = 'am_peak'")
    expected = {"mean_s": 130, "p50_s": 130, "p80_s": 142, "p95_s": 148, "free_flow_s": 100, "tti": 1.3, "pti": 1.48}
    expected |= {"buffer_index": 18 / 130, "buffer_index_median": 18 / 130, "p80_p50_ratio": 142 / 130, "delay_s": 30}
    expected |= {"delay_s_per_km": 20, "speed_kmh": 3.6 * 1500 / 130, "coverage_pct": 100 * 5 / 264, "length_m": 1500}
    assert {name: found[name] for name in expected} == pytest.approx(expected, **NEAR)
    counts = ("links_total", "links_left_out", "links_with_data", "expanded_pct", "n_bins", "n_days", "baseline_method")
    assert [found[name] for name in (*counts, "direction")] == [3, 0, 3, 0.0, 5, 1, "configured", "NB"]


def test_the_worst_days_of_a_corridor(main_street):
    """Each day's mean, delay and coverage of the period."""
    main_street.execute("INSERT INTO calendar VALUES ('2026-04-02', true, 'Feast', false)")
    for day, a in (("2026-04-01", 90.0), ("2026-04-02", 95.0), ("2026-04-03", 70.0)):
        drive(main_street, day, "06:00", a=a, b=30.0, c=10.0)
        drive(main_street, day, "06:15", a=a + 10, b=30.0, c=10.0)
    select = "SELECT local_date, weekday, mean_s, delay_s, coverage_pct FROM corridor_period_daily"
    rows = main_street.read(f"{select} WHERE period_name = 'am_peak' ORDER BY delay_s DESC")
    assert [tuple(row.values()) for row in rows] == [
        (date(2026, 4, 1), 3, 135.0, 35.0, pytest.approx(100 * 2 / 12)),
        (date(2026, 4, 3), 5, 115.0, 15.0, pytest.approx(100 * 2 / 12)),
    ]
    cfr = "SELECT is_holiday FROM corridor_period_daily WHERE period_name = 'cfr_am_peak' ORDER BY local_date"
    assert [row["is_holiday"] for row in main_street.read(cfr)] == [False, True, False]


def test_links_belong_to_a_corridor_for_their_dates(main_street):
    """From 2 April on c is replaced by d: each day has the links of that day."""
    main_street.link("d")
    main_street.baseline("d", 20.0)
    main_street.execute("UPDATE corridor_links SET valid_to = '2026-04-02' WHERE link_id = 'c'")
    row = {"corridor_id": "main", "position": 3, "link_id": "d", "valid_from": date(2026, 4, 2)}
    main_street.write("corridor_links", [row])
    for day in ("2026-04-01", "2026-04-02"):
        drive(main_street, day, "06:00", a=60.0, b=30.0, c=1.0, d=2.0)
    select = "SELECT mean_s, free_flow_s FROM corridor_period_daily WHERE period_name = 'am_peak' ORDER BY local_date"
    assert [tuple(row.values()) for row in main_street.read(select)] == [(91.0, 100.0), (92.0, 110.0)]


def test_defects_of_a_corridor_are_listed(main_street):
    """A gap in the positions, a repeated link, one that ends elsewhere, an unknown one, one without a baseline."""
    assert main_street.read("SELECT * FROM corridor_joints") == []
    main_street.corridor("bad", "a", "c", "a", "x")
    main_street.execute("UPDATE corridor_links SET position = 9 WHERE link_id = 'x'")
    select = "SELECT position, link_id, next_link_id, flaw FROM corridor_joints ORDER BY position, flaw"
    assert [tuple(row.values()) for row in main_street.read(select)] == [
        (1, "a", "c", "does not join"),
        (1, "a", "c", "overlap"),
        (2, "c", "a", "does not join"),
        (3, "a", "x", "gap"),
        (3, "a", "x", "overlap"),
        (9, "x", None, "no baseline"),
        (9, "x", None, "not listed"),
    ]


def study(world, **values):
    row = {"study_id": "s", "name": "Retiming", "corridor_id": "main", "period_name": "am_peak"}
    row |= {"before_from": date(2026, 4, 1), "before_to": date(2026, 4, 7)}
    row |= {"after_from": date(2026, 4, 8), "after_to": date(2026, 4, 14)}
    world.write("studies", [row | values])


DAYS = {"01": 100.0, "02": 110.0, "03": 120.0, "06": 999.0, "08": 90.0, "09": 100.0, "10": 95.0}


def test_before_and_after_with_welch(main_street):
    """Daily means 100, 110, 120 against 90, 100, 95; 6 April is left out.

    Variances 100 and 25: the squared error is 125 / 3, the degrees of freedom
    (125/3)^2 / ((100/3)^2/2 + (25/3)^2/2) = 2.94. The control corridor goes from 50 to 49.
    """
    main_street.link("k")
    main_street.baseline("k", 40.0)
    main_street.corridor("control", "k")
    for day, seconds in DAYS.items():
        drive(main_street, f"2026-04-{day}", "06:00", a=seconds - 40, b=30.0, c=10.0)
        drive(main_street, f"2026-04-{day}", "06:15", k=50.0 if day < "08" else 49.0)
    study(main_street, control_corridor_id="control")
    exclusion = {"study_id": "s", "local_date": date(2026, 4, 6), "reason": "crash"}
    main_street.write("study_exclusions", [exclusion])
    found = main_street.one("SELECT * FROM before_after")
    expected = {"n_days_before": 3, "n_days_after": 3, "mean_s_before": 110, "mean_s_after": 95, "change_s": -15}
    expected |= {"change_pct": -1500 / 110, "control_change_s": -1, "control_change_pct": -2}
    expected |= {"net_change_pct": -1500 / 110 + 2}
    assert {name: found[name] for name in expected} == pytest.approx(expected, **NEAR)
    # The same interval by scipy; with so few days less exact.
    assert [found["ci95_low_s"], found["ci95_high_s"]] == pytest.approx([-35.777, 5.777], abs=0.06)
    assert found["warnings"] == "no change beyond chance; "


BEFORE = dict(zip((1, 2, 3, 6, 7, 8, 9, 10, 13, 14, 15, 16), (
    612.5, 598.0, 631.25, 605.75, 640.0, 618.5, 590.25, 625.0, 633.5, 601.0, 615.75, 622.25), strict=True))  # fmt: skip
AFTER = dict(zip((17, 20, 21, 22, 23, 24, 27, 28, 29, 30), (
    570.0, 581.5, 566.25, 592.75, 560.5, 575.0, 588.25, 569.75, 577.5, 583.0), strict=True))  # fmt: skip
CONTROL = dict(zip((*BEFORE, *AFTER), (
    300.0, 305.5, 298.25, 310.75, 302.0, 296.5, 307.25, 301.0, 299.5, 304.0, 303.25, 306.5, 298.0, 301.5, 295.25,
    304.75, 299.0, 303.5, 297.25, 300.5, 296.0, 302.25), strict=True))  # fmt: skip


def test_the_intervals_agree_with_scipy(main_street):
    """Of the change in seconds: scipy 1.17, ttest_ind(after, before, equal_var=False).confidence_interval().

    Of the changes in percent: the delta method, with scipy.stats.t.ppf at the degrees of freedom of Welch and
    Satterthwaite (19.56 and 32.35).
    """
    main_street.link("k")
    main_street.corridor("control", "k")
    for day, seconds in (BEFORE | AFTER).items():
        drive(main_street, f"2026-04-{day:02d}", "06:00", a=seconds - 40, b=30.0, c=10.0, k=CONTROL[day])
    study(
        main_street, control_corridor_id="control", before_to=date(2026, 4, 16), after_from=date(2026, 4, 17),
        after_to=date(2026, 4, 30),
    )  # fmt: skip
    columns = "ci95_low_s, ci95_high_s, change_pct, ci95_low_pct, ci95_high_pct, net_change_pct, net_ci95_low_pct"
    found = main_street.one(f"SELECT {columns}, net_ci95_high_pct FROM before_after")
    assert list(found.values()) == pytest.approx(
        [-51.098690252563486, -28.292976414103165, -6.442603550295856, -8.213500375952076, -4.671706724639635,
         -5.427333224253763, -7.447051903851525, -3.4076145446560004], rel=1e-5
    )  # fmt: skip


def test_a_thin_day_counts_on_neither_side(main_street):
    """Of 12 quarter hours 6 April has two and 13 April five: both are left out, and so is 7 April, which has none."""
    main_street.execute("UPDATE index_rules SET value = 50 WHERE name = 'min_coverage_pct'")
    bins = {1: 12, 2: 12, 3: 6, 6: 2, 8: 12, 9: 12, 10: 6, 13: 5, 14: 12}
    for day, count in bins.items():
        for at in main_street.quarters(f"2026-04-{day:02d}", "06:00", count):
            main_street.bins("a", [(at, 20.0 + day if count > 5 else 900.0)])
            main_street.bins("b", [(at, 30.0)])
            main_street.bins("c", [(at, 10.0)])
    study(main_street)
    found = main_street.one("SELECT n_days_before, n_days_after, days_left_out, mean_s_before FROM before_after")
    assert list(found.values()) == [3, 4, 3, 62.0]


def test_a_study_lists_its_warnings(main_street):
    """Few days, an open end, no control: each is listed, with the share that was filled with free flow."""
    main_street.execute("UPDATE index_rules SET value = 10 WHERE name = 'min_days'")
    drive(main_street, "2026-04-01", "06:00", a=90.0, b=30.0)
    study(main_street, after_to=date(2026, 5, 7))
    columns = "n_days_before, n_days_after, change_s, ci95_low_s, expanded_pct, warnings"
    found = main_street.one(f"SELECT {columns} FROM before_after")
    warnings = "too few days; the time after is not over; no confidence interval; no control corridor; "
    assert list(found.values()) == [1, 0, None, None, 100.0, warnings]


def test_changed_links_are_reported_by_their_study(main_street):
    """Links whose length changed or that left the corridor during the study are listed."""
    rows = [("2026-04-02", "x"), ("2026-04-09", "y")]
    for day, content in rows:
        main_street.load(main_street.local(f"{day} 04:30"))
        main_street.write("link_versions", [{"link_id": "a", "content_hash": content, "length_m": float(ord(content))}])
        snapshot = {"snapshot_date": date.fromisoformat(day), "link_id": "a", "content_hash": content}
        main_street.write("link_snapshots", [snapshot])
    main_street.execute("UPDATE corridor_links SET valid_to = '2026-04-10' WHERE link_id = 'c'")
    study(main_street)
    warnings = main_street.one("SELECT warnings FROM before_after")["warnings"]
    assert "the configuration of links changed, see link_history; the corridor got other links; " in warnings


def test_identical_days_have_no_width(main_street):
    """Without variance the interval is the change itself."""
    for day in DAYS:
        drive(main_street, f"2026-04-{day}", "06:00", a=60.0 if day < "08" else 55.0, b=30.0, c=10.0)
    study(main_street)
    found = main_street.one("SELECT change_s, ci95_low_s, ci95_high_s FROM before_after")
    assert list(found.values()) == pytest.approx([-5.0, -5.0, -5.0], abs=1e-9)


def test_the_same_month_a_year_before_over_the_same_links(main_street):
    """Links a and b were measured in both Aprils, c only in one: 90 s instead of 100 s, 10 % less."""
    drive(main_street, "2025-04-01", "06:00", a=70.0, b=30.0)
    drive(main_street, "2026-04-01", "06:00", a=65.0, b=25.0, c=10.0)
    found = main_street.read("SELECT * FROM year_on_year WHERE period_name = 'am_peak'")
    columns = ("corridor_id", "month", "mean_s", "mean_s_last_year", "change_pct", "matched_links", "links_total")
    assert [tuple(row[name] for name in columns) for row in found] == [
        ("main", "2026-04", 90.0, 100.0, pytest.approx(-10.0), 2, 3)
    ]


def test_the_worst_corridors_of_last_month(main_street):
    """Ranked by index, with the delay per kilometre."""
    from inode_pipeline.analysis.query import ask, named_query

    main_street.corridor("short", "c")
    drive(main_street, "2026-04-01", "06:00", a=60.0, b=30.0, c=30.0)
    answer = ask(main_street.warehouse, named_query("worst_corridors"), {})
    assert answer.values("corridor_id") == ["short", "main"]
    assert answer.values("delay_s_per_km") == pytest.approx([40.0, 20 / 1.5])
