"""The fact tables, rule by rule, with values worked out by hand."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from inode_pipeline.errors import SuspiciousShrinkError
from inode_pipeline.warehouse.engine import reading

FIVE = ("a", "b", "c", "d", "e")


def test_a_bin_is_the_mean_weighted_by_the_counts(loader: Any, seen: Any) -> None:
    """Worked out by hand: 60 s of 5 vehicles and 90 s of 10 are 80 s; the next minute belongs to the next bin."""
    loader.load(1, {"a": seen(minute=0.0, travel_time_s=60.0, sample_count=5)})
    loader.load(2, {"a": seen(minute=14.999999, travel_time_s=90.0, sample_count=10)})
    loader.load(3, {"a": seen(minute=15.0, travel_time_s=61.7, sample_count=7)})
    assert loader.bins() == {("a", 0.0): (80.0, 2, 15), ("a", 15.0): (61.7, 1, 7)}


@pytest.mark.parametrize(
    ("observations", "expected"),
    [
        pytest.param(
            [(60.0, 2), (90.0, 4), (120.0, None)], (90.0 + 10.0 / 3, 3, 6), id="unknown weighs as the average"
        ),
        pytest.param([(60.0, None), (90.0, None)], (75.0, 2, None), id="none is known"),
        pytest.param([(60.0, 0), (90.0, None)], (75.0, 2, 0), id="nobody was counted"),
        pytest.param([(60.0, 0), (90.0, 3)], (90.0, 2, 3), id="a known 0 weighs nothing"),
        pytest.param([(60.0, 1), (None, 3)], (60.0, 1, 1), id="no travel time"),
        pytest.param([(60.0, 1), (0.0, 3)], (60.0, 1, 1), id="a time of 0"),
        pytest.param([(60.0, 1), (1e308, 3), (1.5e308, 3)], (60.0, 1, 1), id="a time beyond reason"),
        pytest.param([(60.0, 2**63 - 1), (90.0, 2**63 - 1)], (75.0, 2, None), id="counts beyond reason"),
        pytest.param([(0.0, 1), (None, 2)], None, id="nothing left"),
    ],
)
def test_what_a_bin_rests_on(loader: Any, seen: Any, observations: Any, expected: Any) -> None:
    """Each case by hand: (60 * 2 + 90 * 4 + 120 * 3) / 9 = 93.33 where one of three counts is not known."""
    for hour, (time, count) in enumerate(observations):
        loader.load(hour, {"a": seen(minute=hour, travel_time_s=time, speed_kmh=50.0, sample_count=count)})
    found = loader.bins().get(("a", 0.0))
    assert (expected is None) == (found is None)
    assert expected is None or (pytest.approx(expected[0], rel=1e-12), *expected[1:]) == found


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))), ids=str)
def test_a_correction_keeps_what_was_said_before(loader: Any, seen: Any, order: tuple[int, ...]) -> None:
    """60, then 70, then 80 seconds for one time: 80 is current, the others are kept, whichever walk is loaded first."""
    said = {1: 60.0, 2: 70.0, 3: 80.0}
    receipts = [loader.load(hour, {"a": seen(minute=5.0, travel_time_s=said[hour])}) for hour in order]
    assert loader.observations() == {("a", 5.0): [(80.0, None, None, 3)]}
    assert loader.corrections() == {("a", 5.0): [(60.0, None, None, 1), (70.0, None, None, 2)]}
    assert loader.bins() == {("a", 0.0): (80.0, 1, None)}
    assert [(1, 0), (0, 1), (0, 1)] == [(r.observations_inserted, r.observations_corrected) for r in receipts]


def test_what_is_said_again_is_kept_once_with_who_said_it_first(loader: Any, seen: Any) -> None:
    """60, 70 and 60 again: 70 is the newest set, since 60 was there before; an earlier walk that said 70 turns that."""
    for hour, time in ((2, 60.0), (3, 70.0), (4, 60.0)):
        loader.load(hour, {"a": seen(minute=5.0, travel_time_s=time)})
    assert loader.observations() == {("a", 5.0): [(70.0, None, None, 3)]}
    assert loader.corrections() == {("a", 5.0): [(60.0, None, None, 2)]}
    loader.load(1, {"a": seen(minute=5.0, travel_time_s=70.0)})
    assert loader.observations() == {("a", 5.0): [(60.0, None, None, 2)]}
    assert loader.corrections() == {("a", 5.0): [(70.0, None, None, 1)]}


def test_another_field_map_repairs_and_corrects_nothing(loader: Any, seen: Any) -> None:
    """Minutes taken for seconds, a time in the wrong zone, a value that was none: what the walk had said is gone."""
    wrong = {key: seen(minute=5.0, travel_time_s=1.5) for key in FIVE[:3]}
    loader.load(1, wrong)
    right = {
        "a": seen(minute=5.0, travel_time_s=90.0),
        "b": seen(minute=65.0, travel_time_s=90.0),
        "c": seen(minute=5.0),
    }
    receipt = loader.load(1, right)
    assert loader.observations() == {("a", 5.0): [(90.0, None, None, 1)], ("b", 65.0): [(90.0, None, None, 1)]}
    assert loader.corrections() == {}
    assert loader.bins() == {("a", 0.0): (90.0, 1, None), ("b", 60.0): (90.0, 1, None)}
    assert (1, 0, 1) == (receipt.observations_inserted, receipt.observations_corrected, receipt.no_data)
    loader.load(1, {}, ["a", "b", "c"])
    assert ({}, {}) == (loader.observations(), loader.bins())


def test_a_date_holds_what_its_newest_loaded_walk_held(loader: Any, seen: Any) -> None:
    """A rejected link is held without a configuration; an older walk changes nothing, and each date is its own."""
    loader.load(10, {"a": seen(1), "b": seen(1), "c": seen(1)})
    loader.load(12, {"a": seen(2), "d": seen(1)}, ["b", None])
    held = {"a": "content-2", "b": None, "d": "content-1"}
    assert loader.snapshots() == {"2026-03-01": held}
    loader.load(11, {"a": seen(1), "c": seen(1)})
    loader.load(30, {"e": seen(1)})
    assert loader.snapshots() == {"2026-03-01": held, "2026-03-02": {"e": "content-1"}}
    assert {("a", "content-1", 1.0), ("a", "content-2", 2.0)} <= loader.versions()


def test_a_refused_walk_leaves_no_fact(loader: Any, seen: Any) -> None:
    """What it showed is undone with it, on every table."""
    loader.load(1, {key: seen(minute=1.0, travel_time_s=60.0) for key in FIVE})
    before = loader.everything()
    with pytest.raises(SuspiciousShrinkError):
        loader.load(2, {"a": seen(2, minute=2.0, travel_time_s=70.0)}, allow_shrink=False)
    assert before == loader.everything()


def test_a_second_load_writes_no_row(loader: Any, seen: Any) -> None:
    """Of a walk with new, corrected and missing values; on SQLite nothing of the file is written but the load's row."""
    loader.load(1, {"a": seen(minute=1.0, travel_time_s=60.0), "b": seen(minute=1.0, travel_time_s=60.0)})
    second = {"a": seen(minute=1.0, travel_time_s=61.0), "b": seen(), "c": seen(2, minute=3.0, speed_kmh=50.0)}
    loader.load(2, second, ["d"])
    before = loader.everything()
    receipt = loader.load(2, second, ["d"])
    assert before == loader.everything()
    assert (0, 0, 1) == (receipt.observations_inserted, receipt.observations_corrected, receipt.no_data)


def test_the_working_tables_are_gone_after_a_load(loader: Any, seen: Any) -> None:
    """On SQLite they would live as long as the connection, which the pool keeps."""
    for hour, time in ((1, 60.0), (2, 70.0)):
        loader.load(hour, {"a": seen(minute=5.0, travel_time_s=time)})
    there = "SELECT count(*) FROM sqlite_temp_master"
    if loader.warehouse.is_postgresql:
        there = "SELECT count(*) FROM pg_class WHERE relpersistence = 't'"
    with reading(loader.warehouse) as connection:
        assert connection.scalar(text(there)) == 0


def test_times_far_from_now_have_their_quarter_too(loader: Any, seen: Any) -> None:
    """Stamps of 1978, which a feed of no data bears, and of the next century."""
    minutes = [timedelta(days=days, minutes=44, seconds=59) / timedelta(minutes=1) for days in (-17_600, 40_000)]
    for hour, minute in enumerate(minutes):
        loader.load(hour, {"a": seen(minute=minute, travel_time_s=60.0)})
    assert set(loader.bins()) == {("a", minute // 15 * 15) for minute in minutes}
