"""The synthetic network and its traffic are believable, consistent and the same for the same seed and time."""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest

from inode_pipeline.emulator.network import Link, build_network
from inode_pipeline.emulator.traffic import Interval, Traffic

WEDNESDAY = datetime(2026, 6, 10, tzinfo=timezone(timedelta(hours=-4)))
"""Midnight in the city, in summer time."""


def straight_m(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Metres between two points on a flat map of a small area."""
    east = (other[0] - one[0]) * 111_195 * math.cos(math.radians((one[1] + other[1]) / 2))
    return math.hypot(east, (other[1] - one[1]) * 111_195)


def mean_ratio(links: list[Link], at: datetime) -> float:
    """Travel time over free flow, the mean of links."""
    traffic = Traffic(1)
    interval = Interval.before(at)
    return statistics.mean(
        traffic.measure(link, interval).travel_time_s * link.free_flow_kmh / 3.6 / link.length_m for link in links
    )


def records_of(links: Sequence[Link], seed: int, at: datetime) -> list[dict[str, Any]]:
    """What the API would show of the links at an instant."""
    return [Traffic(seed).record(link, Interval.before(at)) for link in links]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 19, 20, 300, 301, 1000])
def test_network_has_exactly_the_asked_number_of_links_in_order_of_distinct_ids(count):
    """Any number of links can be had, and their ids only grow."""
    ids = [link.id for link in build_network(count, 1)]
    assert ids == sorted(set(ids))
    assert len(ids) == count


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_links_run_both_ways_between_the_same_sensors(seed):
    """Every link of an even number has its opposite, of the same length along the reversed line."""
    links = {(link.origin.id, link.destination.id): link for link in build_network(300, seed)}
    assert len(links) == 300
    for (origin, destination), link in links.items():
        opposite = links[destination, origin]
        assert (opposite.length_m, opposite.line) == (link.length_m, link.line[::-1])


def test_links_and_sensors_have_distinct_names_and_a_link_is_named_after_its_road():
    """A name says road, direction and both crossings, and no two links or sensors share one."""
    links = build_network(5000, 1)
    assert len({link.name for link in links}) == 5000
    assert len({s.name for link in links for s in (link.origin,)}) == len({link.origin.id for link in links})
    assert all(link.name.startswith(link.corridor.name) for link in links)


def test_link_is_as_long_as_its_line_and_never_shorter_than_the_straight_way():
    """The length follows the line to 0.1 m, begins and ends at the sensors, and exceeds the straight way a little."""
    for link in build_network(300, 1):
        along = sum(straight_m(one, other) for one, other in pairwise(link.line))
        ends = straight_m(link.line[0], link.line[-1])
        assert link.line[0] == (link.origin.longitude, link.origin.latitude)
        assert link.line[-1] == (link.destination.longitude, link.destination.latitude)
        assert link.length_m == pytest.approx(along, abs=0.2, rel=1e-4)
        assert ends <= link.length_m < 1.1 * ends


def test_same_seed_and_time_give_the_same_bytes_and_others_do_not():
    """Records depend on the seed, the number of links and the interval, and on nothing else."""

    def written(seed: int, at: datetime) -> str:
        return json.dumps(records_of(build_network(300, seed), seed, at))

    noon = WEDNESDAY + timedelta(hours=12)
    assert written(1, noon) == written(1, noon + timedelta(minutes=4, seconds=59))
    assert written(1, noon) == written(1, noon.astimezone(UTC))
    assert len({written(1, noon), written(2, noon), written(1, noon + timedelta(minutes=5))}) == 3


def test_length_time_and_speed_agree_at_every_hour():
    """3.6 times length over time is the speed, rounded; speeds are those of roads."""
    links = build_network(300, 1)
    traffic = Traffic(1)
    for hour in range(0, 24 * 7, 5):
        interval = Interval.before(WEDNESDAY + timedelta(hours=hour))
        for link in links:
            measured = traffic.measure(link, interval)
            assert measured.speed_kmh == round(3.6 * link.length_m / measured.travel_time_s, 2)
            assert 5 < measured.speed_kmh < 1.1 * link.free_flow_kmh
            assert measured.samples >= 1


def test_morning_peak_slows_the_way_into_the_city_and_evening_peak_the_way_out():
    """Inbound is worst at eight, outbound at five; the night flows freely, and Sunday at eight nearly does."""
    links = build_network(300, 1)
    inward = [link for link in links if link.inbound > 0.5]
    outward = [link for link in links if link.inbound < -0.5]
    night, eight, five = (WEDNESDAY + timedelta(hours=hours) for hours in (3, 8, 17))
    assert 0.97 < mean_ratio(inward, night) < 1.05
    assert mean_ratio(inward, eight) > mean_ratio(outward, eight) + 0.2
    assert mean_ratio(outward, five) > mean_ratio(inward, five) + 0.2
    assert mean_ratio(inward, eight) > 1.4
    assert mean_ratio(inward, eight + timedelta(days=4)) < 1.1


def test_peak_follows_the_citys_own_clock_through_the_change_to_winter_time():
    """Eight in the morning is 12:00 UTC in summer and 13:00 UTC in winter."""
    summer = Interval.before(datetime(2026, 10, 28, 12, 5, tzinfo=UTC))
    winter = Interval.before(datetime(2026, 11, 4, 13, 5, tzinfo=UTC))
    assert (summer.hour, summer.weekday) == (winter.hour, winter.weekday)
    assert (int(summer.hour), summer.weekday) == (8, 2)


def test_record_is_labelled_synthetic_and_stamped_with_the_end_of_the_last_interval():
    """The wire's fields, in order; the time is UTC to the second; a silent link measures nothing."""
    links = build_network(300, 1)
    at = datetime(2026, 6, 10, 12, 4, 59, 999_999, tzinfo=UTC)
    records = records_of(links, 1, at)
    reporting = next(record for record in records if record["last_speed"] is not None)
    assert list(reporting) == [
        "id", "name", "status", "data_source", "grid", "origin", "destination", "distance", "free_flow_speed",
        "last_speed", "last_travel_time", "sample_size", "last_updated", "geometry", "is_synthetic",
    ]  # fmt: skip
    assert reporting["last_updated"] == "2026-06-10T12:00:00Z"
    assert {record["is_synthetic"] for record in records} == {True}
    for link, record in zip(links, records, strict=True):
        measured = [record[name] for name in ("last_speed", "last_travel_time", "sample_size")]
        assert (link.condition == "reporting") == (None not in measured)
        assert link.condition == "reporting" or measured == [None, None, None]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_some_links_are_silent_a_few_disabled_and_some_crowdsourced_without_sensors(seed):
    """A network of 300 shows every kind of link that an analyst must know about."""
    records = records_of(build_network(300, seed), seed, WEDNESDAY)
    statuses = [record["status"] for record in records]
    assert {status: statuses.count(status) for status in statuses} == {
        "Collecting": 282, "Not Collected": 12, "Disabled": 6,
    }  # fmt: skip
    crowdsourced = [record for record in records if record["data_source"] == "Crowdsourced"]
    assert 30 <= len(crowdsourced) <= 36
    assert all(record["origin"] is None and record["destination"] is None for record in crowdsourced)
    silent_since = {record["last_updated"] for record in records if record["status"] == "Not Collected"}
    assert None in silent_since
    assert len(silent_since) > 2


def test_five_thousand_links_are_built_in_less_than_a_second():
    """Bigger tests may ask for bigger networks."""
    began = time.process_time()
    build_network(5000, 1)
    assert time.process_time() - began < 1
