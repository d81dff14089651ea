"""The same rows in both databases give the same results, and a generated month agrees with pandas."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from inode_pipeline.config import LocalSettings
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse
from inode_pipeline.warehouse.migrate import migrate, sql_folder

VIEWS = sorted(file.stem for file in (sql_folder() / "views").glob("*.sql"))
QUARTER = timedelta(minutes=15)
LINKS = {"a": 60.0, "b": 30.0, "c": 45.0}


def month_of(seed: int) -> Iterator[tuple[str, int, float]]:
    """Link, number of the quarter hour and travel time, with gaps: about every fifth bin of c is missing."""
    chance = random.Random(seed)
    for link, free_flow in LINKS.items():
        for number in range(34 * 96 + 20):
            if chance.random() < (0.2 if link == "c" else 0.03):
                continue
            rush = 0.8 if number % 96 in range(44, 60) else 0.1
            yield link, number, free_flow * (0.9 + rush * chance.random() + 0.05 * chance.expovariate(1))


def fill(world) -> None:
    """October and the beginning of November 2026 in New York, including the night on which the clocks go back."""
    world.live_in("America/New_York")
    start = world.local("2026-10-01 00:00")
    for number in range(35):
        world.load(start + timedelta(days=number, hours=9), trigger="sample" if number == 34 else "schedule")
    days = [date(2026, 10, 1) + timedelta(days=number) for number in range(35)]
    for n, (link, seconds) in enumerate(LINKS.items()):
        world.link(
            link, length_m=1000.0 + n / 3, free_flow_speed_kmh=60.0, last_speed_kmh=30.0 + n, first_seen_at=start,
            last_observed_at=start + timedelta(days=34, hours=9) - n * timedelta(minutes=20), origin_sensor_id=link,
            destination_sensor_id=chr(ord(link) + 1),
        )  # fmt: skip
        world.baseline(link, seconds, frozen="2026-10-02")
        for content, length in (("x", 1000.0), ("y", 1000.125 if link == "c" else 1000.0)):
            row = {"link_id": link, "content_hash": content, "length_m": length, "name": link}
            line = {"type": "LineString", "coordinates": [[0.0, 0.0], [1.0, 1.0 if content == "x" else 1.5]]}
            world.write("link_versions", [row | {"geometry": line}])
        listed = [
            {"snapshot_date": day, "link_id": link, "content_hash": "xy"[day.day > 20]} for day in days if day.day != 9
        ]
        world.write("link_snapshots", listed)
        world.observe(link, (start + timedelta(days=20) + k * (n + 1) * timedelta(minutes=7) for k in range(50)))
    world.link("never", geometry={"type": "LineString", "coordinates": [[-79.0, 43.5], [-79.25, 43.0]]})
    world.write(
        "link_bins",
        (
            {"link_id": link, "bin_start_at": start + k * QUARTER, "mean_travel_time_s": value, "n_observations": 1}
            for link, k, value in month_of(7)
        ),
    )
    correction = {"link_id": "a", "observed_at": start, "snapshot_at": start, "travel_time_s": 1.0}
    world.write("observation_corrections", [correction])
    world.corridor("main", "a", "b", "c", direction="NB")
    world.corridor("side", "b")
    world.execute("INSERT INTO calendar VALUES ('2026-10-12', true, 'Columbus Day', false)")
    world.execute("INSERT INTO calendar VALUES ('2026-10-20', false, 'Storm', true)")
    study = {"study_id": "s", "name": "Signals", "corridor_id": "main", "control_corridor_id": "side"}
    study |= {"period_name": "am_peak", "before_from": date(2026, 10, 1), "before_to": date(2026, 10, 14)}
    world.write("studies", [study | {"after_from": date(2026, 10, 15), "after_to": date(2026, 10, 31)}])


@pytest.fixture(scope="module")
def both(postgresql_server, tmp_path_factory, world_type) -> Iterator[list[Warehouse]]:
    """SQLite and PostgreSQL with the same rows."""
    name = postgresql_server.new_database()
    urls = [f"sqlite:///{tmp_path_factory.mktemp('both') / 'inode.db'}", postgresql_server.url(name)]
    warehouses = [open_warehouse(LocalSettings(warehouse_url=url, _env_file=None)) for url in urls]
    worlds = []
    for warehouse in warehouses:
        migrate(warehouse)
        worlds.append(world_type(warehouse))
        fill(worlds[-1])
    yield worlds
    for warehouse in warehouses:
        warehouse.close()
    postgresql_server.drop(name)


def ordered(rows):
    return sorted((tuple(row.values()) for row in rows), key=lambda row: tuple(map(str, map(rounded, row))))


def rounded(value):
    return round(value, 6) if isinstance(value, float) else value


@pytest.mark.postgresql
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_returns_the_same_on_both(both, view):
    """Every row and value, to 1e-9, including times, dates and booleans; no view is empty."""
    sqlite, postgresql = (ordered(world.read(f"SELECT * FROM {view}")) for world in both)
    assert len(sqlite) == len(postgresql)
    for left, right in zip(sqlite, postgresql, strict=True):
        for ours, theirs in zip(left, right, strict=True):
            if isinstance(ours, float) and theirs is not None:
                assert math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9), (view, left, right)
            else:
                assert ours == theirs, (view, left, right)
    assert sqlite or view in {"corridor_joints", "year_on_year", "links_silent"}


@pytest.mark.postgresql
def test_a_generated_month_agrees_with_pandas(both):
    """Means, percentiles, days and coverage of every link in the morning peak of October."""
    start = both[0].local("2026-10-01 00:00")
    frame = pd.DataFrame(month_of(7), columns=["link_id", "k", "x"])
    local = (pd.Timestamp(start) + frame["k"] * pd.Timedelta("15min")).dt.tz_convert("America/New_York")
    frame["day"] = local.dt.date
    free = [date(2026, 10, 12), date(2026, 10, 20)]
    in_peak = local.dt.hour.between(6, 8) & (local.dt.day_of_week < 5) & (local.dt.month == 10)
    grouped = frame[in_peak & ~frame["day"].isin(free)].groupby("link_id")
    for world in both:
        where = "month = '2026-10' AND period_name = 'am_peak'"
        rows = {row["link_id"]: row for row in world.read(f"SELECT * FROM link_reliability_monthly WHERE {where}")}
        assert set(rows) == set(LINKS)
        for link, group in grouped:
            x = group["x"].to_numpy()
            expected = {
                "mean_s": x.mean(), "p50_s": np.percentile(x, 50), "p80_s": np.percentile(x, 80),
                "p95_s": np.percentile(x, 95), "tti": x.mean() / LINKS[link], "n_bins": len(x),
                "pti": np.percentile(x, 95) / LINKS[link], "n_days": group["day"].nunique(),
                "coverage_pct": 100 * len(x) / (20 * 12),
            }  # fmt: skip
            if link == "c":  # its length changed on the 21st
                assert (rows[link]["tti"], rows[link]["pti"]) == (None, None)
                del expected["tti"], expected["pti"]
            assert {name: rows[link][name] for name in expected} == pytest.approx(expected, rel=1e-9, abs=1e-9)
