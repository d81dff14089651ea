"""One load after another by hand: what each cell of the table of columns does, and what the receipt says of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from inode_pipeline.endpoints.endpoint import Column, Endpoint
from inode_pipeline.errors import ApiContractError, LandingCorruptError
from inode_pipeline.warehouse.engine import reading, transaction
from inode_pipeline.warehouse.merge import MergeRules
from inode_pipeline.warehouse.receipt import Receipt, sum_of
from inode_pipeline.warehouse.stored import stored_zone
from inode_pipeline.warehouse.tables import METADATA, endpoint_table

EVERYTHING = MergeRules(1.0, allow_shrink=True)
"""Any number of links may be missing."""


def counts(receipt: Receipt) -> dict[str, int]:
    """What is not 0 of the counts of records and of links that came and went."""
    names = ("rejected", "duplicate", "superseded", "inserted", "updated", "unchanged", "reopened", "vanished")
    return {name: getattr(receipt, name) for name in names if getattr(receipt, name)}


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
    }
    assert expected == {name: row[name] for name in expected}
    assert counts(receipt) == {"inserted": 2}
    assert (row["last_observed_at"] - walk["snapshot_at"]).days == 6


def test_a_second_load_touches_only_what_changed(loader: Any) -> None:
    """One link changed, one came, one went, seven stayed: only three rows are written."""
    first = {str(number): 0 for number in range(9)}
    loader.load(0, first)
    before = loader.rows()
    second = {**{key: 0 for key in first if key != "8"}, "3": 1, "new": 4}
    receipt = loader.load(1, second)
    assert counts(receipt) == {"inserted": 1, "updated": 1, "unchanged": 7, "vanished": 1}
    after = loader.rows()
    assert {"3", "8", "new"} == {key for key in after if after[key] != before.get(key)}
    assert loader.state()["8"] == (0, 0, 0, 1)
    assert loader.state()["3"] == (1, 0, None, None)


def test_a_link_that_returns_unchanged_is_updated_and_reopened(loader: Any) -> None:
    """The hash alone would leave it deleted."""
    loader.load(0, {"a": 0, "b": 0, "c": 0, "d": 0, "e": 0})
    loader.load(1, {"a": 0, "b": 0, "c": 0, "d": 0})
    receipt = loader.load(2, {"a": 0, "b": 0, "c": 0, "d": 0, "e": 0})
    assert counts(receipt) == {"updated": 1, "unchanged": 4, "reopened": 1}
    assert loader.state()["e"] == (0, 0, None, None)
    assert receipt.snapshot_at == loader.rows()["e"]["snapshot_at"]


def test_an_unverified_walk_removes_nothing_but_is_remembered(loader: Any) -> None:
    """A link it lacks was last seen before it; a later proven walk that lacks it too sets deleted_at to itself."""
    five = {"a": 0, "b": 0, "c": 0, "d": 0, "e": 0}
    four = {key: 0 for key in five if key != "e"}
    loader.load(0, five)
    assert counts(loader.load(1, four, verdict="unverified")) == {"unchanged": 4}
    assert loader.state()["e"] == (0, 0, 0, None)
    assert counts(loader.load(2, four)) == {"unchanged": 4, "vanished": 1}
    assert loader.state()["e"] == (0, 0, 0, 2)
    assert counts(loader.load(3, five)) == {"updated": 1, "unchanged": 4, "reopened": 1}


def test_a_gone_link_that_was_never_deleted_returns_without_being_reopened(loader: Any) -> None:
    """It is updated; only a deleted_at that becomes NULL reopens."""
    five = {"a": 0, "b": 0, "c": 0, "d": 0, "e": 0}
    loader.load(0, five)
    loader.load(1, {key: 0 for key in five if key != "e"}, verdict="unverified")
    assert counts(loader.load(2, five)) == {"updated": 1, "unchanged": 4}


def test_a_rejected_record_with_an_id_holds_its_link(loader: Any) -> None:
    """The link keeps its values and does not vanish, and a gone one is there again; it counts as rejected only."""
    five = {"a": 0, "b": 0, "c": 0, "d": 0, "e": 0}
    four = {key: 0 for key in five if key != "e"}
    loader.load(0, five)
    assert counts(loader.load(1, four, ["e"])) == {"rejected": 1, "unchanged": 4}
    assert loader.state()["e"] == (0, 0, None, None)
    loader.load(2, four)
    assert counts(loader.load(3, four, ["e"])) == {"rejected": 1, "unchanged": 4}
    assert loader.state()["e"] == (0, 0, None, None)


def test_a_record_without_a_readable_id_takes_the_right_to_remove(loader: Any) -> None:
    """Nobody can say which link it was."""
    five = {"a": 0, "b": 0, "c": 0, "d": 0, "e": 0}
    loader.load(0, five)
    receipt = loader.load(1, {key: 0 for key in five if key != "e"}, [None])
    assert counts(receipt) == {"rejected": 1, "unchanged": 4}
    assert loader.state()["e"] == (0, 0, 0, None)
    assert [row["may_remove"] for row in loader.loads()] == [True, False]


def test_a_past_load_never_overwrites_and_tells_so(loader: Any) -> None:
    """Present links keep their newer values; a link the newer walk lacks is inserted already gone."""
    loader.load(5, {"a": 5, "b": 5})
    receipt = loader.load(3, {"a": 3, "c": 3})
    assert counts(receipt) == {"superseded": 1, "inserted": 1}
    assert loader.state() == {"a": (5, 3, None, None), "b": (5, 5, None, None), "c": (3, 3, 3, 5)}
    assert [row["is_present"] for row in loader.loads()] == [True, False]


def test_a_past_load_writes_the_values_of_a_gone_link_that_it_saw_later(loader: Any) -> None:
    """Last seen moves up to it, and deleted_at to the next walk that may remove; a still older walk changes nothing."""
    loader.load(1, {"a": 1, "b": 1})
    loader.load(7, {"b": 1}, rules=EVERYTHING)
    loader.load(5, {"b": 1}, verdict="unverified")
    assert loader.state()["a"] == (1, 1, 1, 7)
    assert counts(loader.load(3, {"a": 3, "b": 3})) == {"updated": 1, "superseded": 1}
    assert loader.state()["a"] == (3, 1, 3, 7)
    assert counts(loader.load(2, {"a": 2, "b": 2})) == {"superseded": 2}
    assert loader.state()["a"] == (3, 1, 3, 7)


def test_a_gone_link_is_repaired_by_the_walk_that_saw_it_last(loader: Any) -> None:
    """Read with another field map it shows other values, or any at all; read as before it writes nothing."""
    loader.load(1, {"a": 1, "b": 1, "c": 1})
    loader.load(3, {"a": 3, "b": 1}, ["c"])
    loader.load(5, {"b": 1}, rules=EVERYTHING)
    assert counts(loader.load(3, {"a": 4, "b": 1, "c": 3})) == {"superseded": 1, "updated": 2}
    assert loader.state() == {"a": (4, 1, 3, 5), "b": (1, 1, None, None), "c": (3, 1, 3, 5)}
    assert counts(loader.load(3, {"a": 4, "b": 1, "c": 3})) == {"superseded": 3}


def test_a_past_load_that_lacks_a_gone_link_moves_its_deletion_back(loader: Any) -> None:
    """Deleted is the earliest loaded walk after the last sight; from NULL it counts as vanished."""
    loader.load(1, {"a": 1, "b": 1})
    loader.load(9, {"b": 1}, rules=EVERYTHING)
    assert counts(loader.load(5, {"b": 1})) == {"superseded": 1}
    assert loader.state()["a"] == (1, 1, 1, 5)
    loader.clear()
    loader.load(1, {"a": 1, "b": 1})
    loader.load(9, {"b": 1}, verdict="unverified", rules=EVERYTHING)
    assert counts(loader.load(5, {"b": 1})) == {"superseded": 1, "vanished": 1}


def test_a_past_load_inserts_a_link_as_present_if_the_newest_walk_rejected_it(loader: Any) -> None:
    """The rejected records of the loaded walks hold it as well; so a walk between moves its last sight."""
    loader.load(9, {"b": 1}, ["a"])
    loader.load(5, {"b": 1}, ["c"])
    loader.load(3, {"b": 1, "a": 3, "c": 3})
    assert loader.state() == {"a": (3, 3, None, None), "b": (1, 3, None, None), "c": (3, 3, 5, 9)}


def test_a_walk_that_loses_the_right_to_remove_gives_its_deletions_back(loader: Any) -> None:
    """Of several loads of one walk the newest counts: deleted_at passes to the next that may remove, or is NULL."""
    loader.load(1, {"a": 1, "b": 1})
    loader.load(5, {"b": 1}, rules=EVERYTHING)
    loader.load(5, {"b": 1}, verdict="unverified", rules=EVERYTHING)
    assert loader.state()["a"] == (1, 1, 1, None)
    loader.load(7, {"b": 1}, rules=EVERYTHING)
    assert counts(loader.load(5, {"b": 1}, rules=EVERYTHING)) == {"superseded": 1}
    assert loader.state()["a"] == (1, 1, 1, 5)
    loader.load(5, {"b": 1}, verdict="unverified", rules=EVERYTHING)
    assert loader.state()["a"] == (1, 1, 1, 7)


def test_only_the_newest_load_of_a_walk_says_whether_it_may_remove(loader: Any) -> None:
    """A walk that once could and no longer can is passed over when a deletion is worked out."""
    loader.load(1, {"a": 1, "b": 1})
    loader.load(7, {"b": 1}, rules=EVERYTHING)
    loader.load(9, {"b": 1})
    loader.load(7, {"b": 1}, verdict="unverified", rules=EVERYTHING)
    loader.load(3, {"a": 3, "b": 1})
    assert loader.state()["a"] == (3, 1, 3, 9)


def test_rejected_records_are_those_of_the_walks_newest_load(loader: Any) -> None:
    """A load with another field map replaces them, and leaves alone those of other walks and those that are equal."""
    loader.load(0, {"a": 0}, ["b", "c", None])
    loader.load(1, {"a": 0}, ["b"], rules=EVERYTHING)
    before = loader.rejects()
    assert [row["link_id"] for row in before] == ["b", "c", None, "b"]
    loader.load(0, {"a": 0, "b": 0}, ["b"], rules=EVERYTHING)
    assert [before[0], before[3]] == loader.rejects()
    assert tuple(loader.rejects()[0].values())[:7] == ("walk-0", 1000, 1, "links", "b", "length_m", "is not a number")


def test_the_receipt_stands_in_loads(loader: Any) -> None:
    """Every figure of the receipt is a column of the load's row, and the times lie in order."""
    receipt = loader.load(0, {"a": 0}, ["b"], received=4, duplicate=2, no_data=1, requests=3, retries=2, logins=1)
    (row,) = loader.loads()
    printed = receipt.as_json()
    assert printed.pop("walks") == 1
    shown = {**row, "snapshot_at": row["snapshot_at"].isoformat(), "snapshot_date": row["snapshot_date"].isoformat()}
    assert printed == {name: shown[name] for name in printed}
    assert counts(receipt) == {"inserted": 1, "rejected": 1, "duplicate": 2}
    assert row["started_at"] <= row["finished_at"]


def test_several_receipts_add_up_to_one(loader: Any) -> None:
    """Counts and seconds are added; the ids, the time and the verdict are the newest walk's."""
    receipts = [loader.load(1, {"a": 0, "b": 0}), loader.load(0, {"a": 0}, verdict="unverified")]
    together = sum_of(receipts)
    assert (
        together.walk_id, together.verdict, together.received, together.inserted, together.superseded, together.walks
    ) == ("walk-1", "proven", 3, 2, 1, 2)  # fmt: skip
    assert receipts[0].seconds + receipts[1].seconds == together.seconds


def test_a_load_whose_counts_do_not_add_up_changes_nothing(loader: Any) -> None:
    """A record that is neither rejected, repeated nor staged is lost, and the load with it."""
    with pytest.raises(LandingCorruptError, match="Of the 3 records"):
        loader.load(0, {"a": 0, "b": 0}, received=3)
    assert (loader.rows(), loader.loads(), loader.rejects()) == ({}, [], [])


def test_two_records_with_one_key_stop_the_load(loader: Any) -> None:
    """The error names the key and both pages; nothing is written."""
    with loader.loading(loader.land(0)) as load:
        load.stage(*staged(loader, {"a": 0}))
        with pytest.raises(ApiContractError, match=r"link_id: a \(pages 1 and 2\)"):
            loader.merge(load, {"b": 0, "c": 0, "d": 0, "a": 1})
    assert loader.rows() == {}


def test_a_block_without_a_merge_commits_nothing(loader: Any) -> None:
    """Staged records alone are nobody's."""
    with loader.loading(loader.land(0)) as load:
        load.stage(*staged(loader, {"a": 0}))
    assert (loader.rows(), loader.loads()) == ({}, [])


def test_pages_are_staged_one_after_the_other(loader: Any) -> None:
    """Any number of frames makes one load."""
    with loader.loading(loader.land(0)) as load:
        for key in "abc":
            load.stage(*staged(loader, {key: 0}))
        receipt = loader.merge(load, {"d": 0}, received=4)
    assert counts(receipt) == {"inserted": 4}


def test_a_load_knows_the_fields_of_earlier_ones(loader: Any) -> None:
    """The previous fields are those of the newest loaded walk that held a record; the known ones are of all."""
    with loader.loading(loader.land(9)) as load:
        assert (None, frozenset()) == (load.previous_fields, load.known_fields)
    loader.load(2, {"a": 0}, fields={"id": 1, "grid.name": 1})
    loader.load(1, {"a": 0}, fields={"id": 1, "old": 1})
    loader.load(3, {}, fields={}, rules=EVERYTHING)
    with loader.loading(loader.land(4)) as load:
        assert load.previous_fields == {"id": 1, "grid.name": 1}
        assert {"id", "grid.name", "old"} == load.known_fields


def test_the_first_load_stores_the_zone(loader: Any) -> None:
    """And only a load that is committed does."""
    with pytest.raises(LandingCorruptError):
        loader.load(0, {"a": 0}, received=9, zone="America/Toronto")
    assert stored_zone(loader.warehouse) is None
    loader.load(0, {"a": 0}, zone="America/Toronto")
    assert stored_zone(loader.warehouse) == "America/Toronto"


@pytest.mark.owner
def test_another_endpoint_costs_nothing_here(loader: Any, devices: Endpoint) -> None:
    """The merge knows a table only through its endpoint: key, columns and name are whatever that says."""
    loader.endpoint = devices
    loader.load(0, {"x": 0, "y": 0})
    receipt = loader.load(1, {"x": 1}, rules=EVERYTHING)
    assert counts(receipt) == {"updated": 1, "vanished": 1}
    table = endpoint_table(devices)
    with reading(loader.warehouse) as connection:
        found = connection.execute(table.select().order_by(table.c.device_id)).all()
    assert [
        (row.device_id, row.record_hash, row.deleted_at and (row.deleted_at - row.first_seen_at).days) for row in found
    ] == [("x", "1:1", None), ("y", "1:0", 1)]
    assert loader.rows() == {}


@pytest.fixture
def devices(loader: Any) -> Iterator[Endpoint]:
    """An endpoint of another name, key and columns, with its table in the database."""
    endpoint = Endpoint(
        name="devices",
        path="v1/devices/",
        description="One row per device.",
        columns=(Column("device_id", "key", "text", "The id."), Column("name", "configuration", "text", "The name.")),
    )
    table = endpoint_table(endpoint)
    try:
        with transaction(loader.warehouse) as connection:
            table.create(connection)
        yield endpoint
    finally:
        METADATA.remove(table)


def staged(loader: Any, typed: dict[str, int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    return loader.frame_of(typed), loader.rejects_of([])
