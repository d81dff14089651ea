"""The most congested links."""

from __future__ import annotations

from datetime import timedelta

from inode_pipeline.analysis.receipts import most_congested

HOUR = timedelta(hours=1)


def test_the_slowest_by_speed_over_free_flow_come_first(books, noon):
    """A link at half its free flow ranks above a slower one that is always slow."""
    books.loaded("walk", noon)
    books.link("half", last_speed_kmh=50.0, free_flow_speed_kmh=100.0, last_observed_at=noon)
    books.link("slow", last_speed_kmh=20.0, free_flow_speed_kmh=25.0, last_observed_at=noon - HOUR)

    found = most_congested(books.warehouse)
    assert [(link.name, link.speed_ratio) for link in found] == [("half", 0.5), ("slow", 0.8)]
    assert found[0].last_observed_at == noon


def test_links_without_a_recent_measurement_are_left_out(books, noon):
    """An old measurement, no speed, no or zero free flow, or deleted: none of these is congested now."""
    books.loaded("walk", noon)
    known = {"last_speed_kmh": 1.0, "free_flow_speed_kmh": 100.0, "last_observed_at": noon}
    books.link("old", **known | {"last_observed_at": noon - HOUR - timedelta(microseconds=1)})
    books.link("unmeasured", **known | {"last_speed_kmh": None})
    books.link("no free flow", **known | {"free_flow_speed_kmh": None})
    books.link("zero free flow", **known | {"free_flow_speed_kmh": 0.0})
    books.link("gone", **known | {"last_seen_at": noon - HOUR, "deleted_at": noon})

    assert most_congested(books.warehouse) == []


def test_as_many_as_asked_for(books, noon):
    """The limit applies, and an empty warehouse has none."""
    assert most_congested(books.warehouse) == []
    books.loaded("walk", noon)
    for number in range(7):
        books.link(str(number), last_speed_kmh=number + 1.0, free_flow_speed_kmh=90.0, last_observed_at=noon)

    assert [link.name for link in most_congested(books.warehouse, limit=3)] == ["0", "1", "2"]
