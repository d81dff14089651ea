"""Whether samples arrive is read from the tables; if they do not, one sentence says what cannot be answered."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from inode_pipeline.analysis.status import SAMPLING_OFF, is_sampled, unanswerable_questions
from inode_pipeline.config import LocalSettings
from inode_pipeline.warehouse.engine import reading, transaction
from inode_pipeline.warehouse.stored import store

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("trigger", "before", "expected"),
    [("sample", 23 * HOUR, True), ("sample", 25 * HOUR, False), ("schedule", HOUR, False), ("person", HOUR, False)],
)
def test_samples_arrive_while_one_was_loaded_within_a_day_of_the_data(books, noon, trigger, before, expected):
    """On both databases, the same as in the view `data_freshness`."""
    with transaction(books.warehouse) as connection:
        store(connection, zone="UTC", base_url=None)
    books.run("a", noon - before, trigger=trigger)
    books.loaded("a", noon - before, run_id="a")
    books.loaded("night", noon)

    assert is_sampled(books.warehouse) is expected
    view = f"{books.warehouse.schema}.data_freshness" if books.warehouse.schema else "data_freshness"
    with reading(books.warehouse) as connection:
        assert bool(connection.scalar(text(f"SELECT sampling_on FROM {view}"))) is expected


def test_an_empty_warehouse_is_not_sampled(warehouse):
    """Before the first load there is no sample."""
    assert is_sampled(warehouse) is False


def test_without_samples_and_a_schedule_there_is_a_warning(warehouse):
    """Even before the first load, because missed hours cannot be sampled later."""
    assert unanswerable_questions(warehouse, given(warehouse, None)) == SAMPLING_OFF


def test_samples_in_the_tables_are_enough(books, noon):
    """A schedule is not needed, because an analyst has none."""
    fill(books, noon, "sample")
    assert unanswerable_questions(books.warehouse, given(books.warehouse, None)) is None
    assert unanswerable_questions(books.warehouse, given(books.warehouse, "*/5 * * * *")) is None


def test_a_schedule_without_samples_is_reported(books, noon):
    """The warning names the schedule and what to check."""
    fill(books, noon, "schedule")
    told = unanswerable_questions(books.warehouse, given(books.warehouse, "*/5 * * * *"))
    assert str(told).startswith("Sampling is set to */5 * * * *, but no sample was loaded")
    assert "sample_links" in str(told)


def test_a_schedule_is_not_to_blame_for_a_day_that_it_leaves_out(books, noon):
    """On a Sunday a schedule for weekdays has no samples; nor is there a warning before the first load."""
    working_days = given(books.warehouse, "*/5 * * * 1-5")
    assert noon.isoweekday() == 7
    assert unanswerable_questions(books.warehouse, working_days) is None
    fill(books, noon, "schedule")
    assert unanswerable_questions(books.warehouse, working_days) is None
    assert unanswerable_questions(books.warehouse, given(books.warehouse, "*/5 * * * 6,0")) is not None


def fill(books, at, trigger):
    """Add one load by a run with this trigger, in a warehouse with the time zone UTC."""
    with transaction(books.warehouse) as connection:
        store(connection, zone="UTC", base_url=None)
    books.run("run", at, trigger=trigger)
    books.loaded("walk", at)


def given(warehouse, schedule):
    """Settings with this schedule."""
    return LocalSettings(warehouse_url=warehouse.engine.url, sample_schedule=schedule, _env_file=None)
