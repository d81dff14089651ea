"""The report shows the same as the views, on both databases."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, update

from inode_pipeline.analysis.query import Query, all_queries, ask
from inode_pipeline.analysis.status import read_status
from inode_pipeline.errors import NotMigratedError
from inode_pipeline.warehouse.analyst_tables import LINK_BASELINES
from inode_pipeline.warehouse.engine import transaction
from inode_pipeline.warehouse.stored import keep_offsets
from inode_pipeline.warehouse.tables import LINK_FACTS, LINKS_TABLE, RUNS

QUARTER = timedelta(minutes=15)
OCTOBER = [date(2026, 10, day) for day in range(1, 31) if date(2026, 10, day).weekday() < 5]
NOVEMBER = datetime(2026, 11, 2, 9, 30, tzinfo=ZoneInfo("UTC"))


def test_slow_links_are_the_rows_of_congested_now(warehouse, contents):
    """The same links with the same ratio; no other link is below 90 %."""
    rows = ask(warehouse, all_queries()["congested_now"], {"limit": "1000"}).records()
    slow = {link.link_id: link.ratio for link in contents.network.links if link.ratio is not None and link.ratio < 0.9}
    assert len(rows) > 0
    assert slow == {row["link_id"]: pytest.approx(row["speed_ratio"]) for row in rows}
    assert contents.network.worst.rows == rows[:10]


@pytest.mark.parametrize("name", ["network_changes", "links_silent", "links_never_reported"])
def test_each_list_is_the_answer_of_its_query(warehouse, contents, name):
    """Row for row, in the order of the query."""
    assert getattr(contents.network, name) == ask(warehouse, all_queries()[name], {})


def test_status_freshness_history_and_receipt_are_those_of_the_warehouse(warehouse, contents):
    """The same as in `status`, `data_freshness`, `link_snapshots` and the receipt of the newest load."""
    [freshness] = ask(warehouse, all_queries()["data_freshness"], {}).records()
    receipt = contents.receipt
    assert contents.status == read_status(warehouse)
    assert contents.network.freshness == freshness
    assert contents.network.history == {receipt.snapshot_date: 40}
    assert (receipt.received, receipt.inserted, receipt.snapshot_at) == (40, 40, freshness["data_as_of"])
    assert not contents.is_synthetic


def test_a_link_measured_more_than_an_hour_ago_has_no_speed(warehouse, contents, read):
    """Old speeds are not shown as current."""
    was = next(link for link in contents.network.links if link.speed_kmh is not None)
    earlier = contents.receipt.snapshot_at - timedelta(minutes=61)
    with transaction(warehouse) as connection:
        connection.execute(
            update(LINKS_TABLE).where(LINKS_TABLE.c.link_id == was.link_id).values(last_observed_at=earlier)
        )
    now = next(link for link in read(warehouse).network.links if link.link_id == was.link_id)
    assert (now.speed_kmh, now.ratio, now.is_measured) == (None, None, False)


def test_a_frozen_baseline_serves_where_inode_states_no_free_flow(warehouse, contents, read):
    """Free-flow time over travel time is the ratio of the speeds."""
    with transaction(warehouse) as connection:
        connection.execute(update(LINKS_TABLE).values(free_flow_speed_kmh=None))
    measured = [link for link in contents.network.links if link.ratio is not None]
    without = {link.link_id: link.ratio for link in read(warehouse).network.links}
    assert [pytest.approx(link.ratio, rel=0.01) for link in measured] == [without[link.link_id] for link in measured]


def test_the_worst_are_ranked_by_the_worse_of_their_peaks(warehouse, books, read):
    """Each link once, by the Travel Time Index of last month; its curve is that of link_hourly."""
    with transaction(warehouse) as connection:
        keep_offsets(connection, "UTC")
    books.loaded("walk", NOVEMBER)
    for link_id, morning_s, evening_s in (("a", 150.0, 120.0), ("b", 110.0, 180.0), ("c", 100.0, 105.0)):
        books.link(link_id, length_m=1000.0)
        _peaks(warehouse, link_id, morning_s, evening_s)

    worst = read(warehouse).network.worst
    assert (worst.by, worst.month) == ("peaks", "2026-10")
    assert [(row["link_id"], row["period_name"], row["tti"]) for row in worst.rows] == [
        ("b", "pm_peak", pytest.approx(1.8)),
        ("a", "am_peak", pytest.approx(1.5)),
        ("c", "pm_peak", pytest.approx(1.05)),
    ]
    hourly = Query(
        "test", "?", (), "SELECT link_id, local_hour, mean_s, p95_s, n_days FROM link_hourly WHERE link_id = 'b' "
        "AND month = '2026-10' AND day_kind = 'weekday' ORDER BY local_hour"
    )  # fmt: skip
    assert worst.curves["b"] == ask(warehouse, hourly, {}).records()
    assert [row["local_hour"] for row in worst.curves["b"]] == [6, 7, 8, 16, 17, 18]


def _peaks(warehouse, link_id, morning_s, evening_s):
    """Bins of both peaks on every weekday of October, and a free flow of 100 s."""
    hours = {**dict.fromkeys((6, 7, 8), morning_s), **dict.fromkeys((16, 17, 18), evening_s)}
    rows = [
        {
            "link_id": link_id,
            "bin_start_at": datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo("UTC")) + number * QUARTER,
            "mean_travel_time_s": mean_s,
            "n_observations": 1,
        }
        for day in OCTOBER
        for hour, mean_s in hours.items()
        for number in range(4)
    ]
    baseline = {"method": "configured", "version": 1, "free_flow_travel_time_s": 100.0, "n_bins": 0}
    dates = {"from_date": OCTOBER[0], "to_date": OCTOBER[0], "frozen_at": NOVEMBER - timedelta(days=32)}
    with transaction(warehouse) as connection:
        connection.execute(insert(LINK_FACTS.bins), rows)
        connection.execute(insert(LINK_BASELINES), [{"link_id": link_id, **baseline, **dates}])


def test_there_is_no_curve_of_one_reading_a_day(contents):
    """While sampling is off the worst links at present have none."""
    assert contents.network.worst.by == "now"
    assert len(contents.network.worst.rows) == 10
    assert contents.network.worst.curves == {}


def test_while_sampling_is_on_the_worst_at_present_have_curves(warehouse, contents, read):
    """With the hour of this month that was measured."""
    with transaction(warehouse) as connection:
        connection.execute(update(RUNS).values(trigger="sample"))
    worst = read(warehouse).network.worst
    hours = {link_id: [row["local_hour"] for row in rows] for link_id, rows in worst.curves.items()}
    assert hours == {link_id: [22] for link_id in worst.link_ids}


def test_an_empty_warehouse_has_a_status_and_an_unmigrated_one_is_an_error(warehouse, empty_warehouse, read):
    """A migrated but empty warehouse has a status and no contents."""
    if warehouse.engine.url != empty_warehouse.engine.url:
        with pytest.raises(NotMigratedError):
            read(empty_warehouse)
    assert read(warehouse).network is None
