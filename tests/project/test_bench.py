"""The benchmark measures what it says: records that vary as real ones do, and a night on which all is measured anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).parents[2] / "bench"
MEASURED = {"last_speed", "last_travel_time", "sample_size", "last_updated"}


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that returns the first 2,000 records of a kind."""
    monkeypatch.syspath_prepend(BENCH)
    import records

    return lambda **how: [json.loads(record) for record in records.Records(2_000, **how)[:]]


def test_varied_records_differ_as_those_of_a_real_server_do(served: Any) -> None:
    """Null objects, missing fields, lists of texts, Unicode, escapes, punctuation, lines of 2 to 200 points."""
    records = served(kind="varied")
    assert {type(record["origin"]) for record in records} == {dict, type(None)}
    assert {type(record["last_speed"]) for record in records} == {float, type(None)}
    assert len({tuple(record) for record in records}) > 10
    assert {len(record["tags"]) for record in records} == {0, 1, 2, 3}
    notes = "".join({record.get("note") or "" for record in records})
    assert set('"[]{}:;\\\tü–é工🚧') <= set(notes)
    points = [len(record["geometry"]["coordinates"]) for record in records]
    assert (min(points), max(points) > 190) == (2, True)


def test_flat_records_have_one_shape_and_the_size_of_the_varied(served: Any) -> None:
    """So that their difference in cost comes from what varies, not from bytes."""
    assert len({tuple(record) for record in served(kind="flat")}) == 1
    import records

    assert records.mean_bytes("flat") == pytest.approx(records.mean_bytes("varied"), rel=0.03)


@pytest.mark.parametrize("kind", ["varied", "flat"])
def test_another_night_changes_every_measurement_and_nothing_else(served: Any, kind: str) -> None:
    """Whatever a link measured, it measures otherwise a quarter later; its configuration stays."""
    for before, after in zip(served(kind=kind), served(kind=kind, quarters=1), strict=True):
        changed = {name for name in after if before.get(name) != after[name]}
        measured = {name for name in MEASURED if before.get(name) is not None}
        assert changed == measured
