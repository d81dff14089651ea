"""Keys in flat memory behave as a set of texts."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inode_pipeline.api.keys import GrowingKeys, KeyDigests, digests, distinct

KEYS = st.lists(st.text(max_size=3), max_size=40)


@given(KEYS, KEYS)
def test_a_set_of_digests_is_a_set_of_keys(left: list[str], right: list[str]) -> None:
    """Size, equality, difference and union are those of the keys."""
    ours, theirs = KeyDigests.of(left), KeyDigests.of(right)
    assert len(set(left)) == len(ours)
    assert (set(left) == set(right)) == (ours == theirs)
    assert KeyDigests.of(set(left) - set(right)) == ours - theirs
    assert KeyDigests.of(set(left) | set(right)) == ours | theirs


@given(st.lists(KEYS, max_size=30))
def test_growing_keys_count_what_was_there_already(pages: list[list[str]]) -> None:
    """Each page learns how many of its keys stand on earlier pages."""
    growing, seen = GrowingKeys(), set[str]()
    for page in pages:
        keys = set(page)
        assert len(keys & seen) == growing.add(distinct(digests(keys)))
        seen |= keys
    assert KeyDigests.of(seen) == growing.frozen()


def test_keys_take_eight_bytes_each() -> None:
    """Nothing but the array is kept."""
    keys = KeyDigests(np.arange(100_000, dtype=np.int64))
    assert keys.nbytes == 800_000
