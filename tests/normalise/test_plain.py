"""A plain page becomes the same rows as the same records, one by one, in the general way."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from inode_pipeline.api.answer import _read_generally, read_answer
from inode_pipeline.api.packed import PlainRecords
from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import PipelineError
from inode_pipeline.normalise import Batch, Normaliser

COUNT = 20

TEXTS = st.sampled_from(
    ["", "N/A", "-101", "12.5", "1e3", "abc", "é{", "a:b", "2026-11-02T07:30:00Z", "2026-11-02 07:30"]
)
NUMBERS = st.sampled_from([0, 1, -1, 7, -101, 12.5, 0.1, 1e300, 2**53, 2**63, 5000, -0.0, True, None])
DEGREES = st.sampled_from(
    [-79.4, 43.65, 43.650001, 0.05, 0.0, -0.0, 1, 180.0, 179.999999, 91.0, 0.0001, 43.1234567890123]
)
POINTS = st.lists(st.lists(DEGREES, min_size=1, max_size=3), max_size=4)
PLAIN_POINTS = st.just([[-79.4, 43.65], [-79.39, 43.66], [-79.381234, 43.67]])
KINDS = st.sampled_from(["LineString"] * 4 + ["Point", "MultiLineString", "x"])


def column_of(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """One value for all records, or one for each."""
    return st.one_of(values.map(lambda value: [value] * COUNT), st.lists(values, min_size=COUNT, max_size=COUNT))


KEYS = st.one_of(
    st.just([*range(COUNT)]), st.just([f"k{n}" for n in range(COUNT)]), column_of(NUMBERS), column_of(TEXTS)
)
PAGES = st.fixed_dictionaries(
    {"id": KEYS, "name": column_of(TEXTS)},
    optional={
        "status": column_of(st.one_of(TEXTS, st.none())),
        "grid": column_of(NUMBERS),
        "origin.id": column_of(NUMBERS),
        "origin.latitude": column_of(NUMBERS),
        "distance": column_of(NUMBERS),
        "free_flow_speed": column_of(NUMBERS),
        "speed": column_of(TEXTS),
        "last_travel_time": column_of(NUMBERS),
        "sample_size": column_of(NUMBERS),
        "last_updated": column_of(TEXTS),
        "geometry.type": column_of(KINDS),
        "geometry.coordinates": column_of(st.one_of(PLAIN_POINTS, POINTS)),
        "geometry.crs": column_of(NUMBERS),
        "path": column_of(PLAIN_POINTS),
        "other.inner.a": column_of(TEXTS),
        "other.list": column_of(POINTS),
        "count": column_of(NUMBERS),
    },
)
MAPS: list[Endpoint] = [
    LINKS,
    replace(
        LINKS,
        columns=tuple(
            replace(column, null_values=("-101", -101, ""), null_if={"status": ("abc",), "geometry.type": ("Point",)})
            if column.kind in ("measurement", "configuration") and column.name != "name"
            else column
            for column in LINKS.columns
        ),
    ),
    replace(
        LINKS,
        columns=tuple(
            replace(column, source_unit="mph") if column.unit == "km/h" else
            replace(column, sources=("other",)) if column.name == "geometry" else column
            for column in LINKS.columns
        ),
    ),
]  # fmt: skip


NULLS = st.fixed_dictionaries(
    {},
    optional={name: st.sets(st.integers(0, COUNT - 1), min_size=1) for name in ("origin", "geometry", "other")},
)
"""In which records an object is null."""


@st.composite
def pages(draw: st.DrawFn) -> list[dict[str, Any]]:
    """The records of a page that are alike, but for objects that are null in some."""
    records = records_of(draw(PAGES))
    for name, rows in draw(NULLS).items():
        for row in rows:
            if name in records[row]:
                records[row][name] = None
    return records


def records_of(page: dict[str, list[Any]]) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    for row in range(COUNT):
        record: dict[str, Any] = {}
        for path, values in page.items():
            *above, name = path.split(".")
            inside = record
            for key in above:
                inside = inside.setdefault(key, {})
            inside[name] = values[row]
        records.append(record)
    return records


def told(normaliser: Normaliser, batch: Batch) -> dict[str, Any]:
    """All that a load learns from the page."""
    try:
        normaliser.check({"distance": 5, "last_travel_time": 5, "geometry.type": 5}, 1.0)
        problem = None
    except PipelineError as error:
        problem = (type(error), error.message)
    return {
        "problem": problem,
        "counts": (batch.received, batch.duplicate, batch.unreadable, batch.no_data),
        "fields": normaliser.fields,
        "sums": normaliser.sums,
        "missing": normaliser.sums.missing_of(normaliser.endpoint),
    }


@given(pages(), st.sampled_from(MAPS))
def test_a_plain_page_becomes_the_same_rows(page: list[dict[str, Any]], endpoint: Endpoint) -> None:
    """Rows, hashes, rejected records, counts, the inventory of fields, and what would stop the load."""
    body = json.dumps(page, separators=(",", ":")).encode()
    read_answer(body)
    records = read_answer(body).records
    event(f"parts: {len(records.parts) if isinstance(records, PlainRecords) else 0}")
    generally, plainly = Normaliser(endpoint), Normaliser(endpoint)
    expected, actual = generally.page(1, list(records)), plainly.page(1, records)
    pd.testing.assert_frame_equal(expected.frame, actual.frame, check_exact=True)
    pd.testing.assert_frame_equal(expected.rejected, actual.rejected)
    assert told(generally, expected) == told(plainly, actual)


@pytest.mark.parametrize("number", ["9" * 400, "9" * 400 + ".5", "0." + "9" * 400])
def test_a_number_in_a_list_that_no_double_holds_is_what_it_is_in_the_general_way(number: str) -> None:
    """A list of a plain page is not looked into until it is wanted: then it is too late to find a flaw."""
    body = json.dumps([{"id": row, "name": "A to B", "tags": [1.5, row]} for row in range(COUNT)]).encode()
    read_answer(body)
    assert isinstance(read_answer(body).records, PlainRecords)
    hostile = body.replace(b"[1.5, 7]", f"[1.5, {number}]".encode())
    expected = Normaliser(LINKS).page(1, _read_generally(hostile).records)
    actual = Normaliser(LINKS).page(1, read_answer(hostile).records)
    pd.testing.assert_frame_equal(expected.frame, actual.frame, check_exact=True)
    pd.testing.assert_frame_equal(expected.rejected, actual.rejected)


@pytest.mark.parametrize(("objects", "is_plain"), [(9, True), (21, False)])
def test_records_with_thousands_of_fields_have_the_inventory_of_the_general_way(objects: int, is_plain: bool) -> None:
    """In the general way an object is not entered once a page has so many, and then not every field is counted."""
    inside = {f"key {number}": number for number in range(100)}
    page = [
        {"id": row, "name": "A to B"} | {f"object {number}": inside for number in range(objects)}
        for row in range(COUNT)
    ]
    read_answer(json.dumps(page).encode())
    records = read_answer(json.dumps(page).encode()).records
    generally, plainly = Normaliser(LINKS), Normaliser(LINKS)
    assert told(generally, generally.page(1, page)) == told(plainly, plainly.page(1, records))
    assert isinstance(records, PlainRecords) is is_plain
