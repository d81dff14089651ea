"""The whole network, month by month. Values computed by hand."""

from __future__ import annotations

import pytest

NEAR = {"rel": 1e-9, "abs": 1e-9}


def test_the_network_is_a_sum_over_a_sum(world):
    """Links of 60 and 30 s free flow take 90 and 30 s: 120 / 90, not the mean of 1.5 and 1. Then one is edited."""
    world.live_in("America/Toronto")
    world.load(world.local("2026-06-01 12:00"))
    world.execute(
        "UPDATE index_rules SET value = CASE name WHEN 'min_coverage_pct' THEN 0 ELSE 1 END WHERE name LIKE 'min%'"
    )
    for link, seconds in (("a", 60.0), ("b", 30.0), ("c", 20.0), ("d", None)):
        world.link(link, length_m=1500.0)
        if seconds:
            world.baseline(link, seconds)
    times = [("a", "2026-04-01", 90.0), ("b", "2026-04-01", 30.0), ("d", "2026-04-01", 500.0)]
    times += [("b", "2026-05-01", 36.0), ("c", "2026-05-01", 24.0)]
    for link, day, seconds in times:
        world.bins(link, [(world.local(f"{day} 06:00"), seconds), (world.local(f"{day} 06:15"), seconds)])
    rows = world.read("SELECT * FROM network_monthly WHERE period_name = 'am_peak' ORDER BY month")
    columns = ("month", "links_used", "length_km", "network_tti", "network_pti", "links_added", "links_lost", "n_bins")
    assert [tuple(row[name] for name in columns) for row in rows] == [
        ("2026-04", 2, 3.0, pytest.approx(120 / 90, **NEAR), pytest.approx(120 / 90, **NEAR), 2, 0, 4),
        ("2026-05", 2, 3.0, pytest.approx(60 / 50, **NEAR), pytest.approx(60 / 50, **NEAR), 1, 1, 4),
    ]
    assert {row["weighting"] for row in rows} == {"free-flow time; not weighted by traffic"}
    assert {(row["baseline_method"], row["baseline_version"], row["n_days"]) for row in rows} == {("configured", 1, 1)}
