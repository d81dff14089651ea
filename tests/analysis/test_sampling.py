"""Whether samples arrive is read from the tables; what cannot be known without them is one sentence."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from inode_pipeline.analysis.sampling import OFF, is_sampled, what_is_not_known
from inode_pipeline.warehouse.engine import reading, transaction
from inode_pipeline.warehouse.stored import store_zone

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("trigger", "before", "expected"),
    [("sample", 23 * HOUR, True), ("sample", 25 * HOUR, False), ("schedule", HOUR, False), ("person", HOUR, False)],
)
def test_samples_arrive_while_one_was_loaded_within_a_day_of_the_data(books, noon, trigger, before, expected):
    """Whoever asks, on either database, is told the same as by the view `data_freshness`."""
    with transaction(books.warehouse) as connection:
        store_zone(connection, "UTC")
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


def test_what_is_not_known_depends_on_the_data_first_and_then_on_the_setting():
    """Samples that arrive are enough; a schedule without samples names itself and where to look."""
    assert what_is_not_known(None, is_sampled=True) is None
    assert what_is_not_known("*/5 * * * *", is_sampled=True) is None
    assert what_is_not_known(None, is_sampled=False) == OFF
    silent = what_is_not_known("*/5 * * * *", is_sampled=False)
    assert str(silent).startswith("Sampling is set to */5 * * * *, but no sample was loaded")
    assert "sample_links" in str(silent)
