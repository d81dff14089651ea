"""What a sync does to the garbage collector of the process around them."""

from __future__ import annotations

import gc

import pytest

from inode_pipeline.sync.dates import GC_THRESHOLD, relaxed_gc


def test_the_collector_runs_seldom_inside_and_as_before_afterwards() -> None:
    """A block raises only the first threshold."""
    before = gc.get_threshold()
    with relaxed_gc():
        assert (GC_THRESHOLD, *before[1:]) == gc.get_threshold()
    assert before == gc.get_threshold()


def test_an_error_leaves_the_collector_as_it_was() -> None:
    """Whatever ends the block, the process has its own thresholds again."""
    before = gc.get_threshold()
    with pytest.raises(ValueError, match="within"), relaxed_gc():
        raise ValueError("within")
    assert before == gc.get_threshold()
