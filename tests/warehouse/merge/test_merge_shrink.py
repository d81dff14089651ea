"""Too many links missing: the load stops, nothing changes, and the walk waits for a person."""

from __future__ import annotations

from typing import Any

import pytest

from inode_pipeline.errors import LandingCorruptError, SuspiciousShrinkError
from inode_pipeline.warehouse.merge import MergeRules
from inode_pipeline.warehouse.tables import WALKS
from inode_pipeline.warehouse.walks import allow_shrink

TEN = {str(number): 0 for number in range(10)}
SEVEN = {str(number): 0 for number in range(7)}
ALLOWED = MergeRules(0.2, allow_shrink=True)


def everything(loader: Any) -> tuple[Any, ...]:
    return loader.rows(), loader.rejects(), loader.loads()


@pytest.mark.parametrize("verdict", ["proven", "unverified"])
def test_m32_a_walk_that_lacks_too_many_links_changes_nothing(loader: Any, verdict: str) -> None:
    """Whether or not it may remove them: 3 of 10 is more than a fifth. The message has the figures and the remedy."""
    loader.load(0, TEN)
    before = everything(loader)
    with pytest.raises(SuspiciousShrinkError) as caught:
        loader.load(1, {**SEVEN, "new": 1}, verdict=verdict)
    assert before == everything(loader)
    assert "lacks 3 of the 10 links" in caught.value.message
    assert "INODE_MAX_SHRINK_FRACTION" in caught.value.message
    assert "--date 2026-03-02 --allow-shrink" in caught.value.remedy
    assert "run config allow_shrink" in caught.value.remedy


def test_m32_a_walk_that_lacks_just_the_allowed_share_is_loaded(loader: Any) -> None:
    """2 of 10 is a fifth, not more; a rejected record with an id lacks nothing."""
    loader.load(0, TEN)
    assert loader.load(1, SEVEN, ["7"]).vanished == 2


def test_m32_deleted_links_are_not_missed_again(loader: Any) -> None:
    """The share is that of the links not deleted."""
    loader.load(0, TEN)
    loader.load(1, SEVEN, rules=ALLOWED)
    assert loader.load(2, SEVEN).unchanged == 7
    with pytest.raises(SuspiciousShrinkError, match="lacks 2 of the 7 links"):
        loader.load(3, {str(number): 0 for number in range(5)})


def test_m32_a_first_load_of_nothing_stops(loader: Any) -> None:
    """An empty answer on the first day is a mistake until somebody says it is not."""
    with pytest.raises(SuspiciousShrinkError, match="it holds no links"):
        loader.load(0, {})
    assert everything(loader) == ({}, [], [])
    allow_shrink(loader.warehouse, "walk-0")
    assert loader.load(0, {}).received == 0
    assert loader.load(1, {}).received == 0


def test_a_refused_walk_is_loaded_by_nothing_until_it_is_allowed(loader: Any) -> None:
    """Neither present nor past, and not by rules that would let it pass; the permission stays with the walk."""
    loader.load(0, TEN)
    with pytest.raises(SuspiciousShrinkError):
        loader.load(1, SEVEN)
    row = loader.walk_row(1)
    assert row["refused_at"] is not None
    assert row["refused_reason"].startswith("it lacks 3 of the 10 links")
    with pytest.raises(SuspiciousShrinkError, match=r"was refused on .* it lacks 3 of the 10"):
        loader.load(1, SEVEN, rules=MergeRules(0.5))
    loader.load(2, TEN)
    with pytest.raises(SuspiciousShrinkError, match=r"^The walk of 2026-03-02 .* was refused"):
        loader.load(1, SEVEN)
    allow_shrink(loader.warehouse, "walk-1")
    assert loader.load(1, SEVEN).superseded == 7
    assert loader.load(1, SEVEN).superseded == 7


def test_a_permission_given_with_a_load_is_recorded_on_its_walk(loader: Any) -> None:
    """So later loads of it need none, and other walks do not have it."""
    loader.load(0, TEN)
    assert loader.load(1, SEVEN, verdict="unverified", rules=ALLOWED).unchanged == 7
    assert loader.walk_row(1)["allow_shrink"] is True
    assert loader.load(1, SEVEN, verdict="unverified").unchanged == 7
    with pytest.raises(SuspiciousShrinkError):
        loader.load(2, SEVEN)


def test_a_past_load_is_not_judged_by_what_it_lacks(loader: Any) -> None:
    """It cannot make a present link vanish."""
    loader.load(5, TEN)
    assert loader.load(3, {"0": 1}).superseded == 1


def test_a_walk_without_a_row_is_never_loaded(loader: Any) -> None:
    """The row is written last; without it the pages may not be whole."""
    walk = loader.land(0)
    with loader.warehouse.engine.begin() as connection:
        connection.execute(WALKS.delete())
    with pytest.raises(LandingCorruptError), loader.loading(walk):
        pass
