"""Every index of a generated year against pandas, which shares no line with the views, on both databases.

Link a is measured through all of 2025, every link in October 2025 and from August 2026 to now, 4 November at 10:07.
About one bin in thirty is missing, of c one in five. Columbus Day is a holiday and 20 October 2026 is excluded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from inode_pipeline.config import LocalSettings
from inode_pipeline.warehouse.engine import open_warehouse
from inode_pipeline.warehouse.migrate import migrate

ZONE = "America/New_York"
NOW = pd.Timestamp("2026-11-04 10:07", tz=ZONE)
FREE_FLOW = {"a": 100.0, "b": 60.0, "c": 20.0}
LENGTH_M = {"a": 1500.0, "b": 900.0, "c": 333.0}
HOLIDAYS = [date(2025, 10, 13), date(2026, 10, 12)]
EXCLUDED = [date(2026, 10, 20)]
PERIODS = {
    "am_peak": ("weekday", 6, 9), "pm_peak": ("weekday", 16, 19), "cfr_am_peak": ("weekday", 6, 10),
    "cfr_midday": ("weekday", 10, 16), "cfr_pm_peak": ("weekday", 16, 20), "cfr_weekend": ("weekend", 6, 20),
}  # fmt: skip
MEASURED = {
    "a": [("2025-01-01", "2026-01-01"), ("2026-08-01", str(NOW.tz_localize(None)))],
    "b": [("2025-10-01", "2025-11-01"), ("2026-08-01", str(NOW.tz_localize(None)))],
    "c": [("2025-10-01", "2025-11-01"), ("2026-08-01", str(NOW.tz_localize(None)))],
}
KEY = ["link_id", "month", "period_name"]


def local(times: pd.Series) -> pd.DataFrame:
    """What the local clock shows at instants, beside them."""
    clock = times.dt.tz_convert(ZONE)
    return pd.DataFrame(
        {
            "at": times,
            "local_date": clock.dt.date,
            "month": clock.dt.strftime("%Y-%m"),
            "year": clock.dt.year,
            "weekday": clock.dt.day_of_week + 1,
            "day_kind": np.where(clock.dt.day_of_week < 5, "weekday", "weekend"),
            "local_hour": clock.dt.hour,
            "is_holiday": clock.dt.date.isin(HOLIDAYS),
            "is_excluded": clock.dt.date.isin(EXCLUDED),
        }
    )


def quarters(start: str, end: str) -> pd.DataFrame:
    """The quarter hours of the calendar between two local times, whether or not anything was measured."""
    first, last = pd.Timestamp(start, tz=ZONE), pd.Timestamp(end, tz=ZONE)
    return local(pd.Series(pd.date_range(first, last, freq="15min", inclusive="left")))


def generated() -> pd.DataFrame:
    """One row per link and bin with its travel time x (s), with a peak in the morning and in the evening."""
    chance = np.random.default_rng(20261104)
    frames = []
    for link, spans in MEASURED.items():
        frame = pd.concat([quarters(*span) for span in spans], ignore_index=True)
        rush = frame["local_hour"].isin([7, 8, 16, 17]) * chance.uniform(0.1, 1.2, len(frame))
        noise = 0.9 + rush + 0.1 * chance.exponential(1, len(frame))
        frame = frame.assign(link_id=link, x=FREE_FLOW[link] * noise)
        frames.append(frame[chance.uniform(size=len(frame)) > (0.2 if link == "c" else 0.03)])
    return pd.concat(frames, ignore_index=True)


def in_periods(frame: pd.DataFrame) -> pd.DataFrame:
    """Each row once for each period it counts in: holidays only where 23 CFR includes them, excluded days in none."""
    parts = []
    for name, (day_kind, begin, end) in PERIODS.items():
        is_in = (frame["day_kind"] == day_kind) & frame["local_hour"].between(begin, end - 1) & ~frame["is_excluded"]
        if not name.startswith("cfr"):
            is_in &= ~frame["is_holiday"]
        parts.append(frame[is_in].assign(period_name=name))
    return pd.concat(parts, ignore_index=True)


CALENDAR = quarters("2025-01-01", "2026-11-04 10:15")


def monthly(bins: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Measures and indices of groups of bins with x and free_flow_s, NULL below 50 %, 10 days and 15 days for P95."""
    grouped = bins.groupby(key)
    found = pd.DataFrame(
        {
            "mean_s": grouped["x"].mean(), "p50_s": grouped["x"].quantile(0.5), "p80_s": grouped["x"].quantile(0.8),
            "p95_s": grouped["x"].quantile(0.95), "free_flow_s": grouped["free_flow_s"].mean(),
            "n_bins": grouped.size(), "n_days": grouped["local_date"].nunique(),
        }
    ).reset_index()  # fmt: skip
    expected = in_periods(CALENDAR).groupby(["month", "period_name"]).size().rename("expected").reset_index()
    found = found.merge(expected, on=["month", "period_name"])
    found["coverage_pct"] = 100 * found["n_bins"] / found.pop("expected")
    is_enough = (found["coverage_pct"] >= 50) & (found["n_days"] >= 10)
    has_p95 = is_enough & (found["n_days"] >= 15)
    mean, p50, p80, p95, free = (found[name] for name in ("mean_s", "p50_s", "p80_s", "p95_s", "free_flow_s"))
    found["tti"] = (mean / free).where(is_enough)
    found["pti"] = (p95 / free).where(has_p95)
    found["buffer_index"] = ((p95 - mean) / mean).where(has_p95)
    found["buffer_index_median"] = ((p95 - p50) / p50).where(has_p95)
    found["p80_p50_ratio"] = (p80 / p50).where(is_enough)
    found["delay_s"] = mean - free
    found["p95_s"] = p95.where(has_p95)
    return found


def link_months(bins: pd.DataFrame) -> pd.DataFrame:
    found = monthly(in_periods(bins).assign(free_flow_s=lambda rows: rows["link_id"].map(FREE_FLOW)), KEY)
    return found.assign(speed_kmh=3.6 * found["link_id"].map(LENGTH_M) / found["mean_s"])


def corridor_bins(bins: pd.DataFrame) -> pd.DataFrame:
    """The corridor a, b, c: the sum of what reports, made whole by free flow if that is 80 % of the free flow."""
    wide = bins.pivot_table(index="at", columns="link_id", values="x")
    free = pd.Series(FREE_FLOW)
    covered = (wide.notna() * free).sum(axis=1)
    series = pd.DataFrame({"x": wide.sum(axis=1) * free.sum() / covered, "links_with_data": wide.count(axis=1)})
    series = series[covered >= 0.8 * free.sum()].reset_index()
    return pd.concat([series, local(series["at"]).drop(columns="at")], axis=1).assign(
        corridor_id="main", free_flow_s=free.sum(), is_expanded=lambda rows: rows["links_with_data"] < len(FREE_FLOW)
    )


@pytest.fixture(scope="module")
def bins() -> pd.DataFrame:
    return generated()


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def measured(request, tmp_path_factory, world_type, bins) -> Iterator:
    """A warehouse of each kind with the generated bins."""
    if request.param == "sqlite":
        url, name = f"sqlite:///{tmp_path_factory.mktemp('pandas') / 'inode.db'}", None
    else:
        server = request.getfixturevalue("postgresql_server")
        name = server.new_database()
        url = server.url(name)
    with open_warehouse(LocalSettings(warehouse_url=url, _env_file=None)) as warehouse:
        migrate(warehouse)
        world = world_type(warehouse)
        fill(world, bins)
        yield world
    if name:
        server.drop(name)


def fill(world, bins: pd.DataFrame) -> None:
    world.live_in(ZONE)
    world.load(NOW.to_pydatetime())
    for link, free_flow_s in FREE_FLOW.items():
        world.link(link, length_m=LENGTH_M[link], first_seen_at=world.local("2026-10-29 12:00"))
        world.baseline(link, free_flow_s)
        mine = bins[bins["link_id"] == link]
        world.bins(link, zip(mine["at"].dt.to_pydatetime(), mine["x"], strict=True))
    world.corridor("main", "a", "b", "c")
    world.corridor("side", "b")
    days = [{"local_date": day, "is_holiday": True, "is_excluded": False} for day in HOLIDAYS]
    world.write("calendar", [*days, *({"local_date": d, "is_holiday": False, "is_excluded": True} for d in EXCLUDED)])
    study = {"study_id": "s", "name": "Signals", "corridor_id": "main", "control_corridor_id": "side"}
    study |= {"period_name": "pm_peak", "before_from": date(2026, 9, 1), "before_to": date(2026, 9, 28)}
    world.write("studies", [study | {"after_from": date(2026, 10, 5), "after_to": date(2026, 10, 31)}])
    world.write("study_exclusions", [{"study_id": "s", "local_date": date(2026, 10, 7), "reason": "crash"}])


def agree(world, expected: pd.DataFrame, key: list[str], relation: str) -> None:
    """The relation's rows, by their key, hold in each column of `expected` what stands there; NaN is NULL."""
    names = list(expected.columns)
    found = {tuple(row[name] for name in key): row for row in world.read(f"SELECT {', '.join(names)} FROM {relation}")}
    rows = expected.astype(object).where(expected.notna(), None).to_dict("records")
    assert len(rows) == len(found)
    for row in rows:
        theirs = found[tuple(row[name] for name in key)]
        numbers = {name for name, value in row.items() if isinstance(value, (int, float))}
        assert {n: theirs[n] for n in numbers} == pytest.approx({n: row[n] for n in numbers}, rel=1e-9, abs=1e-9)
        assert {n: theirs[n] for n in row.keys() - numbers} == {n: row[n] for n in row.keys() - numbers}


def test_a_month_of_a_link(measured, bins):
    """Means, percentiles, TTI, PTI, both buffer indices, P80 over P50, delay, speed, days, bins and coverage."""
    expected = link_months(bins)
    assert {"2025-10", "2026-10", "2026-11"} <= set(expected["month"])
    assert expected["tti"].isna().any()
    agree(measured, expected, KEY, "link_reliability_monthly")


def test_a_link_through_the_day(measured, bins):
    """By hour of the clock, the night on which it goes back included."""
    counts = bins[~bins["is_excluded"] & ((bins["day_kind"] == "weekend") | ~bins["is_holiday"])]
    key = ["link_id", "month", "day_kind", "local_hour"]
    grouped = counts.groupby(key)
    expected = pd.DataFrame(
        {"mean_s": grouped["x"].mean(), "p50_s": grouped["x"].quantile(0.5), "p95_s": grouped["x"].quantile(0.95),
         "n_bins": grouped.size(), "n_days": grouped["local_date"].nunique()}
    ).reset_index()  # fmt: skip
    expected["p95_s"] = expected["p95_s"].where(expected["n_days"] >= 15)
    days = CALENDAR[~CALENDAR["is_excluded"] & ((CALENDAR["day_kind"] == "weekend") | ~CALENDAR["is_holiday"])]
    expected = expected.merge(days.groupby(key[1:]).size().rename("all").reset_index(), on=key[1:])
    expected["coverage_pct"] = 100 * expected["n_bins"] / expected.pop("all")
    agree(measured, expected, key, "link_hourly")


def test_congested_hours(measured, bins):
    """Weekdays from 06:00 to 22:00 without holidays: quarter hours slower than 90 % of free flow, a day."""

    def weekday(frame: pd.DataFrame) -> pd.DataFrame:
        is_in = (frame["day_kind"] == "weekday") & frame["local_hour"].between(6, 21)
        return frame[is_in & ~frame["is_holiday"] & ~frame["is_excluded"]]

    counts = weekday(bins)
    slow = 0.9 * counts["x"] > counts["link_id"].map(FREE_FLOW)
    grouped = counts.assign(slow=slow).groupby(["link_id", "month"])
    expected = pd.DataFrame({"n_bins": grouped.size(), "n_days": grouped["local_date"].nunique()}).reset_index()
    per_day = grouped["slow"].sum().to_numpy() / 4 / expected["n_days"]
    expected = expected.merge(weekday(CALENDAR).groupby("month").size().rename("all").reset_index(), on="month")
    expected["coverage_pct"] = 100 * expected["n_bins"] / expected.pop("all")
    is_enough = (expected["coverage_pct"] >= 50) & (expected["n_days"] >= 10)
    agree(measured, expected.assign(mean_congested_h=per_day.where(is_enough)), ["link_id", "month"],
          "link_congested_daily")  # fmt: skip


def test_coverage_of_each_day(measured, bins):
    """From the day on which the links were first seen: bins with data, and the longest time without one."""
    quarter = pd.Timedelta("15min")
    rows = []
    for day, hours in CALENDAR[CALENDAR["local_date"] >= date(2026, 10, 29)].groupby("local_date"):
        begin, end = hours["at"].min(), hours["at"].max() + quarter
        for link in FREE_FLOW:
            there = sorted(bins.loc[(bins["link_id"] == link) & (bins["local_date"] == day), "at"])
            gaps = [b - a for a, b in zip([begin, *(at + quarter for at in there)], [*there, end], strict=True)]
            rows.append(
                {"link_id": link, "local_date": day, "bins_expected": len(hours), "bins_with_data": len(there),
                 "coverage_pct": 100 * len(there) / len(hours), "longest_gap_min": max(gaps) // pd.Timedelta("1min")}
            )  # fmt: skip
    expected = pd.DataFrame(rows)
    assert 100 in set(expected["bins_expected"])
    agree(measured, expected, ["link_id", "local_date"], "coverage_daily")


def test_the_test_of_one_fifty(measured, bins):
    """Whole seconds, holidays included, to the hundredth; 2025 has all of link a, and too little of the others."""
    rows = in_periods(bins[(bins["year"] == 2025) & (bins["link_id"] == "a")])
    rows = rows[rows["period_name"].str.startswith("cfr")].assign(whole=lambda rows: np.floor(rows["x"] + 0.5))
    ratios = {}
    for name, group in rows.groupby("period_name"):
        ratio = np.percentile(group["whole"], 80) / np.percentile(group["whole"], 50)
        ratios[name] = np.floor(100 * ratio + 0.5) / 100
    columns = {
        "lottr_weekday_06_10": "cfr_am_peak", "lottr_weekday_10_16": "cfr_midday",
        "lottr_weekday_16_20": "cfr_pm_peak", "lottr_weekend_06_20": "cfr_weekend",
    }  # fmt: skip
    found = {row["link_id"]: row for row in measured.read("SELECT * FROM link_lottr_annual WHERE year = 2025")}
    expected = {column: ratios[name] for column, name in columns.items()}
    assert {column: found["a"][column] for column in columns} == pytest.approx(expected, abs=1e-12)
    assert found["a"]["is_reliable"] is bool(max(ratios.values()) < 1.5)
    assert (found["a"]["n_bins"], found["a"]["n_days"]) == (len(rows), rows["local_date"].nunique())
    for link in ("b", "c"):
        assert [found[link][column] for column in (*columns, "is_reliable")] == [None] * 5


def test_unusual_delay(measured, bins):
    """Each hour of today against the bins of that weekday and hour in the twelve weeks before."""
    today = NOW.date()
    weeks = [today - timedelta(weeks=n) for n in range(1, 13)]
    key = ["link_id", "local_hour"]
    now = bins[bins["local_date"] == today].groupby(key)["x"].agg(travel_time_s="mean", n_bins="size")
    before = bins[bins["local_date"].isin([day for day in weeks if day not in EXCLUDED])].groupby(key)
    typical = pd.DataFrame({"typical_s": before["x"].mean(), "n_weeks": before["local_date"].nunique()})
    expected = now.join(typical).reset_index()
    expected["unusual_delay_s"] = expected["travel_time_s"] - expected["typical_s"]
    expected["unusual_delay_pct"] = 100 * expected["unusual_delay_s"] / expected["typical_s"]
    expected["coverage_pct"] = 100 * expected["n_bins"] / np.where(expected["local_hour"] == 10, 1, 4)
    agree(measured, expected, key, "link_unusual_delay")


def test_the_whole_network(measured, bins):
    """Sums over sums, of the links above the floors."""
    links = link_months(bins)
    used = links[links["tti"].notna()]
    grouped = used.groupby(["month", "period_name"])
    with_p95 = used[used["pti"].notna()].groupby(["month", "period_name"])
    expected = pd.DataFrame(
        {"links_used": grouped.size(), "network_tti": grouped["mean_s"].sum() / grouped["free_flow_s"].sum(),
         "network_pti": with_p95["p95_s"].sum() / with_p95["free_flow_s"].sum(), "n_bins": grouped["n_bins"].sum()}
    ).reset_index()  # fmt: skip
    agree(measured, expected, ["month", "period_name"], "network_monthly")


def test_a_month_of_a_corridor(measured, bins):
    """Percentiles of the corridor's own series, which is made whole where little is missing."""
    series = corridor_bins(bins)
    assert series["is_expanded"].any()
    key = ["corridor_id", "month", "period_name"]
    expected = monthly(in_periods(series), key)
    expected["delay_s_per_km"] = 1000 * expected["delay_s"] / sum(LENGTH_M.values())
    expected["is_expanded"] = in_periods(series).groupby(key)["is_expanded"].any().to_numpy()
    agree(measured, expected, key, "corridor_reliability_monthly WHERE corridor_id = 'main'")


def corridor_days(series: pd.DataFrame) -> pd.DataFrame:
    rows = in_periods(series)
    return rows.groupby(["period_name", "local_date"]).agg(mean_s=("x", "mean"), n_bins=("x", "size")).reset_index()


def test_the_days_of_a_corridor(measured, bins):
    """Mean, delay and coverage of each."""
    expected = corridor_days(corridor_bins(bins)).assign(delay_s=lambda rows: rows["mean_s"] - sum(FREE_FLOW.values()))
    whole = in_periods(CALENDAR).groupby(["period_name", "local_date"]).size().rename("all").reset_index()
    expected = expected.merge(whole, on=["period_name", "local_date"])
    expected["coverage_pct"] = 100 * expected["n_bins"] / expected.pop("all")
    agree(measured, expected, ["period_name", "local_date"], "corridor_period_daily WHERE corridor_id = 'main'")


def t975(df: int) -> float:
    """The 0.975 quantile of Student's t: where the integral of the density from 0 is 0.475, by Simpson's rule."""
    constant = math.gamma((df + 1) / 2) / math.gamma(df / 2) / math.sqrt(df * math.pi)

    def integral(end: float) -> float:
        t, step = np.linspace(0, end, 20_001, retstep=True)
        density = constant * (1 + t**2 / df) ** (-(df + 1) / 2)
        return step / 3 * (density[0] + density[-1] + 4 * density[1:-1:2].sum() + 2 * density[2:-1:2].sum())

    low, high = 0.0, 20.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        low, high = (middle, high) if integral(middle) < 0.475 else (low, middle)
    return low


def test_before_and_after(measured, bins):
    """Welch on daily means, degrees of freedom rounded down; the control corridor is b alone."""
    days = corridor_days(corridor_bins(bins))
    days = days[(days["period_name"] == "pm_peak") & (days["local_date"] != date(2026, 10, 7))]
    is_before = days["local_date"].between(date(2026, 9, 1), date(2026, 9, 28))
    is_after = days["local_date"].between(date(2026, 10, 5), date(2026, 10, 31))
    before, after = days.loc[is_before, "mean_s"], days.loc[is_after, "mean_s"]
    errors = before.var() / len(before), after.var() / len(after)
    df = sum(errors) ** 2 / (errors[0] ** 2 / (len(before) - 1) + errors[1] ** 2 / (len(after) - 1))
    margin = t975(int(df)) * sum(errors) ** 0.5
    change = after.mean() - before.mean()
    control = corridor_days(bins[bins["link_id"] == "b"])
    control = control[(control["period_name"] == "pm_peak") & (control["local_date"] != date(2026, 10, 7))]
    earlier = control.loc[control["local_date"].between(date(2026, 9, 1), date(2026, 9, 28)), "mean_s"].mean()
    later = control.loc[control["local_date"].between(date(2026, 10, 5), date(2026, 10, 31)), "mean_s"].mean()
    expected = {
        "n_days_before": len(before), "n_days_after": len(after), "mean_s_before": before.mean(),
        "mean_s_after": after.mean(), "change_s": change, "change_pct": 100 * change / before.mean(),
        "ci95_low_s": change - margin, "ci95_high_s": change + margin, "control_change_s": later - earlier,
        "net_change_pct": 100 * change / before.mean() - 100 * (later - earlier) / earlier,
    }  # fmt: skip
    assert expected["n_days_before"] == 20
    found = measured.one(f"SELECT {', '.join(expected)} FROM before_after")
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-8)


def test_the_same_month_a_year_before(measured, bins):
    """Sums of the means of the links that are above the floors in both Octobers."""
    links = link_months(bins).dropna(subset="tti")
    both = links[links["month"] == "2026-10"].merge(links[links["month"] == "2025-10"], on=["link_id", "period_name"])
    sums = both.groupby("period_name").agg(
        mean_s=("mean_s_x", "sum"), mean_s_last_year=("mean_s_y", "sum"), matched_links=("link_id", "size")
    )
    sums["change_pct"] = 100 * (sums["mean_s"] - sums["mean_s_last_year"]) / sums["mean_s_last_year"]
    where = "corridor_id = 'main' AND month = '2026-10'"
    agree(measured, sums.reset_index(), ["period_name"], f"year_on_year WHERE {where}")
