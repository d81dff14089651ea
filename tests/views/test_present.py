"""The present: freshness, and the active, silent, never measured and congested links."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
JUNE = [date(2026, 6, day) for day in (4, 5, 7, 9, 10)]
"""The dates of the loads of `toronto`."""


@pytest.fixture
def toronto(world):
    """Loads on five of seven local dates before 2026-06-10 12:07 in Toronto (16:07 UTC), the newest of them now."""
    world.live_in("America/Toronto")
    world.now = world.utc("2026-06-10 16:07:00.250000")
    for days in (6, 5, 3, 1):
        world.load(world.now - days * DAY)
    return world


def loaded(world, **values):
    world.load(world.now, **values)
    return world


def test_now_is_the_newest_loaded_snapshot(toronto):
    """The time, local time and months depend only on the loads."""
    loaded(toronto)
    assert toronto.one("SELECT now_at, now_local, local_date, month, last_month, week_ago FROM data_now") == {
        "now_at": toronto.now,
        "now_local": datetime(2026, 6, 10, 12, 7),
        "local_date": date(2026, 6, 10),
        "month": "2026-06",
        "last_month": "2026-05",
        "week_ago": date(2026, 6, 3),
    }


def test_the_month_before_january_is_december(world):
    """Near midnight the local month counts."""
    world.live_in("America/Toronto")
    world.load(world.utc("2027-02-01 04:59"))
    assert world.one("SELECT month, last_month FROM data_now") == {"month": "2027-01", "last_month": "2026-12"}


def test_freshness_counts_links_gaps_and_samples(toronto):
    """Three links listed, one measured within a day; of seven dates two had no load; one hour of 24 was loaded."""
    loaded(toronto, verdict="confirmed")
    for name in ("a", "b", "c"):
        toronto.link(name)
    toronto.link("gone", deleted_at=toronto.now)
    toronto.observe("a", [toronto.now - DAY])
    toronto.observe("b", [toronto.now - DAY - timedelta(seconds=1)])
    toronto.observe("gone", [toronto.now])
    found = toronto.one("SELECT * FROM data_freshness")
    assert found == {
        "data_as_of": toronto.now,
        "data_as_of_local": datetime(2026, 6, 10, 12, 7),
        "last_run_at": toronto.now,
        "last_run_outcome": "ok",
        "last_verdict": "confirmed",
        "links_expected": 3,
        "links_reporting": 1,
        "gap_days": 2,
        "hours_sampled": 1,
        "sampling_on": False,
    }


@pytest.mark.parametrize(("hours", "is_on"), [(5, False), (6, True)])
def test_sampling_is_judged_by_the_hours_that_loads_cover(world, hours, is_on):
    """Four loads an hour by cron and `sync` count like those of Dagster's schedule."""
    world.live_in("America/Toronto")
    now = world.utc("2026-06-10 16:07")
    for quarter in range(4 * hours):
        world.load(now - quarter * timedelta(minutes=15), trigger="manual")
    world.load(now - DAY, trigger="schedule")
    found = world.one("SELECT hours_sampled, sampling_on FROM data_freshness")
    assert list(found.values()) == [hours, is_on]


def test_freshness_without_a_load_or_without_samples(world):
    """An empty warehouse returns one row of NULLs; a nightly load is not a sample."""
    world.live_in("America/Toronto")
    empty = world.one("SELECT * FROM data_freshness")
    assert (empty["data_as_of"], empty["links_expected"], empty["sampling_on"]) == (None, 0, False)
    world.load(world.utc("2026-06-10 16:07"))
    assert not world.one("SELECT * FROM data_freshness")["sampling_on"]


def test_active_links_are_those_listed_with_their_newest_measurement(toronto):
    """Sensors by name, else by id; the newest measurement in local time; deleted links are left out."""
    loaded(toronto)
    toronto.link("a", origin_sensor_name="King", origin_sensor_id="1", destination_sensor_id="2", data_source="Sensor")
    toronto.link("b")
    toronto.link("gone", deleted_at=toronto.now)
    toronto.observe("a", [toronto.now - DAY, toronto.now - HOUR])
    columns = "link_id, data_source, sensors, last_observed_at_local, length_m"
    assert toronto.read(f"SELECT {columns} FROM links_active ORDER BY link_id") == [
        {
            "link_id": "a",
            "data_source": "Sensor",
            "sensors": "King to 2",
            "last_observed_at_local": datetime(2026, 6, 10, 11, 7),
            "length_m": 1000.0,
        },
        {"link_id": "b", "data_source": None, "sensors": "? to ?", "last_observed_at_local": None, "length_m": 1000.0},
    ]


def test_a_link_is_silent_after_three_of_its_usual_gaps(toronto):
    """Gaps of 5, 5 and 35 minutes: usually 5. Silent after 61 minutes, unless the usual gap is 30 minutes."""
    loaded(toronto)
    for name in ("often", "seldom", "once", "long ago", "fresh", "never"):
        toronto.link(name, status="Collecting")
    last = toronto.now.replace(microsecond=0) - timedelta(minutes=61)
    toronto.observe("often", [last - timedelta(minutes=m) for m in (0, 5, 10, 45)])
    toronto.observe("seldom", [last - timedelta(minutes=m) for m in (0, 30, 60)])
    toronto.observe("once", [last])
    toronto.observe("long ago", [last - DAY])
    toronto.observe("fresh", [toronto.now - timedelta(minutes=59)])
    rows = toronto.read(
        "SELECT link_id, last_observed_at_local, silent_hours, usual_gap_hours, status FROM links_silent"
    )
    found = {row["link_id"]: row for row in rows}
    assert {"often", "long ago"} == set(found)
    assert found["often"]["last_observed_at_local"] == datetime(2026, 6, 10, 11, 6)
    assert found["often"]["silent_hours"] == pytest.approx(61 / 60, abs=1e-9)
    assert found["often"]["usual_gap_hours"] == pytest.approx(5 / 60, abs=1e-9)
    assert found["often"]["status"] == "Collecting"
    assert found["long ago"]["usual_gap_hours"] is None


def test_the_usual_gap_of_an_even_number_of_gaps_is_between_the_middle_two(toronto):
    """Gaps of 10 and 20 minutes: usually 15."""
    loaded(toronto)
    toronto.link("a")
    toronto.observe("a", [toronto.now - 5 * HOUR - timedelta(minutes=m) for m in (0, 10, 30)])
    assert toronto.one("SELECT usual_gap_hours FROM links_silent")["usual_gap_hours"] == pytest.approx(0.25, abs=1e-9)


def test_links_that_never_reported(toronto):
    """Listed, and without any measurement; days_listed are the dates on which they were listed."""
    loaded(toronto)
    toronto.link("a", status="Not Collected", first_seen_at=toronto.utc("2026-06-04 16:07"))
    toronto.link("b")
    toronto.link("gone", deleted_at=toronto.now)
    toronto.observe("b", [toronto.now])
    days = [date(2026, 6, day) for day in (4, 5, 7)]
    toronto.write("link_snapshots", [{"snapshot_date": day, "link_id": "a", "content_hash": "c"} for day in days])
    assert toronto.read("SELECT * FROM links_never_reported") == [
        {
            "link_id": "a",
            "name": "Link a",
            "first_seen_at": toronto.utc("2026-06-04 16:07"),
            "days_listed": 3,
            "status": "Not Collected",
        }
    ]


def test_congested_is_slower_than_ninety_percent_within_the_hour(toronto):
    """44.9 of 50 km/h is congested, 45 is not; measurements older than an hour and deleted links do not count."""
    loaded(toronto)
    known = {"free_flow_speed_kmh": 50.0, "last_observed_at": toronto.now - HOUR, "last_sample_count": 3}
    toronto.link("slow", **known, last_speed_kmh=25.0)
    toronto.link("just", **known, last_speed_kmh=44.9)
    toronto.link("free", **known, last_speed_kmh=45.0)
    toronto.link("old", **known | {"last_observed_at": toronto.now - HOUR - timedelta(seconds=1)}, last_speed_kmh=9.0)
    toronto.link("gone", **known, last_speed_kmh=9.0, deleted_at=toronto.now)
    toronto.link("none", **known | {"free_flow_speed_kmh": 0.0}, last_speed_kmh=9.0)
    rows = toronto.read("SELECT link_id, speed_ratio, minutes_old, last_sample_count FROM congested_now ORDER BY 2")
    assert [row["link_id"] for row in rows] == ["slow", "just"]
    assert rows[0]["speed_ratio"] == pytest.approx(0.5, abs=1e-9)
    assert (rows[0]["minutes_old"], rows[0]["last_sample_count"]) == (60, 3)


def test_coverage_counts_bins_over_the_calendar_of_the_day(toronto):
    """30 of 96 bins, from 06:00 on except one hour: the longest gap is after them; a day without bins is one gap."""
    loaded(toronto)
    toronto.link("a", first_seen_at=toronto.local("2026-06-08 15:00"))
    toronto.listed("a", *JUNE)
    moments = toronto.quarters("2026-06-08", "06:00", 34)
    toronto.bins("a", ((at, 60.0) for n, at in enumerate(moments) if not 4 <= n < 8))
    rows = toronto.read("SELECT * FROM coverage_daily ORDER BY local_date")
    facts = ("local_date", "bins_expected", "bins_with_data", "longest_gap_min")
    assert [tuple(row[fact] for fact in facts) for row in rows] == [
        (date(2026, 6, 8), 96, 30, 570),  # from 14:30 on
        (date(2026, 6, 9), 96, 0, 1440),
        (date(2026, 6, 10), 49, 0, 735),  # until the quarter hour of now, 12:15
    ]
    assert rows[0]["coverage_pct"] == pytest.approx(100 * 30 / 96, abs=1e-9)


def test_the_gap_of_a_day_may_be_before_its_first_or_between_its_bins(toronto):
    """Midnight to 09:00 is longer than the rest; from a bin at 03:00 to one at 15:00 there are 705 minutes."""
    loaded(toronto)
    for name in ("late", "two"):
        toronto.link(name, first_seen_at=toronto.local("2026-06-08 00:00"))
        toronto.listed(name, *JUNE)
    toronto.bins("late", ((at, 60.0) for at in toronto.quarters("2026-06-08", "09:00", 60)))
    toronto.bins("two", [(toronto.local("2026-06-08 03:00"), 60.0), (toronto.local("2026-06-08 15:00"), 60.0)])
    select = "SELECT link_id, longest_gap_min FROM coverage_daily WHERE local_date = '2026-06-08' ORDER BY link_id"
    assert [row["longest_gap_min"] for row in toronto.read(select)] == [540, 705]


def test_a_link_is_not_blamed_for_days_on_which_it_was_deleted(toronto):
    """Listed on 4 and 5 June, gone on the 7th, back on the 10th; the 6th had no load, so the link counts as listed."""
    loaded(toronto)
    for name in ("back", "gone", "always"):
        toronto.link(name, first_seen_at=toronto.local("2026-06-04 04:30"))
    toronto.listed("back", *JUNE[:2], JUNE[-1])
    toronto.listed("gone", *JUNE[:2])
    toronto.listed("always", *JUNE)
    rows = toronto.read("SELECT link_id, local_date FROM coverage_daily ORDER BY local_date")
    days = {name: [row["local_date"].day for row in rows if row["link_id"] == name] for name in ("back", "gone")}
    assert days == {"back": [4, 5, 6, 10], "gone": [4, 5, 6]}
    assert [row["local_date"].day for row in rows if row["link_id"] == "always"] == [4, 5, 6, 7, 8, 9, 10]


def test_an_unproven_snapshot_deletes_nothing(world):
    """It lacks the link, but must not make it vanish."""
    world.live_in("America/Toronto")
    for day, may_remove in ((8, True), (9, False), (10, False)):
        world.load(world.utc(f"2026-06-{day:02d} 16:07"), may_remove=may_remove)
    world.link("a", first_seen_at=world.utc("2026-06-08 16:07"))
    world.listed("a", date(2026, 6, 8))
    assert [date(2026, 6, day) for day in (8, 9, 10)] == [
        row["local_date"] for row in world.read("SELECT local_date FROM coverage_daily ORDER BY local_date")
    ]


@pytest.mark.parametrize(("speed", "free_flow"), [(9.27, 10.3), (45.0, 50.0), (14.49, 16.1), (16.83, 18.7)])
def test_exactly_ninety_percent_is_not_congested(toronto, speed, free_flow):
    """Despite rounding errors."""
    loaded(toronto)
    toronto.link("tie", free_flow_speed_kmh=free_flow, last_speed_kmh=speed, last_observed_at=toronto.now)
    toronto.link("slow", free_flow_speed_kmh=free_flow, last_speed_kmh=speed - 0.001, last_observed_at=toronto.now)
    assert [row["link_id"] for row in toronto.read("SELECT link_id FROM congested_now")] == ["slow"]
