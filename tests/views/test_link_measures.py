"""The measures of a link, compared with values computed by hand from a small series."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

NEAR = {"rel": 1e-9, "abs": 1e-9}
APRIL = [date(2026, 4, day) for day in range(1, 31) if date(2026, 4, day).weekday() < 5]  # 22 weekdays


@pytest.fixture
def april(world):
    """Toronto on 1 May 2026, with one link of 1,000 m and 60 s of free flow."""
    world.live_in("America/Toronto")
    world.load(world.local("2026-05-01 12:00"))
    world.link("a")
    world.baseline("a", 60.0)
    return world


def peak(world, days, value, link="a"):
    """Add the 12 bins of the AM peak (06:00 to 09:00) of each day, with `value` of the day's number, from 1."""
    for number, day in enumerate(days, start=1):
        world.bins(link, ((at, value(number)) for at in world.quarters(str(day), "06:00", 12)))


def monthly(world, link="a", period="am_peak", month="2026-04"):
    where = f"link_id = '{link}' AND period_name = '{period}' AND month = '{month}'"
    return world.one(f"SELECT * FROM link_reliability_monthly WHERE {where}")


def test_every_measure_of_a_month(april):
    """Twenty days, day k with twelve bins of 60 + k seconds: 240 values, 61 to 80, each twelve times.

    The median lies between the 120th (70) and the 121st (71); P80 at rank 1 + 239 * 0.8 = 192.2, between the last 76
    and the first 77; P95 at rank 228.05, between the last 79 and the first 80. The mean is 70.5.
    """
    peak(april, APRIL[:20], lambda number: 60.0 + number)
    mean, p50, p80, p95 = 70.5, 70.5, 76.2, 79.05
    assert monthly(april) == {
        "link_id": "a",
        "name": "Link a",
        "month": "2026-04",
        "period_name": "am_peak",
        "mean_s": pytest.approx(mean, **NEAR),
        "p50_s": pytest.approx(p50, **NEAR),
        "p80_s": pytest.approx(p80, **NEAR),
        "p95_s": pytest.approx(p95, **NEAR),
        "free_flow_s": 60.0,
        "tti": pytest.approx(mean / 60, **NEAR),
        "pti": pytest.approx(p95 / 60, **NEAR),
        "buffer_index": pytest.approx((p95 - mean) / mean, **NEAR),
        "buffer_index_median": pytest.approx((p95 - p50) / p50, **NEAR),
        "p80_p50_ratio": pytest.approx(p80 / p50, **NEAR),
        "delay_s": pytest.approx(10.5, **NEAR),
        "delay_s_per_km": pytest.approx(10.5, **NEAR),
        "speed_kmh": pytest.approx(3600 / mean, **NEAR),
        "length_m": 1000.0,
        "configuration_changed": False,
        "n_bins": 240,
        "n_days": 20,
        "coverage_pct": pytest.approx(100 * 240 / (22 * 12), **NEAR),
        "baseline_method": "configured",
        "baseline_version": 1,
    }


def test_an_index_below_one_is_not_clipped(april):
    """An index below 1 (faster than free flow) is not changed."""
    peak(april, APRIL, lambda _: 48.0)
    found = monthly(april)
    assert (found["tti"], found["pti"]) == (pytest.approx(0.8), pytest.approx(0.8))
    assert (found["buffer_index"], found["delay_s"], found["coverage_pct"]) == (0.0, -12.0, 100.0)


@pytest.mark.parametrize(
    ("days", "tti", "pti"), [(10, False, False), (11, True, False), (14, True, False), (15, True, True)]
)
def test_below_the_floors_an_index_is_null(april, days, tti, pti):
    """10 of 22 days are 45 % of the bins; 11 are 50 % and enough for the mean, but P95 needs 15 days."""
    peak(april, APRIL[:days], lambda _: 66.0)
    found = monthly(april)
    assert (found["tti"] is not None, found["p80_p50_ratio"] is not None) == (tti, tti)
    on_p95 = [found[name] is not None for name in ("pti", "p95_s", "buffer_index", "buffer_index_median")]
    assert on_p95 == [pti] * 4
    assert (found["mean_s"], found["n_days"], found["n_bins"]) == (66.0, days, 12 * days)


def test_the_floors_are_those_of_the_table(april):
    """They can be changed; a deleted rule has its shipped value."""
    peak(april, APRIL[:2], lambda _: 66.0)
    assert monthly(april)["tti"] is None
    april.execute("UPDATE index_rules SET value = 2 WHERE name IN ('min_days', 'min_coverage_pct')")
    assert monthly(april)["tti"] == pytest.approx(1.1)
    april.execute("DELETE FROM index_rules WHERE name = 'min_days'")
    assert monthly(april)["tti"] is None


def test_few_days_of_many_bins_are_not_enough(april):
    """Nine full days of a period that exists on 16 days: 56 % of the bins, but fewer than ten days."""
    april.execute("INSERT INTO calendar (local_date, is_holiday, is_excluded) VALUES ('2026-04-01', false, true)")
    for day in APRIL[17:]:
        april.execute(f"INSERT INTO calendar (local_date, is_holiday, is_excluded) VALUES ('{day}', true, false)")
    peak(april, APRIL[1:10], lambda _: 66.0)
    found = monthly(april)
    assert (found["coverage_pct"], found["n_days"], found["tti"]) == (pytest.approx(100 * 9 / 16), 9, None)


def test_holidays_and_excluded_days(april):
    """Neither counts in the peak, in the data or the expected bins; 23 CFR includes holidays."""
    april.execute("INSERT INTO calendar VALUES ('2026-04-03', true, 'Good Friday', false)")
    april.execute("INSERT INTO calendar VALUES ('2026-04-08', false, 'Ice', true)")
    peak(april, APRIL, lambda _: 66.0)
    assert (monthly(april)["n_days"], monthly(april)["coverage_pct"]) == (20, 100.0)
    cfr = monthly(april, period="cfr_am_peak")
    assert (cfr["n_days"], cfr["n_bins"], cfr["coverage_pct"]) == (21, 252, pytest.approx(100 * 12 / 16))


def test_a_month_keeps_the_baseline_it_had(april):
    """April uses the one frozen in April, May the one of 2 May; a month before any uses the first one."""
    april.load(april.local("2026-05-30 12:00"))
    april.baseline("a", 50.0, version=2, frozen="2026-04-20")
    april.baseline("a", 40.0, version=1, method="p85_offpeak_speed", frozen="2026-05-02")
    april.link("b")
    april.baseline("b", 30.0, frozen="2026-05-02")
    april.baseline("b", 20.0, version=2, frozen="2026-05-03")
    april.bins("a", [(april.local("2026-03-02 06:00"), 66.0)])
    select = "SELECT month, baseline_method, baseline_version, free_flow_s FROM internal_link_months"
    assert [tuple(row.values()) for row in april.read(f"{select} WHERE link_id = 'a' ORDER BY month")] == [
        ("2026-03", "configured", 1, 60.0),
        ("2026-04", "configured", 2, 50.0),
        ("2026-05", "p85_offpeak_speed", 1, 40.0),
    ]
    b = [row["free_flow_s"] for row in april.read(f"{select} WHERE link_id = 'b' ORDER BY month")]
    assert b == [30.0, 30.0, 20.0]


def test_a_link_without_a_baseline_has_times_but_no_index(april):
    """Measures that need no free flow are there."""
    april.link("b", length_m=None)
    peak(april, APRIL, lambda _: 66.0, link="b")
    found = monthly(april, link="b")
    assert (found["tti"], found["pti"], found["delay_s"], found["speed_kmh"]) == (None, None, None, None)
    assert (found["mean_s"], found["p80_p50_ratio"], found["baseline_method"]) == (66.0, 1.0, None)


def test_a_link_through_the_day(april):
    """At 06 on weekdays 60, 60, 60 and 100: mean 70, median 60, P95 60 + 0.85 * 40; at 07 on a Saturday once 50."""
    april.bins("a", zip(april.quarters("2026-04-01", "06:00", 4), (60.0, 60.0, 60.0, 100.0), strict=True))
    april.bins("a", [(april.local("2026-04-04 07:15"), 50.0)])
    april.execute("UPDATE index_rules SET value = 1 WHERE name = 'min_days_p95'")
    columns = "day_kind, local_hour, mean_s, p50_s, p95_s, speed_kmh, n_bins, n_days, coverage_pct"
    rows = april.read(f"SELECT {columns} FROM link_hourly ORDER BY day_kind")
    assert [row.pop("day_kind") for row in rows] == ["weekday", "weekend"]
    assert list(rows[0].values()) == pytest.approx([6, 70.0, 60.0, 94.0, 3600 / 70, 4, 1, 100 * 4 / 88], **NEAR)
    assert list(rows[1].values()) == pytest.approx([7, 50.0, 50.0, 50.0, 72.0, 1, 1, 100 / 32], **NEAR)


def test_congested_hours_a_day(april):
    """Slower than 90 % of free flow is more than 66.67 s: on eleven days 10 of 64 quarter hours, on one more none."""
    for number, day in enumerate(APRIL[:12]):
        moments = april.quarters(str(day), "06:00", 64)
        april.bins("a", ((at, 67.0 if n < 10 and number < 11 else 66.0) for n, at in enumerate(moments)))
        april.bins("a", [(april.local(f"{day} 05:45"), 99.0), (april.local(f"{day} 22:00"), 99.0)])
    found = april.one("SELECT * FROM link_congested_daily")
    assert found["mean_congested_h"] == pytest.approx(11 * 2.5 / 12, **NEAR)
    assert (found["threshold_pct"], found["n_days"], found["n_bins"]) == (90.0, 12, 12 * 64)
    assert found["coverage_pct"] == pytest.approx(100 * 12 / 22, **NEAR)


def test_exactly_ninety_percent_of_the_day_is_not_congested(april):
    """10.3 s at a free flow of 9.27 s is exactly 90 % of free flow, despite rounding errors."""
    april.link("tie")
    april.baseline("tie", 9.27)
    for day in APRIL:
        april.bins(
            "tie", ((at, 10.3 if n > 3 else 10.301) for n, at in enumerate(april.quarters(str(day), "06:00", 64)))
        )
    assert april.one("SELECT mean_congested_h FROM link_congested_daily")["mean_congested_h"] == 1.0


def lottr(world, high):
    """Two weeks of 2025 in which three of five bins take 100 s and two take `high`, in all four periods."""
    world.execute("UPDATE index_rules SET value = 1 WHERE name IN ('min_days', 'min_coverage_pct')")
    for number in range(14):
        day = date(2025, 6, 2) + timedelta(days=number)
        moments = world.quarters(str(day), "06:00", 60)
        world.bins("a", ((at, high if n % 5 > 2 else 100.0) for n, at in enumerate(moments)))


@pytest.mark.parametrize(("high", "ratio", "passes"), [(149.4999, 1.49, True), (149.5, 1.5, False)])
def test_the_test_of_one_fifty_uses_whole_seconds_and_hundredths(april, high, ratio, passes):
    """P50 is 100 s; P80 is the higher value, rounded to a second: 149 passes and 150 does not."""
    lottr(april, high)
    found = april.one("SELECT * FROM link_lottr_annual")
    periods = ("lottr_weekday_06_10", "lottr_weekday_10_16", "lottr_weekday_16_20", "lottr_weekend_06_20")
    assert [found[name] for name in periods] == [ratio] * 4
    assert (found["year"], found["is_reliable"], found["n_days"]) == (2025, passes, 14)
    assert found["n_bins"] == 14 * 56


def test_an_incomplete_year_has_no_ratio(april):
    """One period below the floors is enough, and so is an unfinished year."""
    lottr(april, 149.0)
    april.execute("UPDATE index_rules SET value = 5 WHERE name = 'min_days'")  # there are four days at weekends
    found = april.one("SELECT is_reliable, lottr_weekday_06_10, lottr_weekend_06_20 FROM link_lottr_annual")
    assert list(found.values()) == [None, None, None]
    april.execute("UPDATE index_rules SET value = 1 WHERE name = 'min_days'")
    assert april.one("SELECT is_reliable FROM link_lottr_annual")["is_reliable"] is True
    april.execute("DELETE FROM loads")
    april.load(april.local("2025-12-31 23:59"))
    assert april.one("SELECT is_reliable FROM link_lottr_annual")["is_reliable"] is None


def test_unusual_delay_needs_six_weeks(world):
    """On a Wednesday at 11 it takes 90 s; on six earlier Wednesdays 60 s, on other days 10 s: 30 s (50 %) more."""
    world.live_in("America/Toronto")
    now = world.local("2026-06-10 12:07")
    world.load(now)
    for link, weeks in (("a", 6), ("b", 5)):
        world.link(link)
        world.bins(link, [(world.local("2026-06-10 11:15"), 80.0), (world.local("2026-06-10 11:45"), 100.0)])
        wednesdays = [date(2026, 6, 10) - timedelta(weeks=n) for n in range(1, weeks + 1)]
        world.bins(link, ((world.local(f"{day} 11:{minute}"), 60.0) for day in wednesdays for minute in (15, 30)))
        world.bins(link, [(world.local("2026-06-09 11:15"), 10.0), (world.local("2026-06-03 10:45"), 10.0)])
    world.bins("a", [(world.local(f"{date(2026, 6, 10) - timedelta(weeks=13)} 11:15"), 999.0)])
    columns = "link_id, local_hour, travel_time_s, typical_s, n_weeks, unusual_delay_s, unusual_delay_pct"
    rows = world.read(f"SELECT {columns} FROM link_unusual_delay ORDER BY link_id")
    assert [tuple(row.values()) for row in rows] == [
        ("a", 11, 90.0, 60.0, 6, 30.0, 50.0),
        ("b", 11, 90.0, 60.0, 5, None, None),
    ]


def test_the_worst_links_of_last_month(april):
    """Last month's links above the floors, ranked by index."""
    from inode_pipeline.analysis.query import ask, named_query

    for link, seconds in (("b", 90.0), ("c", 66.0)):
        april.link(link)
        april.baseline(link, 60.0)
        peak(april, APRIL, lambda _, seconds=seconds: seconds, link=link)
    peak(april, APRIL[:3], lambda _: 600.0)
    answer = ask(april.warehouse, named_query("worst_links"), {})
    assert [row[:2] for row in answer.rows] == [(1, "b"), (2, "c")]
    assert answer.values("tti") == pytest.approx([1.5, 1.1])


def test_the_worst_links_by_another_measure(april):
    """30 s of delay on 60 s and 1 km are 1.5 and 30 s/km; 90 s of delay on 300 s and 10 km are 1.3 and 9 s/km."""
    from inode_pipeline.analysis.query import ask, named_query

    for link, free, seconds, metres in (("long", 300.0, 390.0, 10_000.0), ("short", 60.0, 90.0, 1000.0)):
        april.link(link, length_m=metres)
        april.baseline(link, free)
        peak(april, APRIL, lambda _, seconds=seconds: seconds, link=link)
    for by, worst in (("tti", "short"), ("delay_s", "long"), ("delay_s_per_km", "short")):
        answer = ask(april.warehouse, named_query("worst_links"), {"by": by})
        assert (worst, 1) == (answer.values("link_id")[0], answer.values("rank")[0]), by
    assert answer.values("delay_s_per_km") == pytest.approx([30.0, 9.0])
