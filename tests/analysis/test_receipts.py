"""Receipts read back from `loads`."""

from __future__ import annotations

from datetime import timedelta

from inode_pipeline.analysis.receipts import receipts_of_run


def test_a_receipt_comes_back_as_it_was_committed(books, noon):
    """Counts, instants and verdict are those of the row; only the run's own loads come, oldest first."""
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
