"""One load after another by hand: what each cell of the table of columns does, and what the receipt says of it."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_first_load_inserts_every_record_as_it_is(loader: Any) -> None:
    """Every column of a typed record arrives unchanged, and the row knows the walk and load it came from."""
    receipt = loader.load(0, {"1": 5, "2": 6})
    row = loader.rows()["2"]
    walk = loader.walk_row(0)
    expected = {
        "name": "Link 2",
        "status": None,
        "length_m": 6.0,
        "last_sample_count": None,
        "geometry": {"type": "LineString", "coordinates": [[6, 1.5], [2, 3]]},
        "extra": {},
        "record_hash": "1:6",
        "content_hash": "1:6",
        "first_seen_at": walk["snapshot_at"],
        "last_seen_at": None,
        "deleted_at": None,
        "snapshot_at": walk["snapshot_at"],
        "snapshot_date": walk["snapshot_date"],
        "load_id": receipt.load_id,
    }
    assert expected == {name: row[name] for name in expected}
    assert (2, 0, 0) == (receipt.inserted, receipt.updated, receipt.unchanged)
    assert (row["last_observed_at"] - walk["snapshot_at"]).days == 6
