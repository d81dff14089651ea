"""Landing: pages as received, whole walks or none, and nothing read that was changed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import zstandard
from sqlalchemy import delete, insert, select, update

from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import ClockError, LandingCorruptError, NotLandedError
from inode_pipeline.warehouse import landing
from inode_pipeline.warehouse.engine import Warehouse, reading, transaction
from inode_pipeline.warehouse.tables import LINKS_TABLE, LOADS, RAW_PAGES, RECEIPT_COUNTS
from inode_pipeline.warehouse.walks import (
    LandedWalk,
    allow_shrink,
    known_keys,
    newest_walk,
    purge,
    refuse,
    unloaded_walk,
    walk_by_id,
    walks_on,
)

SECOND = timedelta(seconds=1)


def stored(warehouse: Warehouse) -> list[tuple[str, int]]:
    with reading(warehouse) as connection:
        return [tuple(row) for row in connection.execute(select(RAW_PAGES.c.walk_id, RAW_PAGES.c.page))]


def load_row(walk: LandedWalk, load_id: str = "load") -> dict[str, object]:
    return {
        "load_id": load_id,
        "walk_id": walk.walk_id,
        "endpoint": walk.endpoint,
        "run_id": walk.run_id,
        "snapshot_at": walk.snapshot_at,
        "snapshot_date": walk.snapshot_date,
        "started_at": walk.finished_at,
        "finished_at": walk.finished_at,
        "verdict": walk.verdict,
        "may_remove": True,
        "is_present": True,
        "fields": {"id": 2},
        "normaliser_version": 1,
        "seconds": 0.5,
        **dict.fromkeys(RECEIPT_COUNTS, 0),
    }


def test_a_landed_walk_is_read_back_byte_for_byte(lander) -> None:
    """Whatever bytes came are the bytes that are read, page after page."""
    bodies = (b"\xef\xbb\xbf{}", bytes(range(256)) * 500, b"")
    walk = lander.land(bodies=bodies)
    pages = list(landing.pages(lander.warehouse, walk))
    assert [landing.LandedPage(n, body) for n, body in enumerate(bodies, start=1)] == pages
    assert walk == walk_by_id(lander.warehouse, walk.walk_id)


def test_a_page_is_stored_compressed_with_the_sum_of_what_came(lander) -> None:
    """The row tells size and sha256 of the answer as received."""
    body = b'{"results": []}' * 1000
    lander.land(bodies=(body,))
    with reading(lander.warehouse) as connection:
        row = connection.execute(select(RAW_PAGES)).one()
    assert (len(body), hashlib.sha256(body).hexdigest()) == (row.size_bytes, row.sha256)
    assert len(row.body) < len(body) / 10
    assert row.fetched_at == lander.start + SECOND
    assert row.fetched_at.utcoffset() == timedelta(0)


def test_a_walk_is_invisible_until_it_is_sealed(lander) -> None:
    """Pages without a walk's row are not read by anything."""
    store = lander.store()
    store.begin(lander.start)
    store.page(lander.page(1))
    assert newest_walk(lander.warehouse, "links") is None
    assert walks_on(lander.warehouse, "links", lander.day) == []


def test_a_discarded_walk_leaves_no_page_and_only_the_last_one_is_sealed(lander) -> None:
    """Walks that were thrown away, or left when the next one began, are gone."""
    store = lander.store()
    for attempt in range(3):
        store.begin(lander.start + attempt * SECOND)
        store.page(lander.page(1))
        store.page(lander.page(2))
        if attempt == 0:
            store.discard()
    walk = store.seal(lander.walk(snapshot_at=lander.start + 2 * SECOND))
    assert [(walk.walk_id, 1), (walk.walk_id, 2)] == stored(lander.warehouse)
    assert [walk] == walks_on(lander.warehouse, "links", lander.day)


@pytest.mark.parametrize("numbers", [(1,), (1, 3), (2, 3), (1, 2, 3), ()])
def test_a_walk_whose_pages_are_not_exactly_1_to_n_is_not_sealed(lander, numbers: tuple[int, ...]) -> None:
    """Two pages were read, others are stored: no row is written."""
    store = lander.store()
    store.begin(lander.start)
    for number in numbers:
        store.page(lander.page(number))
    with pytest.raises(LandingCorruptError):
        store.seal(lander.walk(pages=2))
    assert newest_walk(lander.warehouse, "links") is None


def test_a_taken_instant_moves_on_by_one_microsecond(lander) -> None:
    """Walks of one instant get different ones; both databases keep microseconds."""
    walks = [lander.land(lander.start) for _ in range(3)]
    expected = [lander.start + timedelta(microseconds=n) for n in range(3)]
    assert expected == [walk.snapshot_at for walk in walks]
    assert walks == walks_on(lander.warehouse, "links", lander.day)
    assert walks[-1] == newest_walk(lander.warehouse, "links")


def test_a_clock_behind_the_newest_walk_stops_the_walk_and_names_both_times(lander) -> None:
    """Five seconds are tolerated, more are not."""
    lander.land(lander.start)
    lander.store().begin(lander.start - 5 * SECOND)
    with pytest.raises(ClockError) as caught:
        lander.store().begin(lander.start - 6 * SECOND)
    assert "2026-11-23 09:29:54 UTC" in caught.value.message
    assert "2026-11-23 09:30:00 UTC" in caught.value.message


def tamper(warehouse: Warehouse, **values: object) -> None:
    with transaction(warehouse) as connection:
        connection.execute(update(RAW_PAGES).where(RAW_PAGES.c.page == 2).values(**values))


@pytest.mark.parametrize(
    "values",
    [
        {"body": b"not compressed"},
        {"body": zstandard.ZstdCompressor().compress(b'{"results": [3]}')},
        {"body": zstandard.ZstdCompressor().compress(b'{"results": [2]}')[:-4]},
        {"body": b""},
        {"sha256": "0" * 64},
        {"size_bytes": 3},
        {"size_bytes": 99},
        {"run_id": "another"},
        {"page": 7},
    ],
    ids=["edited", "exchanged", "truncated", "emptied", "sum", "shorter", "longer", "other run", "moved"],
)
def test_m61_a_tampered_page_stops_the_load(lander, values: dict[str, object]) -> None:
    """Whatever was changed about a page, reading the walk ends at it by name."""
    walk = lander.land()
    tamper(lander.warehouse, **values)
    with pytest.raises(LandingCorruptError, match="Page 2 of walk"):
        list(landing.pages(lander.warehouse, walk))


def test_m61_a_missing_page_stops_the_load(lander) -> None:
    """A page that was removed from a whole walk is noticed."""
    walk = lander.land()
    with transaction(lander.warehouse) as connection:
        connection.execute(delete(RAW_PAGES).where(RAW_PAGES.c.page == 1))
    with pytest.raises(LandingCorruptError, match=r"Page 1 of walk .* is missing"):
        list(landing.pages(lander.warehouse, walk))


def test_reading_half_a_walk_leaves_no_transaction_open(lander) -> None:
    """Between two pages nothing is held, so a reader that stops early is in nobody's way."""
    walk = lander.land()
    pages = landing.pages(lander.warehouse, walk)
    next(pages)
    assert lander.warehouse.engine.pool.checkedout() == 0


def test_walks_of_a_date_come_in_their_order_and_of_that_date_only(lander) -> None:
    """The date is the one given, whatever the instant says."""
    other = date(2026, 11, 22)
    second, first = lander.land(lander.start + 9 * SECOND), lander.land(lander.start + 4 * SECOND)
    lander.land(lander.start + 10 * SECOND, day=other)
    assert [first, second] == walks_on(lander.warehouse, "links", lander.day)
    assert walks_on(lander.warehouse, "devices", lander.day) == []


def test_an_automatic_retry_finds_the_walk_its_run_landed_and_did_not_load(lander) -> None:
    """Another run's walk, another date's and a loaded one are not found."""
    first = lander.land(lander.start, run_id="a")
    second = lander.land(lander.start + SECOND, run_id="a")
    lander.land(lander.start + 2 * SECOND, run_id="b")

    def found() -> LandedWalk | None:
        return unloaded_walk(lander.warehouse, "links", lander.day, ["a", "root"])

    assert found() == second
    with transaction(lander.warehouse) as connection:
        connection.execute(insert(LOADS), load_row(second))
    assert found() == first
    assert unloaded_walk(lander.warehouse, "links", date(2026, 11, 22), ["a"]) is None


def test_a_refused_walk_stays_refused_until_a_person_allows_it(lander) -> None:
    """The permission is recorded on the walk beside the refusal."""
    walk = lander.land()
    assert not walk.is_refused
    refuse(lander.warehouse, walk.walk_id, "36 of 153 links are missing")
    refused = walk_by_id(lander.warehouse, walk.walk_id)
    assert refused is not None
    assert (refused.is_refused, refused.refused_reason) == (True, "36 of 153 links are missing")
    allow_shrink(lander.warehouse, walk.walk_id)
    allowed = walk_by_id(lander.warehouse, walk.walk_id)
    assert allowed == replace(refused, allow_shrink=True)
    assert not allowed.is_refused


def test_purging_removes_old_pages_says_when_and_keeps_the_newest_walk(lander) -> None:
    """Rows of walks stay; the newest walk keeps its pages however old it is."""
    days = [lander.start.date() - timedelta(days=n) for n in (20, 10, 5)]
    old, middle, newest = [lander.land(lander.start - (lander.day - day), day=day) for day in days]
    now = datetime(2026, 11, 30, tzinfo=UTC)
    assert purge(lander.warehouse, 0, now=now) == []
    assert [old.walk_id] == purge(lander.warehouse, 20, now=now)
    assert [middle.walk_id] == purge(lander.warehouse, 1, now=now)
    assert {newest.walk_id} == {walk_id for walk_id, _ in stored(lander.warehouse)}
    purged = walk_by_id(lander.warehouse, old.walk_id)
    assert purged == replace(old, purged_at=now)
    with pytest.raises(NotLandedError, match="purged on 2026-11-30"):
        list(landing.pages(lander.warehouse, purged))


def test_known_keys_are_those_not_deleted(lander) -> None:
    """A key whose deleted_at is set is not asked of the next walk; neither is anything before the first load."""
    known = known_keys(lander.warehouse, LINKS)
    assert (known.any_loaded, len(known.present)) == (False, 0)
    walk = lander.land()
    row = {
        "record_hash": "r",
        "content_hash": "c",
        "first_seen_at": lander.start,
        "snapshot_at": lander.start,
        "snapshot_date": lander.day,
    }
    with transaction(lander.warehouse) as connection:
        connection.execute(insert(LOADS), load_row(walk))
        connection.execute(insert(LINKS_TABLE), [{"link_id": str(n), **row} for n in range(25_000)])
        connection.execute(update(LINKS_TABLE).where(LINKS_TABLE.c.link_id < "2").values(deleted_at=lander.start))
    known = known_keys(lander.warehouse, LINKS)
    kept = [str(n) for n in range(25_000) if str(n) >= "2"]
    assert known.any_loaded
    assert known.present == set(kept)
