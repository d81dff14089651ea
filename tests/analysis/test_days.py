"""A monthly query over a range of days is computed by the same views."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from inode_pipeline.analysis.days import weekday_numbers
from inode_pipeline.analysis.query import all_queries, ask, named_query
from inode_pipeline.errors import ConfigError
from tests.views.conftest import World
from tests.views.slice import Slice

MONTHLY = sorted(name for name, query in all_queries().items() if query.takes_days)


@pytest.fixture
def sliced(warehouse):
    """Thirty-five days of eleven links from 1 October 2026 on."""
    Slice(links=11, days=35, samples=35 * 288).fill(World(warehouse))
    return warehouse


@pytest.mark.slow
def test_the_days_of_a_month_give_the_answer_of_the_month(sliced):
    """For each monthly query and every value, except that the column `month` names the days."""
    for name in MONTHLY:
        query = named_query(name)
        needed = {
            p.name: {"link_id": "100001", "corridor_id": "c10000"}[p.name] for p in query.parameters if p.is_needed
        }
        month = ask(sliced, query, needed | {"month": "2026-10"}).records()
        days = ask(sliced, query, needed | {"from": "2026-10-01", "to": "2026-10-31"}).records()
        assert len(month) > 0, name
        assert {row.get("month", "2026-10-01 to 2026-10-31") for row in days} == {"2026-10-01 to 2026-10-31"}, name
        for row, same in zip(month, days, strict=True):
            for column in row.keys() - {"month"}:
                number = isinstance(row[column], float)
                assert row[column] == (pytest.approx(same[column], rel=1e-12) if number else same[column]), name


@pytest.mark.slow
def test_weekdays_leave_the_other_days_out(sliced):
    """The mean of Tuesdays to Thursdays of two weeks, computed from the bins themselves; 13 October is a Tuesday."""
    given = {"link": "100001", "period": "am_peak", "from": "2026-10-12", "to": "2026-10-23", "weekdays": "tue-thu"}
    [row] = ask(sliced, named_query("link_reliability_monthly"), given).records()
    days = [date(2026, 10, 12) + timedelta(days=n) for n in range(12)]
    kept = [day for day in days if day.isoweekday() in (2, 3, 4) and day != date(2026, 10, 20)]
    world = World(sliced)
    bins = world.read("SELECT local_date, local_hour, mean_travel_time_s FROM link_bins_local WHERE link_id = '100001'")
    values = [row["mean_travel_time_s"] for row in bins if row["local_date"] in kept and 6 <= row["local_hour"] < 9]
    assert row["month"] == "2026-10-12 to 2026-10-23 tue wed thu"
    assert (row["n_days"], row["n_bins"]) == (len(kept), len(values)) == (5, len(values))
    assert row["mean_s"] == pytest.approx(sum(values) / len(values), rel=1e-12)
    expected = 12 * len(kept)
    assert row["coverage_pct"] == pytest.approx(100 * len(values) / expected)


def test_weekdays_are_given_by_name():
    """Single days, ranges, ranges over the end of the week, in any order; anything else is refused."""
    assert weekday_numbers("tue-thu") == (2, 3, 4)
    assert weekday_numbers("Sunday, sat") == (6, 7)
    assert weekday_numbers("sat-mon") == (1, 6, 7)
    with pytest.raises(ValueError, match="not in tuple"):
        weekday_numbers("someday")


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"from": "2026-10-09", "to": "2026-10-01"}, "from=2026-10-09 is later than to=2026-10-01"),
        ({"to": "2026-10-01"}, "to=2026-10-01 was given without from"),
        ({"month": "2026-10", "from": "2026-10-01"}, "A month and from were given"),
        ({"weekdays": "workdays"}, "weekdays='workdays' is not a list of weekdays"),
    ],
)
def test_days_that_contradict_each_other_are_refused(warehouse, given, wrong):
    """Each error says what to give instead."""
    with pytest.raises(ConfigError, match=wrong) as caught:
        ask(warehouse, named_query("worst_links"), given)
    assert caught.value.remedy
