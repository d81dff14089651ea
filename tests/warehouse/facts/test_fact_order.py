"""The fact tables follow from the set of loaded walks alone, whatever the order and however often they are loaded.

`from_the_set` says what that function is where every walk is always read alike; `Model` what happens when another field
map reads a walk anew. Neither shares anything with the SQL. After every load all five tables are compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

LINKS = ("a", "b", "c")
HOURS = (3, 15, 27, 30, 45, 60)
"""When the walks were: the first two on one day, the next three on another, the last alone."""

MINUTES = (10.0, 14.999999, 15.0, 2000.0)
VALUES = (
    (60.0, 50.0, 5), (60.0, 50.0, None), (90.5, 33.25, 2), (61.7, None, 3), (75.1, 40.0, 0), (0.0, 5.0, 1),
    (None, 40.0, 1), (None, None, 3), (None, None, None),
)  # fmt: skip

Place = tuple[str, float]
Showings = dict[Place, dict[tuple[Any, ...], int]]
"""Of each place: each distinct set of values, with the hour of the earliest walk that showed it."""


def bounded(examples: int) -> settings:
    """The same examples each time, so that the run is short and says the same tomorrow; `make soak` looks further."""
    return settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=UNIMPORTANT)


UNIMPORTANT = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@dataclass(frozen=True)
class Record:
    """What a field map makes of one record: typed, or rejected with its id or without, or typed and rejected beside."""

    seen: Any
    fate: str = "typed"


@dataclass
class Read:
    """A walk as one field map reads it."""

    typed: dict[str, Any]
    rejected: list[str | None]

    def shown(self) -> dict[Place, tuple[Any, ...]]:
        return {(key, seen.minute): seen.values for key, seen in self.typed.items() if seen.has_data}

    def held(self) -> dict[str, str | None]:
        contents = {key: f"content-{seen.version}" for key, seen in self.typed.items()}
        return {**{key: None for key in self.rejected if key is not None}, **contents}


def read(walk: Mapping[str, tuple[Record, Record]], field_map: int) -> Read:
    records = {key: both[field_map] for key, both in walk.items()}
    typed = {key: record.seen for key, record in records.items() if record.fate in ("typed", "both")}
    rejected = [key for key, record in records.items() if record.fate in ("rejected", "both")]
    unreadable = [None for record in records.values() if record.fate == "unreadable"]
    return Read(typed, rejected + unreadable)


def from_the_set(reads: Mapping[int, Read]) -> Showings:
    """What follows from the loaded walks when each is read alike every time."""
    showings: Showings = {}
    for hour in sorted(reads, reverse=True):
        for place, values in reads[hour].shown().items():
            showings.setdefault(place, {})[values] = hour
    return showings


@dataclass
class Model:
    """The end state of the fact tables, from the readings of the loaded walks."""

    newest: dict[int, Read] = field(default_factory=dict)
    versions: set[tuple[str, str, float]] = field(default_factory=set)
    showings: Showings = field(default_factory=dict)
    is_repaired: bool = False

    def add(self, hour: int, walk: Read) -> dict[str, int]:
        """Load a walk; what the receipt must say of it."""
        shown = walk.shown()
        self.is_repaired |= hour in self.newest and shown != self.newest[hour].shown()
        self.newest[hour] = walk
        self.versions |= {(key, f"content-{seen.version}", seen.version) for key, seen in walk.typed.items()}
        before = {place: dict(sets) for place, sets in self.showings.items()}
        for place, sets in list(self.showings.items()):
            taken_back = [values for values, first in sets.items() if first == hour and shown.get(place) != values]
            for values in taken_back:
                del sets[values]
            if not sets:
                del self.showings[place]
        for place, values in shown.items():
            sets = self.showings.setdefault(place, {})
            sets[values] = min(hour, sets.get(values, hour))
        more = [
            place for place, values in shown.items()
            if place in before and values not in before[place] and hour not in before[place].values()
        ]  # fmt: skip
        return {
            "observations_inserted": len(shown.keys() - before.keys()),
            "observations_corrected": len(more),
            "no_data": sum(not seen.has_data for seen in walk.typed.values()),
        }

    def observations(self) -> dict[Place, list[tuple[Any, ...]]]:
        latest = {place: max(sets, key=lambda values: sets[values]) for place, sets in self.showings.items()}
        return {place: [(*values, self.showings[place][values])] for place, values in latest.items()}

    def corrections(self) -> dict[Place, list[tuple[Any, ...]]]:
        found = {}
        for place, sets in self.showings.items():
            by_age = sorted(sets, key=lambda values: sets[values])
            if by_age[:-1]:
                found[place] = [(*values, sets[values]) for values in by_age[:-1]]
        return found

    def snapshots(self) -> dict[str, dict[str, str | None]]:
        days = {hour // 24 for hour in self.newest}
        newest = {day: max(hour for hour in self.newest if hour // 24 == day) for day in days}
        return {f"2026-03-{1 + day:02}": held for day, hour in newest.items() if (held := self.newest[hour].held())}

    def bins(self) -> dict[Place, tuple[Any, ...]]:
        members: dict[Place, list[tuple[Fraction, int | None]]] = {}
        for (key, minute), ((time, _, count, _),) in self.observations().items():
            if time is not None and time > 0:
                members.setdefault((key, minute // 15 * 15), []).append((Fraction(time), count))
        return {place: (pytest.approx(mean(of), rel=1e-12), len(of), samples(of)) for place, of in members.items()}


def samples(members: list[tuple[Fraction, int | None]]) -> int | None:
    known = [count for _, count in members if count is not None]
    return sum(known) if known else None


def mean(members: list[tuple[Fraction, int | None]]) -> float:
    known = [count for _, count in members if count is not None]
    average = Fraction(sum(known), len(known)) if sum(known) else None
    weights = [Fraction(1) if average is None else average if count is None else count for _, count in members]
    return float(sum(time * weight for (time, _), weight in zip(members, weights, strict=True)) / sum(weights))


def compare(loader: Any, model: Model) -> None:
    assert model.observations() == loader.observations()
    assert model.corrections() == loader.corrections()
    assert model.bins() == loader.bins()
    assert model.snapshots() == loader.snapshots()
    assert model.versions == loader.versions()


def records(seen_class: Any) -> st.SearchStrategy[Record]:
    seen = st.builds(
        lambda version, minute, values: seen_class(version, minute, *values),
        st.integers(1, 2), st.sampled_from((*MINUTES, MINUTES[0], None)), st.sampled_from(VALUES),
    )  # fmt: skip
    return st.builds(Record, seen, st.sampled_from(["typed"] * 6 + ["rejected", "unreadable", "both"]))


@st.composite
def walks(draw: st.DrawFn, seen_class: Any) -> dict[str, tuple[Record, Record]]:
    """A walk's records, each as two field maps read it: mostly alike."""
    record = records(seen_class)
    walk = {}
    for key in draw(st.sets(st.sampled_from(LINKS), min_size=1)):
        first = draw(record)
        walk[key] = (first, draw(st.one_of(st.just(first), st.just(first), record)))
    return walk


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Walks in any order, some again at any time, under the first field map or the second."""
    hours = [*draw(st.permutations(HOURS)), *draw(st.lists(st.sampled_from(HOURS), max_size=5))]
    return [(hour, draw(st.sampled_from((0, 0, 1)))) for hour in draw(st.permutations(hours))]


def check(loader: Any, seen_class: Any, data: st.DataObject) -> None:
    """Load step by step and compare each time; load each again; then everything in order under the second field map."""
    week = {hour: data.draw(walks(seen_class)) for hour in HOURS}
    loader.clear()
    model = Model()
    newest: dict[int, int] = {}
    for hour, field_map in data.draw(steps()):
        load(loader, model, week, hour, field_map)
        compare(loader, model)
        newest[hour] = field_map
    if not model.is_repaired:
        event("every walk was always read alike")
        assert from_the_set(model.newest) == model.showings
    before = loader.everything()
    for hour in sorted(newest, reverse=True):
        if model.is_repaired:
            break
        load(loader, model, week, hour, newest[hour])
        assert before == loader.everything()
    for hour in HOURS:
        load(loader, model, week, hour, 1)
    compare(loader, model)
    assert from_the_set(model.newest) == model.showings
    before = loader.everything()
    for hour in HOURS:
        load(loader, model, week, hour, 1)
    assert before == loader.everything()


def load(loader: Any, model: Model, week: dict[int, Any], hour: int, field_map: int) -> None:
    walk = read(week[hour], field_map)
    receipt = loader.load(hour, walk.typed, walk.rejected)
    expected = model.add(hour, walk)
    assert expected == {name: getattr(receipt, name) for name in expected}


@pytest.mark.slow
@bounded(8)
@given(data=st.data())
def test_m55_any_order_of_loads_ends_in_the_facts_of_the_model(loader: Any, seen: Any, data: st.DataObject) -> None:
    """After every load, repairs by another field map included, each table and the receipt are the model's.

    A second load of each walk writes no row: on PostgreSQL the rows' own transaction numbers tell. When at last every
    walk is loaded in order under one field map, nothing is left of the other.
    """
    check(loader, seen, data)


@pytest.mark.slow
@bounded(8)
@given(data=st.data(), order=st.permutations(HOURS))
def test_m55_every_order_of_walks_ends_in_the_same_facts(
    loader: Any, seen: Any, data: st.DataObject, order: list[int]
) -> None:
    """Every column is equal, the means to the last digit, and each set of values was counted once."""
    week = {hour: data.draw(walks(seen)) for hour in HOURS}
    ends = []
    for hours in (HOURS, order):
        loader.clear()
        reads = {hour: read(week[hour], 0) for hour in hours}
        receipts = [loader.load(hour, walk.typed, walk.rejected) for hour, walk in reads.items()]
        ends.append(loader.content())
        assert len(ends[-1]["link_observations"]) == sum(receipt.observations_inserted for receipt in receipts)
        assert len(ends[-1]["observation_corrections"]) == sum(receipt.observations_corrected for receipt in receipts)
    assert ends[0] == ends[1]


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(bounded(1000), derandomize=False, print_blob=True)
@given(data=st.data())
def test_m55_any_order_of_loads_ends_in_the_facts_of_the_model_at_length(
    loader: Any, seen: Any, data: st.DataObject
) -> None:
    """A thousand sequences on each database, new ones each time."""
    check(loader, seen, data)
