"""A walk that is the newest loaded one over again is loaded without looking into it, to the same rows as if it were."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, true, update

from inode_pipeline.config import Settings
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import LandingCorruptError
from inode_pipeline.normalise import NORMALISER_VERSION
from inode_pipeline.normalise.hashes import reading_hash
from inode_pipeline.sync import land, load
from inode_pipeline.warehouse.engine import reading, transaction
from inode_pipeline.warehouse.landing import LandedWalk
from inode_pipeline.warehouse.merge import MergeRules, OvertakenError, loading
from inode_pipeline.warehouse.receipt import LoadFacts, Receipt
from inode_pipeline.warehouse.tables import LINKS_TABLE, METADATA, RAW_PAGES
from tests.end_to_end.conftest import BESIDE, Account


def tables(account: Account) -> dict[str, list[tuple[Any, ...]]]:
    """Every row that a load may write."""
    with reading(account.warehouse) as connection:
        return {
            name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for name, table in METADATA.tables.items()
            if name not in BESIDE
        }


def landed(account: Account, *, days: int = 0) -> LandedWalk:
    day = account.today + timedelta(days=days)
    return land(account.settings, account.warehouse, LINKS, f"run-{next(account.numbers)}", snapshot_date=day)


def loaded(account: Account, walk: LandedWalk, endpoint: Any = LINKS) -> Receipt:
    return load(account.settings, account.warehouse, endpoint, walk, f"run-{next(account.numbers)}")


def spoil(account: Account, walk: LandedWalk, *pages: int) -> None:
    """Leave nothing to read in some of the walk's pages, or in all: whoever looks into one stops."""
    place = (RAW_PAGES.c.walk_id == walk.walk_id) & (RAW_PAGES.c.page.in_(pages) if pages else true())
    with transaction(account.warehouse) as connection:
        connection.execute(update(RAW_PAGES).where(place).values(body=b"spoilt"))


def keep(account: Account, walk: LandedWalk) -> dict[int, bytes]:
    with reading(account.warehouse) as connection:
        pages = select(RAW_PAGES.c.page, RAW_PAGES.c.body).where(RAW_PAGES.c.walk_id == walk.walk_id)
        return dict(map(tuple, connection.execute(pages)))


def restore(account: Account, walk: LandedWalk, bodies: dict[int, bytes]) -> None:
    with transaction(account.warehouse) as connection:
        for page, body in bodies.items():
            place = (RAW_PAGES.c.walk_id == walk.walk_id) & (RAW_PAGES.c.page == page)
            connection.execute(update(RAW_PAGES).where(place).values(body=body))


@pytest.mark.parametrize("days", [0, 1])
def test_a_repeat_ends_in_the_rows_of_a_load_that_looks(account: Callable[..., Any], days: int) -> None:
    """On the same date and on the next: nothing but the daily list is written, and a full load finds nothing to do."""
    with account(links=60, max_page_size=25) as a:
        a.sync()
        a.serve(a.server.state.records[:-5])
        first = a.sync(allow_shrink=True)
        before = tables(a)
        walk = landed(a, days=days)
        bodies = keep(a, walk)
        spoil(a, walk)
        receipt = loaded(a, walk)
        assert (55, 55, 0, 0, 0, 0) == (
            receipt.received, receipt.unchanged, receipt.inserted, receipt.updated, receipt.vanished, receipt.rejected
        )  # fmt: skip
        assert (first.no_data, first.duplicate) == (receipt.no_data, receipt.duplicate)
        quickly = tables(a)
        assert (before == quickly) is (days == 0)
        assert {**before, "link_snapshots": quickly["link_snapshots"]} == quickly
        restore(a, walk, bodies)
        loaded(a, walk)
        assert quickly == tables(a)


@pytest.mark.parametrize("days", [0, 1])
def test_records_that_did_not_change_are_not_typed_again(account: Callable[..., Any], days: int) -> None:
    """Some change, one comes, some go, one returns: the rows are those of a load that types every record."""
    with account(links=120, max_page_size=40) as a:
        records = copy.deepcopy(a.server.state.records)
        a.serve([*records[:50], *records[52:119]])
        a.sync()
        a.serve([*records[:50], *records[53:119]])
        a.sync()
        for number in (3, 60, 61, 100):
            records[number]["name"] = f"Another name {number}"
        records[70]["last_speed"] = 12.5
        a.serve([*records[:80], *records[81:]])
        walk = landed(a, days=days)
        receipt = loaded(a, walk)
        assert (119, 3, 6, 110, 1) == (
            receipt.received, receipt.inserted, receipt.updated, receipt.unchanged, receipt.vanished
        )  # fmt: skip
        quickly = tables(a)
        again = loaded(a, walk)  # which types every record: the walk is not newer than the newest
        assert (0, 0, 119) == (again.inserted, again.updated, again.unchanged)
        assert quickly == tables(a)


def test_equal_pages_are_not_read_and_equal_records_not_typed(account: Callable[..., Any]) -> None:
    """Neither side's page is missed where both are the same, nor a record of a page that differs."""
    with account(links=60, max_page_size=20) as a:
        records = copy.deepcopy(a.server.state.records)
        first = landed(a)
        loaded(a, first)
        records[25]["name"] = "Another name"
        records[27] = {**records[27], "id": 10_000}
        a.serve(records)
        walk = landed(a)
        spoil(a, first, 1)
        spoil(a, walk, 1, 3)
        with transaction(a.warehouse) as connection:
            tampered = LINKS_TABLE.c.link_id == str(records[26]["id"])
            connection.execute(update(LINKS_TABLE).where(tampered).values(record_hash="not that of its values"))
        receipt = loaded(a, walk)
        assert (60, 1, 1, 58, 1) == (
            receipt.received, receipt.inserted, receipt.updated, receipt.unchanged, receipt.vanished
        )  # fmt: skip


def test_a_record_that_lost_to_another_with_its_id_is_typed_when_it_comes_alone(account: Callable[..., Any]) -> None:
    """Its row holds the other one's values."""
    with account(links=40) as a:
        records = copy.deepcopy(a.server.state.records)
        loser = {**records[5], "name": "The loser", "last_updated": "2020-01-01T00:00:00Z"}
        a.serve([*records, loser])
        assert 1 == loaded(a, landed(a)).duplicate
        a.serve([*records[:5], loser, *records[6:]])
        assert 1 == loaded(a, landed(a)).updated
        assert "The loser" == a.rows()[str(loser["id"])]["name"]


def test_what_was_said_of_the_records_is_said_again(account: Callable[..., Any]) -> None:
    """A green load hides nothing only because the same was seen before."""
    with account(links=30) as a:
        records = a.server.state.records
        del records[3]["sample_size"]
        a.serve(records)
        told: list[list[str]] = []
        for _ in range(2):
            notes: list[str] = []
            walk = landed(a)
            load(a.settings, a.warehouse, LINKS, walk, "run", listen=lambda step, into=notes: into.append(step.text))
            told.append(notes)
        assert any("last_sample_count in 1" in note for note in told[0])
        assert told[0] == told[1]


def test_records_are_looked_at_where_anything_differs(
    account: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """One other byte, another field map, a row that went missing, or a walk that is not newer."""
    with account(links=30) as a:
        first = landed(a)
        loaded(a, first)
        spoil(a, first)
        with pytest.raises(LandingCorruptError):
            loaded(a, first)

        other = a.server.state.records
        other[7]["name"] = "Another name"
        a.serve(other)
        walk = landed(a)
        assert (1, 29) == (loaded(a, walk).updated, 29)

        with transaction(a.warehouse) as connection:
            connection.execute(LINKS_TABLE.delete().where(LINKS_TABLE.c.link_id == str(other[0]["id"])))
        assert 1 == loaded(a, landed(a)).inserted

        field_map = tmp_path / "map.toml"
        field_map.write_text('[links.columns.status]\nsource = ""\n')
        monkeypatch.setenv("INODE_FIELD_MAP_FILE", str(field_map))
        mapped = Settings.load(dotenv=False).endpoint(LINKS)
        assert 30 == loaded(a, landed(a), mapped).updated


def test_a_walk_with_records_set_aside_is_always_looked_into(account: Callable[..., Any]) -> None:
    """Its rejected records are listed for each walk."""
    with account(links=200) as a:
        records = a.server.state.records
        records[3]["distance"] = "far"
        a.serve(records)
        assert [1, 1] == [loaded(a, landed(a)).rejected for _ in range(2)]
        assert 2 == len(tables(a)["rejected_records"])


UNMEASURED = replace(
    LINKS, columns=tuple(replace(one, sources=()) if one.kind == "measurement" else one for one in LINKS.columns)
)


def test_what_an_older_walk_takes_back_is_shown_again_by_a_walk_with_equal_records(account: Callable[..., Any]) -> None:
    """An observation stands under the earliest walk that showed it, and goes with it, though later ones showed it too.

    So it does when that walk is loaded again with a field map that finds no measurements.
    """
    with account(links=30) as a:
        older = landed(a)
        loaded(a, older)
        loaded(a, landed(a))
        before = tables(a)["link_bins"]
        loaded(a, older, UNMEASURED)
        assert [] == tables(a)["link_observations"]
        receipt = loaded(a, landed(a))
        assert (30, 30 - receipt.no_data) == (receipt.unchanged, receipt.observations_inserted)
        assert before == tables(a)["link_bins"] != []


def overtaken(account: Account, walk: LandedWalk, *, by: LandedWalk, read_as: Any = LINKS) -> None:
    """Load a walk as `load` does, while another walk is loaded between the comparison and the merge."""
    with loading(account.warehouse, LINKS, walk, load_id="overtaken", run_id="run") as slow:
        earlier = slow.compare(reading_hash(LINKS, NORMALISER_VERSION))
        assert earlier is not None
        loaded(account, by, read_as)
        facts = LoadFacts(
            received=walk.received, duplicate=0, unreadable=0, no_data=0, fields=earlier.fields, pages=walk.pages,
            normaliser_version=NORMALISER_VERSION,
        )  # fmt: skip
        slow.merge(MergeRules(0.2), facts)


@pytest.mark.parametrize("warehouse_kind", ["sqlite"], indirect=True)
def test_a_comparison_that_another_load_has_overtaken_is_not_trusted(account: Callable[..., Any]) -> None:
    """Whatever that one has written: the load stops before it writes, and `load` begins it anew without comparing.

    On PostgreSQL no other load can come between: the lock is held from the beginning.
    """
    with account(links=40) as a:
        loaded(a, landed(a))
        walk, other = landed(a), landed(a)
        before = tables(a)
        with pytest.raises(OvertakenError):
            overtaken(a, walk, by=other)
        assert before == tables(a)
        assert 40 == loaded(a, walk).superseded


@pytest.mark.parametrize("warehouse_kind", ["sqlite"], indirect=True)
def test_a_comparison_overtaken_by_an_older_walk_that_takes_something_back_is_not_trusted(
    account: Callable[..., Any],
) -> None:
    """The newest loaded walk is still the same, but no longer everything stands that it showed."""
    with account(links=30) as a:
        older = landed(a)
        loaded(a, older)
        loaded(a, landed(a))
        walk = landed(a)
        with pytest.raises(OvertakenError):
            overtaken(a, walk, by=older, read_as=UNMEASURED)
        receipt = loaded(a, walk)
        assert 30 - receipt.no_data == receipt.observations_inserted
