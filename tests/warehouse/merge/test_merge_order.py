"""The rows of `links` follow from the set of loaded walks alone, whatever the order and however often they are loaded.

`Model` says what that function is, column by column, from the set alone; it knows neither present nor past loads and
shares nothing with the SQL. After every single load the real table is compared with it, on both databases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from inode_pipeline.warehouse.merge import MergeRules

LINKS = ("a", "b", "c", "d")
DAYS = range(7)
START = datetime(2026, 3, 1, 4, 30, tzinfo=UTC)
LAST_WRITTEN = ("snapshot_at", "snapshot_date", "written")
ANYTHING_GOES = MergeRules(1.0, allow_shrink=True)


def bounded(examples: int) -> settings:
    """The same examples each time, so that the run is short and says the same tomorrow; `make soak` looks further."""
    return settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=UNIMPORTANT)


UNIMPORTANT = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@dataclass(frozen=True)
class Record:
    """A link as one day's walk shows it.

    `strict` says what the first field map makes of it: typed, rejected, or rejected without a readable id. Every later
    field map types it, but for a `stubborn` one, which stays rejected with its id.
    """

    version: int
    strict: str = "typed"
    stubborn: bool = False


@dataclass(frozen=True)
class Step:
    """One load: the day's walk, under the first field map or a later one, with a verdict."""

    day: int
    is_lenient: bool
    verdict: str


@dataclass
class Reading:
    """What one load made of a walk."""

    typed: dict[str, int]
    rejected: list[str | None]
    verdict: str

    @property
    def held(self) -> set[str]:
        return set(self.typed) | {key for key in self.rejected if key is not None}

    @property
    def may_remove(self) -> bool:
        return self.verdict in ("proven", "confirmed") and None not in self.rejected


def read(walk: Mapping[str, Record], step: Step) -> Reading:
    reading = Reading({}, [], step.verdict)
    for key, record in walk.items():
        if record.stubborn:
            reading.rejected.append(key)
        elif step.is_lenient or record.strict == "typed":
            reading.typed[key] = record.version
        else:
            reading.rejected.append(key if record.strict == "rejected" else None)
    return reading


@dataclass
class Model:
    """The end state of `links` as the column "is" defines it, from the readings of the loaded walks."""

    newest: dict[int, Reading] = field(default_factory=dict)
    """By day: what the walk's newest load made of it."""
    typed_ever: dict[str, set[int]] = field(default_factory=dict)
    rejected_ever: set[str] = field(default_factory=set)

    def add(self, day: int, reading: Reading) -> None:
        self.newest[day] = reading
        self.rejected_ever |= reading.held - set(reading.typed)
        for key in reading.typed:
            self.typed_ever.setdefault(key, set()).add(day)

    def days_holding(self, key: str) -> list[int]:
        return [day for day, reading in self.newest.items() if key in reading.held]

    def last_seen(self, key: str) -> int | None:
        last = max(self.days_holding(key))
        return None if last == max(self.newest) else last

    def deleted(self, key: str) -> int | None:
        last = self.last_seen(key)
        if last is None:
            return None
        return min((day for day, reading in self.newest.items() if day > last and reading.may_remove), default=None)

    def marks(self) -> dict[str, tuple[int, int | None, int | None]]:
        return {key: (min(days), self.last_seen(key), self.deleted(key)) for key, days in self.typed_ever.items()}

    def version_of(self, key: str) -> int | None:
        """The version that must stand; None where a rejected record excepts the link from the rule."""
        if key in self.rejected_ever:
            return None
        return self.newest[max(self.typed_ever[key])].typed[key]


def records(*, flawless: bool) -> st.SearchStrategy[Record]:
    versions = st.integers(0, 2)
    if flawless:
        return st.builds(Record, versions)
    strictness = st.sampled_from(["typed", "typed", "typed", "rejected", "unreadable"])
    return st.builds(Record, versions, strictness, st.sampled_from([False, False, False, True]))


def weeks(*, flawless: bool) -> st.SearchStrategy[list[dict[str, Record]]]:
    walk = st.dictionaries(st.sampled_from(LINKS), records(flawless=flawless))
    return st.lists(walk, min_size=len(DAYS), max_size=len(DAYS))


VERDICTS = st.sampled_from(["proven", "confirmed", "unverified"])


@st.composite
def loads(draw: st.DrawFn) -> list[Step]:
    """Seven days in any order, some again at any time; a walk that was read leniently once is never read strictly."""
    order = draw(st.permutations(DAYS))
    again = draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=6))
    days = list(order)
    for day in again:
        days.insert(draw(st.integers(days.index(day) + 1, len(days))), day)
    verdicts = {day: draw(VERDICTS) for day in DAYS}
    lenient: set[int] = set()
    steps: list[Step] = []
    for day in days:
        if draw(st.sampled_from([False, False, True])):
            lenient.add(day)
        if any(step.day == day for step in steps) and draw(st.booleans()):
            verdicts[day] = draw(VERDICTS)
        steps.append(Step(day, day in lenient, verdicts[day]))
    return steps


def normaliser(step: Step) -> int:
    return 2 if step.is_lenient else 1


def load(loader: Any, week: list[dict[str, Record]], step: Step) -> tuple[Reading, Any]:
    reading = read(week[step.day], step)
    receipt = loader.load(
        step.day,
        reading.typed,
        reading.rejected,
        verdict=step.verdict,
        normaliser=normaliser(step),
        rules=ANYTHING_GOES,
    )
    return reading, receipt


def compare(loader: Any, model: Model) -> None:
    state = loader.state()
    assert model.marks() == {key: row[1:] for key, row in state.items()}
    for key, row in state.items():
        version = model.version_of(key)
        shown = {reading.typed[key] for reading in model.newest.values() if key in reading.typed}
        if version is not None:
            assert version == row[0], f"{key} is not of the newest walk that typed it"
        else:
            event("a link with a rejected record")
            assert row[0] in shown or not shown


def receipt_between(
    before: dict[str, Any], after: dict[str, Any], reading: Reading, written: set[str]
) -> dict[str, int]:
    """What the receipt must say, counted from the table before and after; `written` are the updated links."""
    left_alone = len(set(reading.typed) & set(before) - written)
    fell = {key for key in before if before[key]["deleted_at"] is None and after[key]["deleted_at"] is not None}
    rose = {key for key in written if before[key]["deleted_at"] is not None and after[key]["deleted_at"] is None}
    return {
        "rejected": len(reading.rejected),
        "inserted": len(after) - len(before),
        "updated": len(written),
        "vanished": len(fell),
        "reopened": len(rose),
        "left_alone": left_alone,
    }


def to_write(before: dict[str, Any], reading: Reading, step: Step, *, is_present: bool) -> set[str]:
    """The links whose values this load must write: changed or gone ones, of a past load those it saw last."""
    at = START + timedelta(days=step.day)
    found = set()
    for key in set(reading.typed) & set(before):
        gone_at = before[key]["last_seen_at"]
        differs = before[key]["record_hash"] != f"{normaliser(step)}:{reading.typed[key]}"
        is_last_seen = gone_at is not None and (gone_at < at or (gone_at == at and differs))
        if (is_present and (differs or gone_at is not None)) or (not is_present and is_last_seen):
            found.add(key)
    return found


def has_new_values(before: dict[str, Any], after: dict[str, Any], *, is_typed: bool) -> bool:
    """Whether a load wrote the row's values: they or their walk differ, or a typed record has brought it back."""
    returned = is_typed and before["last_seen_at"] is not None and after["last_seen_at"] is None
    return returned or any(before[name] != after[name] for name in ("record_hash", "snapshot_at"))


def check(loader: Any, week: list[dict[str, Record]], steps: list[Step]) -> None:
    """Load step by step, and compare table and receipt each time; then load every walk once more."""
    loader.clear()
    model = Model()
    newest_steps = {}
    for step in steps:
        before, newest = loader.rows(), max(model.newest, default=-1)
        reading, receipt = load(loader, week, step)
        model.add(step.day, reading)
        compare(loader, model)
        is_present, after = step.day >= newest, loader.rows()
        written = to_write(before, reading, step, is_present=is_present)
        assert written == {
            key for key in before if has_new_values(before[key], after[key], is_typed=key in reading.typed)
        }
        expected = receipt_between(before, after, reading, written)
        assert expected.pop("left_alone") == (receipt.unchanged if is_present else receipt.superseded)
        assert expected == {name: getattr(receipt, name) for name in expected}
        newest_steps[step.day] = step
    rows, rejects = loader.rows(), loader.rejects()
    for step in newest_steps.values():
        _, receipt = load(loader, week, step)
        assert (receipt.inserted, receipt.updated, receipt.vanished) == (0, 0, 0)
    assert rows == loader.rows()
    assert rejects == loader.rejects()


@pytest.mark.slow
@bounded(30)
@given(week=weeks(flawless=False), steps=loads())
def test_m55_any_order_of_loads_ends_in_the_rows_of_the_model(
    loader: Any, week: list[dict[str, Record]], steps: list[Step]
) -> None:
    """After every load, reloads under another field map or verdict included, the table is the model's.

    At the end a second load of each walk writes no row of links or rejected_records: on PostgreSQL the rows' own
    transaction numbers tell, so that an UPDATE that changes no value would show too.
    """
    check(loader, week, steps)


@pytest.mark.slow
@bounded(12)
@given(week=weeks(flawless=True), order=st.permutations(DAYS), verdicts=st.lists(VERDICTS, min_size=7, max_size=7))
def test_m55_every_order_of_seven_days_ends_as_the_order_of_the_calendar(
    loader: Any, week: list[dict[str, Record]], order: list[int], verdicts: list[str]
) -> None:
    """Every column but the three of bookkeeping is equal, the hashes and the JSON included."""
    ends = []
    for days in (sorted(order), order):
        loader.clear()
        for day in days:
            load(loader, week, Step(day, False, verdicts[day]))
        ends.append([{name: row[name] for name in row if name not in LAST_WRITTEN} for row in loader.rows().values()])
    assert ends[0] == ends[1]


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(bounded(1000), derandomize=False, print_blob=True)
@given(week=weeks(flawless=False), steps=loads())
def test_m55_any_order_of_loads_ends_in_the_rows_of_the_model_at_length(
    loader: Any, week: list[dict[str, Record]], steps: list[Step]
) -> None:
    """A thousand sequences on each database, new ones each time."""
    check(loader, week, steps)
