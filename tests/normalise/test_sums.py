"""What the records of a walk add up to, however they are spread over pages."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.normalise import Normaliser
from inode_pipeline.normalise.sums import Sums

LINE = {"type": "LineString", "coordinates": [[1.5, 2.5], [3.5, 4.5]]}
FIELDS = {
    "name": st.sampled_from(["A", None]),
    "link_name": st.sampled_from(["B", {"x": 1}]),
    "distance": st.sampled_from([1000, 2.5, None]),
    "last_travel_time": st.sampled_from([60, 0, None]),
    "last_speed": st.sampled_from([60, 600, 6, None]),
    "last_updated": st.sampled_from(["2026-05-12T07:00:00Z", None]),
    "origin": st.sampled_from([{"id": 1}, {"id": 1, "name": None}, None, {}, [1], 5]),
    "geometry": st.sampled_from([LINE, None]),
    "other": st.sampled_from([{"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}, {"a": None}, [], 1]),
}
records = st.fixed_dictionaries({}, optional=FIELDS)
walks = st.lists(st.tuples(records, st.integers(0, 2)), max_size=12)


def sums(pages: list[list[dict[str, Any]]]) -> Sums:
    normaliser = Normaliser(LINKS)
    for number, page in enumerate(pages, 1):
        normaliser.page(number, page)
    return normaliser.sums


def paged(walk: list[tuple[dict[str, Any], int]]) -> list[list[dict[str, Any]]]:
    return [[{**record, "id": at} for at, (record, of) in enumerate(walk) if of == page] for page in range(3)]


@given(walks)
def test_the_sums_are_those_of_the_records(walk: list[tuple[dict[str, Any], int]]) -> None:
    """On whichever pages they stand, and with whichever others."""
    pages = paged(walk)
    total = Sums()
    for record in (record for page in pages for record in page):
        total += sums([[record]])
    assert total == sums(pages)


@given(walks, st.sets(st.integers(0, 11)), walks)
def test_sums_are_reckoned_from_those_of_an_earlier_walk(
    walk: list[tuple[dict[str, Any], int]], dropped: set[int], fresh: list[tuple[dict[str, Any], int]]
) -> None:
    """What a load kept, less what the walk lacks and more what it has instead."""
    before = sums(paged(walk))
    kept = Sums.of_json(before.as_json(), before.leaves)
    assert before == kept
    gone = [one for at, one in enumerate(walk) if at in dropped]
    stay = [one for at, one in enumerate(walk) if at not in dropped]
    assert sums(paged([*stay, *fresh])) == kept - sums(paged(gone)) + sums(paged(fresh))


def test_a_page_of_which_not_every_field_is_counted_is_told() -> None:
    """Its sums depend on how the records are spread over pages, and so do those of too many fields in all."""
    assert sums([[{"id": 1, "x": 1}]]).is_exact
    assert not sums([[{"id": 1, **{f"x{number}": 1 for number in range(301)}}]]).is_exact
    assert not sums([[{"id": 1, "in": {f"x{number}": 1 for number in range(301)}}]]).is_exact
    assert not sums([[{"id": 1, "a": {"b": 1}, "a.b": 2}]]).is_exact
    assert not sums([[{"id": one, **{f"x{one}{number}": 1 for number in range(200)}}] for one in (1, 2)]).is_exact
