"""The status read from the tables, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inode_pipeline.analysis.status import Status, TableStatus, data_as_of, loads_of_run, read_status
from inode_pipeline.errors import NotMigratedError

HOUR = timedelta(hours=1)


def test_a_database_without_tables_has_the_one_remedy(empty_warehouse):
    """Every read gives the same advice, and none creates a table."""
    with pytest.raises(NotMigratedError) as raised:
        read_status(empty_warehouse)
    assert raised.value.remedy == NotMigratedError.REMEDY
    with pytest.raises(NotMigratedError):
        read_status(empty_warehouse)


def test_an_empty_warehouse_has_nothing(warehouse):
    """A migrated but empty warehouse is like one that does not exist."""
    nothing = TableStatus("links", None, None, None, 0, 0, 0, 0, 0)
    assert Status((nothing,), None, (), 0) == read_status(warehouse)
    assert data_as_of(warehouse) is None


def test_the_newest_walk_says_as_of_when(books, noon):
    """Not the newest load: a past walk that is loaded later does not change the date of the data."""
    books.loaded("new", noon)
    books.loaded("old", noon - HOUR, started_at=noon + HOUR, finished_at=noon + HOUR, is_present=False)

    assert read_status(books.warehouse).data_as_of == noon
    assert data_as_of(books.warehouse) == noon


def test_that_nothing_is_measured_is_the_tables_warning(books, noon):
    """The warning says what to do."""
    books.loaded("walk", noon, received=5, no_data=5)
    (table,) = read_status(books.warehouse).tables
    assert "Nothing is measured: none of the 5 links" in table.warning
    assert "INODE_FIELD_MAP_FILE" in table.warning


def test_of_several_loads_of_a_walk_the_newest_counts(books, noon):
    """A walk loaded again with a corrected field map is no longer short of records."""
    books.walk("walk")
    books.load("first", "walk", rejected=3, received=5, started_at=noon)
    books.load("second", "walk", rejected=0, received=5, started_at=noon + HOUR)

    (table,) = read_status(books.warehouse).tables
    assert (table.rejected, table.received, table.loads) == (0, 5, 2)
    assert table.completeness == "complete"


def test_rows_are_counted_as_present_and_deleted(books, noon):
    """Links of the newest walk are present; a link that is only missing is neither present nor deleted."""
    books.loaded("walk")
    books.link("here")
    books.link("missing", last_seen_at=noon - HOUR)
    books.link("deleted", last_seen_at=noon - HOUR, deleted_at=noon)

    (table,) = read_status(books.warehouse).tables
    assert (table.held, table.deleted) == (1, 1)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"verdict": "confirmed"}, "complete"),
        ({"rejected": 1}, "complete but for 1 record set aside in rejected_records"),
        ({"rejected": 2}, "complete but for 2 records set aside in rejected_records"),
        (
            {"verdict": "unverified"},
            "complete as far as is known: the API gives no count, so completeness is not proven",
        ),
    ],
)
def test_what_is_not_proven_is_not_called_complete(books, values, expected):
    """Unverified walks and records set aside are mentioned in the same sentence."""
    books.loaded("walk", **values)

    assert read_status(books.warehouse).tables[0].completeness == expected


def test_the_last_run_is_the_newest_that_did_something(books, noon):
    """A skipped tick after a failed run does not hide the failure."""
    books.run("good", noon - HOUR, finished_at=noon, outcome="ok")
    books.run("bad", noon, finished_at=noon + HOUR, outcome="failed", error="LockedError", message="Locked. Wait.")
    books.run("skipped", noon + HOUR, finished_at=noon + HOUR, outcome="skipped")

    last = read_status(books.warehouse).last_run
    assert (last.outcome, last.error, last.message) == ("failed", "LockedError", "Locked. Wait.")
    assert (last.started_at, last.snapshot_date) == (noon, noon.date())


@pytest.mark.parametrize(
    ("process", "expected"), [(None, "running"), (":1:1", "killed"), ("elsewhere:1:1", "unknown"), ("?", "unknown")]
)
def test_an_unfinished_run_is_distinguished_from_a_running_one(books, process, expected):
    """By its process if it ran on this machine; otherwise it is unknown."""
    from inode_pipeline.warehouse.runs import this_process

    mine = this_process()
    where = mine if process is None else mine.rsplit(":", 2)[0] + process if process.startswith(":") else process
    books.run("run", process=where)

    assert read_status(books.warehouse).last_run.outcome == expected


def test_refused_walks_wait_until_they_are_allowed(books, noon):
    """An allowed walk is no longer listed."""
    books.walk("refused", noon, refused_at=noon, refused_reason="Too few.")
    books.walk("landed", noon + HOUR)

    found = read_status(books.warehouse)
    assert [(walk.snapshot_date, walk.reason) for walk in found.refused] == [(noon.date(), "Too few.")]
    assert found.landed_not_loaded == 1


def test_the_loads_of_a_run_are_counted(books, noon):
    """Only those that the run committed itself."""
    books.loaded("one", noon, run_id="mine")
    books.loaded("two", noon + HOUR, run_id="mine")
    books.loaded("three", noon + 2 * HOUR, run_id="other")

    assert [loads_of_run(books.warehouse, run_id) for run_id in ("mine", "other", "none")] == [2, 1, 0]
