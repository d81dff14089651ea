"""Every index of a generated year compared with an independent implementation in pandas, on both databases.

pandas starts from the observations and computes its own bins. Link a is measured through all of 2025, every link in
October 2025 and from August 2026 to now, 4 November at 10:07. About one bin in thirty is missing, of c one in five.
Columbus Day and a Wednesday are holidays, 20 October 2026 is excluded, and on 15 September hardly anything was measured
in the evening. On 10 October 2026 the length of d is edited from 1,000 to 1,200 m; its traffic stays the same, and its
second baseline is frozen on 2 November.
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
FREE_FLOW = {"a": 100.0, "b": 60.0, "c": 20.0, "d": 50.0}
LENGTH_M = {"a": 1500.0, "b": 900.0, "c": 333.0, "d": 1000.0}
MAIN = ["a", "b", "c"]
EDITED_ON = date(2026, 10, 10)
NEW_LENGTH_M, NEW_FREE_FLOW = 1200.0, 55.0
HOLIDAYS = [date(2025, 10, 13), date(2026, 9, 9), date(2026, 10, 12)]
THIN_DAY = date(2026, 9, 15)
EXCLUDED = [date(2026, 10, 20)]
PERIODS = {
    "am_peak": ("weekday", 6, 9), "pm_peak": ("weekday", 16, 19), "cfr_am_peak": ("weekday", 6, 10),
    "cfr_midday": ("weekday", 10, 16), "cfr_pm_peak": ("weekday", 16, 20), "cfr_weekend": ("weekend", 6, 20),
}  # fmt: skip
RECENTLY = ("2026-08-01", str(NOW.tz_localize(None)))
MEASURED = {link: [("2025-10-01", "2025-11-01"), RECENTLY] for link in FREE_FLOW}
MEASURED["a"] = [("2025-01-01", "2026-01-01"), RECENTLY]
KEY = ["link_id", "month", "period_name"]


def local(times: pd.Series) -> pd.DataFrame:
    """The local times of UTC times."""
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
    """Two observations in each measured quarter hour, slower in the morning and evening."""
    chance = np.random.default_rng(20261104)
    frames = []
    for link, spans in MEASURED.items():
        frame = pd.concat([quarters(*span) for span in spans], ignore_index=True)
        rush = frame["local_hour"].isin([7, 8, 16, 17]) * chance.uniform(0.1, 1.2, len(frame))
        noise = 0.9 + rush + 0.1 * chance.exponential(1, len(frame))
        frame = frame.assign(link_id=link, travel_time_s=FREE_FLOW[link] * noise)
        is_thin = (frame["local_date"] == THIN_DAY) & frame["at"].dt.tz_convert(ZONE).dt.hour.between(16, 18)
        is_there = chance.uniform(size=len(frame)) > (0.2 if link == "c" else 0.03)
        frames.append(frame[is_there & ~(is_thin & (frame["at"].dt.minute != 30))])
    quarter = pd.concat(frames, ignore_index=True)[["link_id", "at", "travel_time_s"]]
    both = [
        quarter.assign(
            at=quarter["at"] + pd.Timedelta(minutes=minute),
            travel_time_s=quarter["travel_time_s"] * chance.uniform(0.95, 1.05, len(quarter)),
            sample_count=chance.integers(1, 9, len(quarter)),
        )
        for minute in (3, 10)
    ]
    return pd.concat(both, ignore_index=True)


def binned(observations: pd.DataFrame) -> pd.DataFrame:
    """One row per link and quarter hour with its mean travel time x, weighted by samples, and its local time."""
    weighed = observations.assign(
        at=observations["at"].dt.tz_convert("UTC").dt.floor("15min"),
        sum=observations["travel_time_s"] * observations["sample_count"],
    )
    sums = weighed.groupby(["link_id", "at"])[["sum", "sample_count"]].sum().reset_index()
    return pd.concat([sums["link_id"], sums["sum"].div(sums["sample_count"]).rename("x"), local(sums["at"])], axis=1)


def with_configuration(rows: pd.DataFrame) -> pd.DataFrame:
    """Add each link's length and free flow in each month; d has neither in the month of its edit."""
    later, edited = rows["month"] > "2026-10", rows["month"] == "2026-10"
    length, free = rows["link_id"].map(LENGTH_M), rows["link_id"].map(FREE_FLOW)
    is_d = rows["link_id"] == "d"
    length = length.mask(is_d & later, NEW_LENGTH_M).mask(is_d & edited)
    free = free.mask(is_d & later, NEW_FREE_FLOW).mask(is_d & edited)
    return rows.assign(length_m=length, free_flow_s=free, configuration_changed=is_d & edited)


def in_periods(frame: pd.DataFrame) -> pd.DataFrame:
    """Each row once per period in which it counts: holidays only where 23 CFR includes them, excluded days in none."""
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
    """The measures of each link; in a month with two lengths only the times."""
    found = with_configuration(monthly(with_configuration(in_periods(bins)), KEY))
    indices = ["tti", "pti", "buffer_index", "buffer_index_median", "p80_p50_ratio", "delay_s"]
    found[indices] = found[indices].mask(found["configuration_changed"])
    found["delay_s_per_km"] = 1000 * found["delay_s"] / found["length_m"]
    return found.assign(speed_kmh=3.6 * found["length_m"] / found["mean_s"])


def corridor_bins(bins: pd.DataFrame) -> pd.DataFrame:
    """The corridor a, b, c: the sum of the links that report, filled with free flow if they cover 80 % of it."""
    wide = bins[bins["link_id"].isin(MAIN)].pivot_table(index="at", columns="link_id", values="x")
    free = pd.Series(FREE_FLOW)[MAIN]
    covered = (wide.notna() * free).sum(axis=1)
    series = pd.DataFrame({"x": wide.sum(axis=1) * free.sum() / covered, "links_with_data": wide.count(axis=1)})
    series = series[covered >= 0.8 * free.sum()].reset_index()
    return pd.concat([series, local(series["at"]).drop(columns="at")], axis=1).assign(
        corridor_id="main", free_flow_s=free.sum(), expanded=lambda rows: rows["links_with_data"] < len(MAIN)
    )


@pytest.fixture(scope="module")
def observations() -> pd.DataFrame:
    return generated()


@pytest.fixture(scope="module")
def bins(observations) -> pd.DataFrame:
    return binned(observations)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def measured(request, tmp_path_factory, world_type, observations) -> Iterator:
    """A warehouse of each kind with the generated observations."""
    if request.param == "sqlite":
        url, name = f"sqlite:///{tmp_path_factory.mktemp('pandas') / 'inode.db'}", None
    else:
        server = request.getfixturevalue("postgresql_server")
        name = server.new_database()
        url = server.url(name)
    with open_warehouse(LocalSettings(warehouse_url=url, _env_file=None)) as warehouse:
        migrate(warehouse)
        world = world_type(warehouse)
        fill(world, observations)
        yield world
    if name:
        server.drop(name)


def fill(world, observations: pd.DataFrame) -> None:
    world.live_in(ZONE)
    world.load(NOW.to_pydatetime())
    for link, free_flow_s in FREE_FLOW.items():
        length = NEW_LENGTH_M if link == "d" else LENGTH_M[link]
        world.link(link, length_m=length, first_seen_at=world.local("2026-10-29 12:00"))
        world.baseline(link, free_flow_s)
        world.write("link_snapshots", [{"snapshot_date": NOW.date(), "link_id": link, "content_hash": "new"}])
    for content, length, day in (("old", LENGTH_M["d"], date(2025, 10, 1)), ("new", NEW_LENGTH_M, EDITED_ON)):
        world.write("link_versions", [{"link_id": "d", "content_hash": content, "length_m": length}])
        world.write("link_snapshots", [{"snapshot_date": day, "link_id": "d", "content_hash": content}])
    world.baseline("d", NEW_FREE_FLOW, version=2, frozen="2026-11-02")
    world.measure(observations)
    world.corridor("main", *MAIN)
    world.corridor("side", "b")
    world.corridor("edited", "a", "d")
    days = [{"local_date": day, "is_holiday": True, "is_excluded": False} for day in HOLIDAYS]
    world.write("calendar", [*days, *({"local_date": d, "is_holiday": False, "is_excluded": True} for d in EXCLUDED)])
    study = {"study_id": "s", "name": "Signals", "corridor_id": "main", "control_corridor_id": "side"}
    study |= {"period_name": "pm_peak", "before_from": date(2026, 9, 1), "before_to": date(2026, 9, 28)}
    study |= {"after_from": date(2026, 10, 5), "after_to": date(2026, 10, 31)}
    world.write("studies", [study, study | {"study_id": "edited", "corridor_id": "edited"}])
    crash = {"local_date": date(2026, 10, 7), "reason": "crash"}
    world.write("study_exclusions", [crash | {"study_id": study_id} for study_id in ("s", "edited")])


def agree(world, expected: pd.DataFrame, key: list[str], relation: str) -> None:
    """Check that the relation's rows, matched by key, have the values of `expected`; NaN is NULL."""
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
    """By local hour, including the night on which the clocks go back; percentiles of speeds are of the bins' speeds."""
    counts = bins[~bins["is_excluded"] & ((bins["day_kind"] == "weekend") | ~bins["is_holiday"])]
    key = ["link_id", "month", "day_kind", "local_hour"]
    grouped = counts.groupby(key)
    expected = pd.DataFrame(
        {"mean_s": grouped["x"].mean(), "p50_s": grouped["x"].quantile(0.5), "p95_s": grouped["x"].quantile(0.95),
         "n_bins": grouped.size(), "n_days": grouped["local_date"].nunique(),
         **{f"speed_p{p}_kmh": (1 / counts["x"]).groupby([counts[k] for k in key]).quantile(p / 100)
            for p in (5, 15, 50, 85, 95)}}
    ).reset_index()  # fmt: skip
    length = with_configuration(expected)["length_m"]
    for p in (5, 15, 50, 85, 95):
        expected[f"speed_p{p}_kmh"] *= 3.6 * length
    expected["speed_kmh"] = 3.6 * length / expected["mean_s"]
    on_days = ["p95_s", "speed_p5_kmh", "speed_p95_kmh"]
    expected[on_days] = expected[on_days].where(expected["n_days"] >= 15)
    days = CALENDAR[~CALENDAR["is_excluded"] & ((CALENDAR["day_kind"] == "weekend") | ~CALENDAR["is_holiday"])]
    expected = expected.merge(days.groupby(key[1:]).size().rename("all").reset_index(), on=key[1:])
    expected["coverage_pct"] = 100 * expected["n_bins"] / expected.pop("all")
    agree(measured, expected, key, "link_hourly")


def test_congested_hours(measured, bins):
    """Quarter hours per day slower than 90 % of free flow, on weekdays from 06:00 to 22:00 without holidays."""

    def weekday(frame: pd.DataFrame) -> pd.DataFrame:
        is_in = (frame["day_kind"] == "weekday") & frame["local_hour"].between(6, 21)
        return frame[is_in & ~frame["is_holiday"] & ~frame["is_excluded"]]

    counts = weekday(bins)
    slow = 0.9 * counts["x"] > with_configuration(counts)["free_flow_s"]
    grouped = counts.assign(slow=slow).groupby(["link_id", "month"])
    expected = pd.DataFrame({"n_bins": grouped.size(), "n_days": grouped["local_date"].nunique()}).reset_index()
    per_day = grouped["slow"].sum().to_numpy() / 4 / expected["n_days"]
    expected = expected.merge(weekday(CALENDAR).groupby("month").size().rename("all").reset_index(), on="month")
    expected["coverage_pct"] = 100 * expected["n_bins"] / expected.pop("all")
    is_enough = (expected["coverage_pct"] >= 50) & (expected["n_days"] >= 10)
    expected["configuration_changed"] = with_configuration(expected)["configuration_changed"]
    per_day = per_day.where(is_enough & ~expected["configuration_changed"])
    agree(measured, expected.assign(mean_congested_h=per_day), ["link_id", "month"], "link_congested_daily")


def test_coverage_of_each_day(measured, bins):
    """From the day on which the links were first seen: bins with data, and the longest gap."""
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
    """In whole seconds, including holidays, to the hundredth; 2025 has enough data of link a only."""
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
    """Each hour of today compared with the same quarter hours on that weekday in twelve weeks, without holidays."""
    today = NOW.date()
    weeks = {today - timedelta(weeks=n) for n in range(1, 13)} - {*EXCLUDED, *HOLIDAYS}
    bins = bins.assign(quarter=bins["at"].dt.minute // 15)
    quarters = ["link_id", "local_hour", "quarter"]
    now = bins[bins["local_date"] == today]
    before = bins[bins["local_date"].isin(weeks) & ((bins["link_id"] != "d") | (bins["local_date"] >= EDITED_ON))]
    before = before.merge(now[quarters], on=quarters)
    key = quarters[:2]
    typical = before.groupby(quarters)["x"].mean().groupby(key).mean().rename("typical_s")
    expected = now.groupby(key)["x"].agg(travel_time_s="mean", n_bins="size").join(typical)
    expected = expected.join(before.groupby(key)["local_date"].nunique().rename("n_weeks")).reset_index()
    delay = (expected["travel_time_s"] - expected["typical_s"]).where(expected["n_weeks"] >= 6)
    expected["unusual_delay_s"] = delay
    expected["unusual_delay_pct"] = 100 * delay / expected["typical_s"]
    expected["coverage_pct"] = 100 * expected["n_bins"] / np.where(expected["local_hour"] == 10, 1, 4)
    expected["configuration_changed"] = expected["link_id"] == "d"
    assert {3} == set(expected.loc[expected["link_id"] == "d", "n_weeks"])
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
    """Percentiles of the corridor's own series, with small gaps filled."""
    series = corridor_bins(bins)
    assert series["expanded"].any()
    key = ["corridor_id", "month", "period_name"]
    expected = monthly(in_periods(series), key)
    expected["delay_s_per_km"] = 1000 * expected["delay_s"] / sum(LENGTH_M[link] for link in MAIN)
    expected["expanded_pct"] = 100 * in_periods(series).groupby(key)["expanded"].mean().to_numpy()
    agree(measured, expected, key, "corridor_reliability_monthly WHERE corridor_id = 'main'")


def test_a_corridor_through_the_day(measured, bins):
    """By local hour, of the corridor's own series."""
    series = corridor_bins(bins)
    counts = series[~series["is_excluded"] & ((series["day_kind"] == "weekend") | ~series["is_holiday"])]
    key = ["month", "day_kind", "local_hour"]
    grouped = counts.groupby(key)
    expected = pd.DataFrame(
        {"mean_s": grouped["x"].mean(), "p50_s": grouped["x"].quantile(0.5), "p95_s": grouped["x"].quantile(0.95),
         "n_bins": grouped.size(), "n_days": grouped["local_date"].nunique(),
         "expanded_pct": 100 * grouped["expanded"].mean()}
    ).reset_index()  # fmt: skip
    expected["p95_s"] = expected["p95_s"].where(expected["n_days"] >= 15)
    expected["speed_kmh"] = 3.6 * sum(LENGTH_M[link] for link in MAIN) / expected["mean_s"]
    days = CALENDAR[~CALENDAR["is_excluded"] & ((CALENDAR["day_kind"] == "weekend") | ~CALENDAR["is_holiday"])]
    expected = expected.merge(days.groupby(key).size().rename("all").reset_index(), on=key)
    expected["coverage_pct"] = 100 * expected["n_bins"] / expected.pop("all")
    agree(measured, expected, key, "corridor_hourly WHERE corridor_id = 'main'")


def corridor_days(series: pd.DataFrame) -> pd.DataFrame:
    rows = in_periods(series)
    return rows.groupby(["period_name", "local_date"]).agg(mean_s=("x", "mean"), n_bins=("x", "size")).reset_index()


def test_the_days_of_a_corridor(measured, bins):
    """Mean, delay and coverage of each."""
    expected = corridor_days(corridor_bins(bins)).assign(
        delay_s=lambda rows: rows["mean_s"] - sum(FREE_FLOW[link] for link in MAIN)
    )
    whole = in_periods(CALENDAR).groupby(["period_name", "local_date"]).size().rename("all").reset_index()
    expected = expected.merge(whole, on=["period_name", "local_date"])
    expected["coverage_pct"] = 100 * expected["n_bins"] / expected.pop("all")
    agree(measured, expected, ["period_name", "local_date"], "corridor_period_daily WHERE corridor_id = 'main'")


def t975(df: float) -> float:
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


def means_of(days: pd.DataFrame) -> list[tuple[float, float, int]]:
    """Mean, squared standard error and number of days, before and after."""
    days = days[(days["period_name"] == "pm_peak") & (days["local_date"] != date(2026, 10, 7)) & (days["n_bins"] >= 6)]
    spans = (date(2026, 9, 1), date(2026, 9, 28)), (date(2026, 10, 5), date(2026, 10, 31))
    sides = [days.loc[days["local_date"].between(*span), "mean_s"] for span in spans]
    return [(side.mean(), side.var() / len(side), len(side)) for side in sides]


def margin(parts: list[tuple[float, int]]) -> float:
    """Half the width of a 95 % interval, from the squared errors of independent means and their numbers of days."""
    error = sum(part for part, _ in parts)
    return t975(error**2 / sum(part**2 / (n - 1) for part, n in parts)) * error**0.5


def change(days: pd.DataFrame) -> tuple[float, float, list[tuple[float, int]]]:
    """The change in seconds and percent, and the terms of the error in percent (delta method)."""
    (before, error_before, n_before), (after, error_after, n_after) = means_of(days)
    slopes = 100 * after / before**2, 100 / before
    parts = [(slopes[0] ** 2 * error_before, n_before), (slopes[1] ** 2 * error_after, n_after)]
    return after - before, 100 * (after - before) / before, parts


@pytest.mark.parametrize("study", ["s", "edited"])
def test_before_and_after(measured, bins, study):
    """Welch's test on daily means; in the edited corridor only a is compared; a day with few bins does not count."""
    series = corridor_bins(bins) if study == "s" else bins[bins["link_id"] == "a"]
    days, control = corridor_days(series), corridor_days(bins[bins["link_id"] == "b"])
    (before, error_before, n_before), (after, error_after, n_after) = means_of(days)
    seconds, percent, parts = change(days)
    control_s, control_pct, control_parts = change(control)
    width = margin([(error_before, n_before), (error_after, n_after)])
    net = percent - control_pct
    expected = {
        "n_days_before": n_before, "n_days_after": n_after, "days_left_out": 1, "mean_s_before": before,
        "mean_s_after": after, "change_s": seconds, "ci95_low_s": seconds - width, "ci95_high_s": seconds + width,
        "change_pct": percent, "ci95_low_pct": percent - margin(parts), "ci95_high_pct": percent + margin(parts),
        "control_change_s": control_s, "net_change_pct": net, "net_ci95_low_pct": net - margin(parts + control_parts),
        "net_ci95_high_pct": net + margin(parts + control_parts), "links_total": 3 if study == "s" else 2,
        "links_left_out": 0 if study == "s" else 1,
    }  # fmt: skip
    assert expected["n_days_before"] == 18
    found = measured.one(f"SELECT {', '.join(expected)} FROM before_after WHERE study_id = '{study}'")
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_the_same_month_a_year_before(measured, bins):
    """Sums of the means of links above the floors in both Octobers; the length of d has changed since."""
    links = link_months(bins)
    links = links[(links["coverage_pct"] >= 50) & (links["n_days"] >= 10)]
    both = links[links["month"] == "2026-10"].merge(links[links["month"] == "2025-10"], on=["link_id", "period_name"])
    for corridor, members, left_out in (("main", MAIN, 0), ("edited", ["a"], 1)):
        sums = (
            both[both["link_id"].isin(members)]
            .groupby("period_name")
            .agg(mean_s=("mean_s_x", "sum"), mean_s_last_year=("mean_s_y", "sum"), matched_links=("link_id", "size"))
        )
        sums["change_pct"] = 100 * (sums["mean_s"] - sums["mean_s_last_year"]) / sums["mean_s_last_year"]
        sums = sums.assign(links_left_out=left_out, links_total=len(members) + left_out).reset_index()
        where = f"corridor_id = '{corridor}' AND month = '2026-10'"
        agree(measured, sums, ["period_name"], f"year_on_year WHERE {where}")


def test_a_corridor_does_without_an_edited_link(measured, bins):
    """In October the corridor a, d has only a; before and after both, with the baseline of each length."""
    rows = in_periods(bins[bins["link_id"].isin(["a", "d"])])
    rows = rows[(rows["month"] != "2026-10") | (rows["link_id"] == "a")]
    rows = with_configuration(rows)
    both = rows.groupby(["month", "period_name", "at"]).agg(
        x=("x", "sum"), free_flow_s=("free_flow_s", "sum"), n=("x", "size"), local_date=("local_date", "first")
    ).reset_index()  # fmt: skip
    both = both[both["n"] == np.where(both["month"] == "2026-10", 1, 2)]
    both = both[both["month"].between("2026-09", "2026-11") & (both["period_name"] == "cfr_midday")]
    found = measured.read(
        "SELECT month, links_total, links_left_out, free_flow_s, length_m FROM corridor_reliability_monthly "
        "WHERE corridor_id = 'edited' AND month >= '2026-09' AND period_name = 'cfr_midday' ORDER BY month"
    )
    assert [tuple(row.values()) for row in found] == [
        ("2026-09", 2, 0, 150.0, 2500.0), ("2026-10", 2, 1, 100.0, 1500.0), ("2026-11", 2, 0, 155.0, 2700.0)
    ]  # fmt: skip
    october = both[both["month"] == "2026-10"]["x"]
    where = "corridor_id = 'edited' AND month = '2026-10' AND period_name = 'cfr_midday'"
    row = measured.one(f"SELECT mean_s, p80_s, tti FROM corridor_reliability_monthly WHERE {where}")
    expected = [october.mean(), october.quantile(0.8), october.mean() / 100]
    assert list(row.values()) == pytest.approx(expected, rel=1e-9)
