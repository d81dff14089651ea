"""Units checked by physics: length over time is speed, or the run stops with the slip and its cure."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inode_pipeline.endpoints.fieldmap import read_field_map
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import UnitsError
from inode_pipeline.normalise import Normaliser
from inode_pipeline.normalise.fields import Counts
from inode_pipeline.normalise.units import MOST, Sample, check_units, count, units_agree

# length in m, travel time in s, speed in km/h: what the road really did
TRUE = [(1000.0, 60.0, 60.0), (500.0, 36.0, 50.0), (1200.0, 48.0, 90.0), (2000.0, 90.0, 78.0), (800.0, 40.0, 74.0)]


def records(length: float = 1.0, time: float = 1.0, speed: float = 1.0) -> list[dict[str, Any]]:
    return [
        {
            "id": n,
            "name": "A",
            "distance": metres / length,
            "last_travel_time": seconds / time,
            "last_speed": kmh / speed,
        }
        for n, (metres, seconds, kmh) in enumerate(TRUE)
    ]


def walked(page: list[dict[str, Any]], endpoint: Any = LINKS) -> Normaliser:
    normaliser = Normaliser(endpoint)
    normaliser.page(1, page)
    return normaliser


def test_right_units_pass() -> None:
    """And the number of records that were judged is known."""
    normaliser = walked(records())
    normaliser.check(None, 0.01)
    assert normaliser.units_checked == 5


@pytest.mark.parametrize(
    ("wire", "lines"),
    [
        ({"length": 1000.0}, {"length_m": "km"}),
        ({"length": 1609.344}, {"length_m": "mi"}),
        ({"length": 0.3048}, {"length_m": "ft"}),
        ({"time": 60.0}, {"last_travel_time_s": "min"}),
        ({"time": 0.001}, {"last_travel_time_s": "ms"}),
        ({"speed": 1.609344}, {"last_speed_kmh": "mph"}),
        ({"speed": 3.6}, {"last_speed_kmh": "m/s"}),
        ({"length": 0.3048, "time": 60.0}, {"length_m": "ft", "last_travel_time_s": "min"}),
    ],
)
def test_a_slip_stops_and_names_its_cure(tmp_path: Path, wire: dict[str, float], lines: dict[str, str]) -> None:
    """Miles, kilometres, feet, minutes, milliseconds, mph, m/s: the remedy's lines, written as they are, mend it."""
    with pytest.raises(UnitsError) as caught:
        walked(records(**wire)).check(None, 0.01)
    toml = caught.value.remedy.partition(":\n")[2]
    columns = tomllib.loads(toml)["links"]["columns"]
    assert columns == {name: {"unit": unit} for name, unit in lines.items()}
    path = tmp_path / "map.toml"
    path.write_text(toml)
    walked(records(**wire), read_field_map(path).apply(LINKS)).check(None, 0.01)


def test_the_message_names_the_slip() -> None:
    """With the median and the number of records, so that a person can judge."""
    with pytest.raises(UnitsError) as caught:
        walked(records(speed=1.609344)).check(None, 0.01)
    assert "near 1, but its median over 5 records is 1.609" in caught.value.message
    assert "Likely last_speed_kmh is in mph" in caught.value.message


def test_two_likely_slips_are_both_named() -> None:
    """Miles and kilometres lie apart, but feet and metres a second explain nearly the same."""
    with pytest.raises(UnitsError) as caught:
        walked(records(speed=3.6)).check(None, 0.01)
    assert "Likely last_speed_kmh is in m/s (or length_m is in ft) on the wire." in caught.value.message


def test_a_unit_that_is_wrong_in_the_field_map_is_found(mapped) -> None:
    """The cure starts from what the field map says now."""
    with pytest.raises(UnitsError, match=r"last_speed_kmh is in km/h"):
        walked(records(), mapped("last_speed_kmh", source_unit="mph")).check(None, 0.01)


def test_a_contradiction_that_no_unit_explains_says_so() -> None:
    """Then the fields do not belong together."""
    with pytest.raises(UnitsError, match="No slip") as caught:
        walked(records(length=1e-12)).check(None, 0.01)
    assert "inode-pipeline inspect" in caught.value.remedy


@pytest.mark.parametrize(
    "left_out",
    [
        {"distance": None},
        {"distance": 0},
        {"last_travel_time": 0},
        {"last_travel_time": None},
        {"last_speed": 0},
        {"last_speed": None},
    ],
)
def test_rows_without_all_three_are_left_out(left_out: dict[str, Any]) -> None:
    """Zero is kept in the table but says nothing about units; a walk without any such row is not checked."""
    page = [{"id": 9, "name": "A", "distance": 1, "last_travel_time": 1, "last_speed": 1} | left_out]
    normaliser = walked(page)
    normaliser.check(None, 0.01)
    assert (normaliser.units_checked, normaliser.rejected) == (0, 0)
    walked(records() + page * 6).check(None, 0.01)


@pytest.mark.parametrize(("factor", "passes"), [(0.8001, True), (0.7999, False), (1.2499, True), (1.2501, False)])
def test_the_median_decides_within_its_bounds(factor: float, *, passes: bool) -> None:
    """0.8 to 1.25; single records may be far off, for the median does not see them."""
    page = [
        {"id": n, "name": "A", "distance": 1000 * ratio, "last_travel_time": 60, "last_speed": 60}
        for n, ratio in enumerate([factor, factor, factor, 1000.0, 0.001])
    ]
    if passes:
        walked(page).check(None, 0.01)
    else:
        with pytest.raises(UnitsError):
            walked(page).check(None, 0.01)


def test_the_median_is_that_of_the_walk_not_of_a_page() -> None:
    """A page of wrong records among many right ones does not stop the run."""
    normaliser = walked(records(speed=1.609344))
    for number in range(2, 5):
        normaliser.page(number, records())
    normaliser.check(None, 0.01)


def test_a_long_walk_keeps_few_values_and_counts_all() -> None:
    """Every second record, every fourth, and so on, whatever the pages' sizes; the message says how many are shown."""
    sample, sums = Sample(), Counts()
    true = iter(np.arange(1.0, 3 * MOST + 1.0))
    for size in itertools.cycle((1, 999, 7000)):
        lengths = np.fromiter(itertools.islice(true, size), np.float64)
        if not lengths.size:
            break
        known = np.stack([lengths, lengths, np.ones_like(lengths)])
        count(sums, known)
        sample.add(known)
        assert sample.values.shape[1] <= MOST
    assert 4 == sample.stride
    assert list(range(1, 3 * MOST + 1, 4)) == sample.values[0].tolist()
    assert (3 * MOST, 0, 3 * MOST) == (sums.moving, sums.slow, sums.fast)
    with pytest.raises(UnitsError, match=f"its median over {3 * MOST // 4} of the {3 * MOST} records is 3.6"):
        check_units(LINKS, sums, sample)


@pytest.mark.parametrize(("slow", "fast", "agree"), [(5, 5, True), (5, 0, True), (6, 0, False), (0, 6, False)])
def test_units_agree_where_a_median_lies_within_the_bounds(slow: int, fast: int, *, agree: bool) -> None:
    """Of an even number of records, any value between the two middle ones is a median."""
    assert agree == units_agree(Counts(moving=10, slow=slow, fast=fast))
