"""Receipts read back from `loads`."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from inode_pipeline.analysis.receipts import lines, receipts_of_run, summary, unmeasured
from inode_pipeline.warehouse.receipt import sum_of


def test_a_receipt_comes_back_as_it_was_committed(books, noon):
    """Counts, times and verdict are those of the row; only the run's own loads are returned, oldest first."""
    later = noon + timedelta(hours=1)
    books.loaded(
        "two", later, run_id="mine", finished_at=later, verdict="confirmed", received=5, unchanged=5, seconds=2.5
    )
    books.loaded("one", noon, run_id="mine", finished_at=noon)
    books.loaded("three", noon + timedelta(hours=2), run_id="other")

    one, two = receipts_of_run(books.warehouse, "mine")
    assert (one.walk_id, two.walk_id) == ("one", "two")
    assert (two.snapshot_at, two.snapshot_date, two.verdict) == (later, later.date(), "confirmed")
    assert (two.received, two.unchanged, two.seconds, two.walks, two.balance) == (5, 5, 2.5, 1, 0)


def test_a_receipt_says_first_that_nothing_is_measured(books, noon):
    """The warning of a load without any measurement comes before everything else."""
    books.loaded("one", noon, run_id="mine", received=5, rejected=1, duplicate=1, no_data=3)
    [receipt] = receipts_of_run(books.warehouse, "mine")
    assert lines(receipt, ZoneInfo("UTC"))[0].startswith("Nothing is measured: none of the 3 links has a speed")


def test_a_walk_with_a_measurement_and_an_empty_one_need_no_warning(books, noon):
    """One measured link is enough, and an empty walk has nothing to measure."""
    books.loaded("one", noon, run_id="mine", received=3, no_data=2)
    books.loaded("two", noon + timedelta(hours=1), run_id="mine", received=0, no_data=0)
    assert [unmeasured(receipt) for receipt in receipts_of_run(books.warehouse, "mine")] == [None, None]


def test_a_receipt_is_summed_up_in_a_sentence(books, noon):
    """The verdict in words, then what has changed."""
    books.loaded("one", noon, run_id="mine", finished_at=noon, verdict="confirmed", received=5, inserted=2, unchanged=3)

    [receipt] = receipts_of_run(books.warehouse, "mine")
    assert summary(receipt) == (
        "Complete: a second, independent reading agrees. Of 5 records 2 are new, 0 changed, 3 unchanged; 0 vanished."
    )
    assert "Of 10 records in 2 walks 4 are new" in summary(sum_of([receipt, receipt]))


def test_the_summary_of_a_past_load_says_that_the_rows_are_newer(books, noon):
    """The sentence also counts records that changed nothing because the row has newer values."""
    books.loaded("one", noon, run_id="mine", received=5, superseded=5)
    [receipt] = receipts_of_run(books.warehouse, "mine")
    assert summary(receipt).endswith("0 unchanged, 5 older than the row; 0 vanished.")


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        (1, "Not proven to be complete: 100 records in one list without a count may be only the first page."),
        (4, "Not proven to be complete: the API gives no count."),
    ],
)
def test_an_unverified_walk_says_why(books, noon, pages, expected):
    """A single list of a usual page length may be the first page; pages without a count prove nothing."""
    books.loaded("one", noon, run_id="mine", verdict="unverified", pages=pages, received=100)
    [receipt] = receipts_of_run(books.warehouse, "mine")
    assert summary(receipt).startswith(expected)
