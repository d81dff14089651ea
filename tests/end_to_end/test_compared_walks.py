"""Whether or not equal records are typed again makes no difference: the tables and receipts are the same.

The same landed walks are loaded twice, in the same order: once as they are, and once with nothing left by which a load
could be compared with an earlier one, so that every record is looked at.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from inode_pipeline.config import LocalSettings
from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import PipelineError
from inode_pipeline.sync import land, load
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse, reading, transaction
from inode_pipeline.warehouse.landing import LandedWalk
from inode_pipeline.warehouse.migrate import migrate
from inode_pipeline.warehouse.tables import LOADS, METADATA, RAW_PAGES
from tests.end_to_end.conftest import BESIDE, Account

LINKS_COUNT = 60
PAGE_SIZES = (25, 7)
UNREAD = ("status", "last_travel_time_s", "last_sample_count")
OF_THE_LOAD = {"load_id", "seconds"}

Records = list[dict[str, Any]]
Change = Callable[[Records, int], None]
Order = Sequence[tuple[LandedWalk, Endpoint]]
Night = tuple[list[tuple[Change, int]], tuple[Change, int]]


def free_id(records: Records) -> int:
    return max(int(record["id"]) for record in records) + 1


def not_last(at: int) -> int:
    """A place whose neighbour is on the same page of any size that is tried."""
    return at - (at % min(PAGE_SIZES) == min(PAGE_SIZES) - 1)


def rename(records: Records, at: int) -> None:
    records[at]["name"] = f"{records[at]['name']}."


def slow_down(records: Records, at: int) -> None:
    records[at]["last_travel_time"] = records[at]["last_speed"] = None


def measure(records: Records, at: int) -> None:
    records[at]["last_updated"] = f"2026-05-12T0{at % 9}:07:00Z"


def correct(records: Records, at: int) -> None:
    records[at]["sample_size"] = at


def remove(records: Records, at: int) -> None:
    del records[at]


def move(records: Records, at: int) -> None:
    records.insert(0, records.pop(at))


def shift(records: Records, at: int) -> None:
    """Every page begins with the last record of the one before."""
    records.insert(0, {**records[at], "id": free_id(records)})


def rewrite(records: Records, at: int) -> None:
    """A record on another page and with another value."""
    move(records, at - 10)
    rename(records, 0)


def shorten(records: Records, at: int) -> None:
    """The last page goes, or part of it."""
    del records[-at - 1 :]


def lengthen(records: Records, at: int) -> None:
    """More pages than before, or a fuller last one."""
    for number in range(at + 1):
        records.append({**records[number], "id": free_id(records)})


def double(records: Records, at: int) -> None:
    """The very same record twice."""
    records.insert(not_last(at), records[not_last(at)])


def collide(records: Records, at: int) -> None:
    """A new record with the id of one that is as it was."""
    at = not_last(at)
    records.insert(at, {**records[at], "name": "The winner", "last_updated": "2027-01-01T00:00:00Z"})


def unname(records: Records, at: int) -> None:
    del records[at]["name"]


def slip(records: Records, at: int) -> None:
    """More than half of the lengths in kilometres."""
    for record in records[: len(records) * 6 // 10]:
        record["distance"] /= 1000


def lose_field(records: Records, at: int) -> None:
    for record in records:
        record.pop("sample_size", None)


def repeat(records: Records, at: int) -> None:
    """The same id again on the same page, measured long ago."""
    at = not_last(at)
    records.insert(at, {**records[at], "name": "The loser", "last_updated": "2020-01-01T00:00:00Z"})


def spoil(records: Records, at: int) -> None:
    records[at]["distance"] = "far"


def add_field(records: Records, at: int) -> None:
    records[at]["colour"] = "blue"


def leave(records: Records, at: int) -> None:
    """Nothing changes at all."""


def respell(records: Records, at: int) -> None:
    """The same record, written otherwise."""
    records[at] = dict(reversed(records[at].items()))


LASTING = (rename, slow_down, measure, correct, remove, move, shift, rewrite, shorten, lengthen, respell)
STRANGE = (repeat, spoil, add_field, double, collide, unname, slip, lose_field)
PASSING = (leave,) * len(STRANGE) + STRANGE
"""What happens on one night only; most nights nothing of it."""

OTHERWISE = replace(
    LINKS, columns=tuple(replace(one, sources=()) if one.name in UNREAD else one for one in LINKS.columns)
)
"""How a walk may be read when it is loaded again."""

places = st.integers(0, 9)
a_night = st.tuples(
    st.lists(st.tuples(st.sampled_from(LASTING), places), max_size=3), st.tuples(st.sampled_from(PASSING), places)
)


@pytest.mark.slow
@pytest.mark.parametrize("page_size", PAGE_SIZES)
@pytest.mark.parametrize("warehouse_kind", ["sqlite"], indirect=True)
def test_loads_that_compare_end_like_loads_that_look(
    account: Callable[..., Any], tmp_path: Path, page_size: int
) -> None:
    """Any changes of any nights, loaded in any order, on the dates of two days; some pages are spoilt once loaded.

    Before the last walk, one of the others is loaded again, perhaps read otherwise.
    """
    with account(links=LINKS_COUNT, max_page_size=page_size, settings={"INODE_MAX_REJECTED_FRACTION": "1"}) as a:
        original = copy.deepcopy(a.server.state.records)

        @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
        @given(st.lists(a_night, min_size=3, max_size=6), st.randoms(use_true_random=False))
        def both_ways(nights: list[Night], chance: Any) -> None:
            path = tmp_path / "landed.db"
            path.unlink(missing_ok=True)
            walks = landed(a, path, original, nights)
            order = [(walk, LINKS) for walk in (walks if chance.random() < 0.7 else chance.sample(walks, len(walks)))]
            order.insert(-1, (chance.choice(order[:-2])[0], chance.choice((LINKS, OTHERWISE))))
            spoilt = {walk.walk_id: chance.randint(1, 3) for walk in walks if chance.random() < 0.2}
            compared = loaded(path, tmp_path / "compared.db", order, spoilt, may_compare=True)
            looked = loaded(path, tmp_path / "looked.db", order, spoilt, may_compare=False)
            event(f"{sum(receipt.get('unchanged', 0) > 0 for receipt in compared[1])} loads with unchanged records")
            assert looked == compared

        both_ways()


@pytest.mark.parametrize("warehouse_kind", ["sqlite"], indirect=True)
def test_a_walk_that_must_not_be_loaded_is_stopped_alike(account: Callable[..., Any], tmp_path: Path) -> None:
    """Though what stops it stands in a few of its records only: a field that is gone, a length in kilometres."""
    with account(links=LINKS_COUNT, max_page_size=25) as a:
        records = a.server.state.records
        for record in records[3:]:
            del record["sample_size"]
        nights: list[Night] = [([], (change, 0)) for change in (leave, lose_field, slip)]
        order = [(walk, LINKS) for walk in landed(a, tmp_path / "landed.db", records, nights)]
        compared, looked = (
            loaded(tmp_path / "landed.db", tmp_path / f"{kind}.db", order, {}, may_compare=kind)
            for kind in (True, False)
        )
        assert ["SchemaDriftError", "UnitsError"] == [said["error"] for said in compared[1][1:]]
        assert looked == compared


def landed(a: Account, path: Path, original: Records, nights: Sequence[Night]) -> list[LandedWalk]:
    """The walks of the nights, each a change of the one before, in a new warehouse; none is loaded."""
    walks, records = [], copy.deepcopy(original)
    with at(path) as warehouse:
        migrate(warehouse)
        for number, (lasting, (passing, at_place)) in enumerate(nights):
            for change, place in lasting:
                change(records, place)
            tonight = copy.deepcopy(records)
            passing(tonight, at_place)
            a.serve(tonight)
            day = a.today + timedelta(days=number // 3)
            walks.append(land(a.settings, warehouse, LINKS, "run", snapshot_date=day))
    return walks


def loaded(
    source: Path, path: Path, order: Order, spoilt: Mapping[str, int], *, may_compare: bool
) -> tuple[Any, list[Any]]:
    """Every row that the loads wrote, and what they said: a receipt, or why a walk was not loaded.

    A page of a `spoilt` walk is lost once the walk was loaded.
    """
    for companion in ("", "-wal", "-shm"):
        Path(f"{path}{companion}").unlink(missing_ok=True)
    shutil.copy(source, path)
    said: list[dict[str, Any]] = []
    with at(path) as warehouse:
        for walk, endpoint in order:
            if not may_compare:
                forget(warehouse)
            said.append(told(warehouse, walk, endpoint))
            if walk.walk_id in spoilt:
                lose(warehouse, walk, spoilt[walk.walk_id])
        return rows(warehouse), said


def told(warehouse: Warehouse, walk: LandedWalk, endpoint: Endpoint) -> dict[str, Any]:
    notes: list[str] = []
    local = LocalSettings(_env_file=None)
    try:
        receipt = load(
            local, warehouse, endpoint, replace(walk, verdict="proven"), "run",
            allow_shrink=True, listen=lambda step: notes.append(step.text),
        )  # fmt: skip
    except PipelineError as problem:
        return {"error": problem.kind, "message": problem.message}
    counts = {name: value for name, value in receipt.as_json().items() if name not in OF_THE_LOAD}
    return {**counts, "notes": sorted(notes)}


def forget(warehouse: Warehouse) -> None:
    """Leave nothing by which a walk could be known to be read as the newest one was."""
    with transaction(warehouse) as connection:
        connection.execute(update(LOADS).values(reading_hash=None))


def lose(warehouse: Warehouse, walk: LandedWalk, page: int) -> None:
    place = (RAW_PAGES.c.walk_id == walk.walk_id) & (RAW_PAGES.c.page == page)
    with transaction(warehouse) as connection:
        connection.execute(update(RAW_PAGES).where(place).values(body=b"spoilt"))


def rows(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """Every row that a load may write, without the name of the load."""
    found = {}
    with reading(warehouse) as connection:
        for name, table in METADATA.tables.items():
            if name not in BESIDE:
                columns = [column for column in table.c if column.name not in OF_THE_LOAD]
                found[name] = sorted(map(tuple, connection.execute(select(*columns))), key=repr)
    return found


@contextmanager
def at(path: Path) -> Iterator[Warehouse]:
    """The warehouse in a file; its write-ahead log is emptied at the end, so that the file alone is all of it."""
    with open_warehouse(LocalSettings(warehouse_url=f"sqlite:///{path}", _env_file=None)) as warehouse:
        yield warehouse
        with closing(warehouse.engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
