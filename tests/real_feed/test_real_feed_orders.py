"""The recorded feed, landed once and loaded in any order, ends in the same tables, as an independent reading says.

The recording lies beside the project and is not part of it; without it these tests are skipped and say so.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Table, insert, select

from inode_pipeline.analysis.query import Query, ask
from inode_pipeline.config import LocalSettings
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.sync import load
from inode_pipeline.warehouse.engine import Warehouse, reading, transaction
from inode_pipeline.warehouse.landing import LandingStore
from inode_pipeline.warehouse.migrate import sql_folder
from inode_pipeline.warehouse.receipt import Receipt
from inode_pipeline.warehouse.tables import LINK_FACTS, LINKS_TABLE, LOADS, METADATA, ZONE_OFFSETS
from inode_pipeline.warehouse.walks import LandedWalk

HERE = Path(__file__).parent
RECORDING = HERE.parents[2] / "shared/data/nyc_dot_links/snapshots.ndjson.gz"
NEW_YORK = ZoneInfo("America/New_York")
LAST_WRITTEN = ("snapshot_at", "snapshot_date")
VIEWS = sorted(file.stem for file in (sql_folder() / "views").glob("*.sql"))
# The feed names no free-flow speed, and reads days, not years: there is no whole year, no week and no year before.
EMPTY = {"congested_now", "link_lottr_annual", "link_unusual_delay", "links_silent", "year_on_year"}
FACTS = (LINK_FACTS.versions, LINK_FACTS.snapshots, LINK_FACTS.observations, LINK_FACTS.corrections, LINK_FACTS.bins)

ORDERS: dict[str, Callable[[Sequence[int]], list[int]]] = {
    "in order": list,
    "in reverse": lambda numbers: list(reversed(numbers)),
    "at random": lambda numbers: random.Random(20171105).sample(numbers, len(numbers)),
    "at random and again": lambda numbers: random.Random(1).choices(numbers, k=20) + list(reversed(numbers)),
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not RECORDING.is_file(), reason="the recorded feed does not lie beside the project"),
]


class Snapshot:
    """One line of the recording: when it was taken, and its records."""

    def __init__(self, line: str) -> None:
        read = json.loads(line)
        self.taken_at = datetime.fromisoformat(read["snapshot"]).replace(tzinfo=NEW_YORK).astimezone(UTC)
        self.records: list[dict[str, Any]] = read["records"]

    @property
    def day(self) -> date:
        return self.taken_at.astimezone(NEW_YORK).date()


class WholeAnswer:
    """The page and the proof of a walk whose answer was one response."""

    number, address, verdict, pages, requests, retries, logins, unreadable = 1, "recorded", "proven", 1, 1, 0, 1, 0

    def __init__(self, snapshot: Snapshot) -> None:
        self.body = json.dumps(snapshot.records).encode()
        self.snapshot_at = self.fetched_at = snapshot.taken_at
        self.received = len(snapshot.records)


def snapshots() -> list[Snapshot]:
    with gzip.open(RECORDING, "rt") as lines:
        return [Snapshot(line) for line in lines]


def land(warehouse: Warehouse, taken: Sequence[Snapshot]) -> list[LandedWalk]:
    """All snapshots in the order in which they were taken, as a sampling account would have landed them."""
    walks = []
    for snapshot in taken:
        answer = WholeAnswer(snapshot)
        store = LandingStore(warehouse, LINKS, f"run {snapshot.taken_at}", snapshot.day)
        store.begin(snapshot.taken_at)
        store.page(answer)
        walks.append(store.seal(answer))
    return walks


def empty(warehouse: Warehouse) -> None:
    """Back to what was landed: nothing is loaded."""
    with transaction(warehouse) as connection:
        for name in ("rejected_records", "loads", LINKS_TABLE.name, *(table.name for table in FACTS)):
            connection.execute(METADATA.tables[name].delete())


def content(warehouse: Warehouse, table: Table, *but: str) -> list[tuple[object, ...]]:
    columns = [column for column in table.columns if column.name not in but]
    with reading(warehouse) as connection:
        rows = connection.execute(select(*columns).order_by(*table.primary_key.columns)).all()
    return [tuple(json.dumps(value) if isinstance(value, dict) else value for value in row) for row in rows]


def read_by_hand(taken: Sequence[Snapshot]) -> dict[tuple[str, datetime], dict[tuple[float, float], datetime]]:
    """What the feed says was measured, read without the pipeline: each pair of values with who showed it first."""
    found: dict[tuple[str, datetime], dict[tuple[float, float], datetime]] = {}
    for snapshot in sorted(taken, key=lambda one: one.taken_at):
        for record in snapshot.records:
            if str(record["Status"]) == "-101":
                continue
            local = datetime.strptime(record["DataAsOf"], "%m/%d/%Y %H:%M:%S").replace(tzinfo=NEW_YORK)
            values = float(record["TravelTime"]), float(record["Speed"]) * 1.609344
            found.setdefault((str(record["linkId"]), local.astimezone(UTC)), {}).setdefault(values, snapshot.taken_at)
    return found


def prepare(warehouse: Warehouse, links: Sequence[str]) -> None:
    """What people would have entered: free flows, a corridor, a study, a period of the whole day, no floors."""
    tables, frozen = METADATA.tables, datetime(2017, 1, 1, tzinfo=UTC)
    day = frozen.date()
    baseline = {"method": "configured", "version": 1, "n_bins": 0, "from_date": day, "to_date": day}
    baseline |= {"free_flow_travel_time_s": 100.0, "frozen_at": frozen}
    study = {"study_id": "s", "name": "s", "corridor_id": "c", "period_name": "all"}
    study |= {"before_from": day, "before_to": date(2017, 11, 5), "after_from": date(2017, 11, 6)}
    rows: dict[str, list[dict[str, Any]]] = {
        "link_baselines": [baseline | {"link_id": link} for link in links],
        "corridors": [{"corridor_id": "c", "name": "c"}],
        "corridor_links": [
            {"corridor_id": "c", "position": n, "link_id": link, "valid_from": day}
            for n, link in enumerate(links[:3], 1)
        ],
        "studies": [study | {"after_to": date(2018, 1, 1)}],
        "time_periods": [
            {"period_name": "all", "day_kind": kind, "from_minute": 0, "to_minute": 1440, "scheme": "own"}
            for kind in ("weekday", "weekend")
        ],
    }
    with transaction(warehouse) as connection:
        for name, new in rows.items():
            connection.execute(insert(tables[name]), new)
        connection.execute(tables["index_rules"].update().values(value=0))


def answer(warehouse: Warehouse, view: str) -> list[tuple[object, ...]]:
    """Every row of a view, sorted. A sum of doubles may differ in its last digits by the order in which they lie."""
    rows = ask(warehouse, Query(view, "?", (), f"SELECT * FROM {view}"), {}).rows
    return sorted(
        (tuple(f"{value:.10g}" if isinstance(value, float) else value for value in row) for row in rows), key=str
    )


def as_read(warehouse: Warehouse, table: Table) -> set[tuple[object, ...]]:
    rows = content(warehouse, table, "sample_count")
    return {(link, at, (time, round(speed, 9)), shown) for link, at, time, speed, shown in rows}  # type: ignore[call-overload]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, warehouse: Warehouse) -> LocalSettings:
    """Settings whose field map knows the feed's names and units."""
    monkeypatch.setenv("INODE_FIELD_MAP_FILE", str(HERE / "field_map.toml"))
    return LocalSettings.load(dotenv=False)


@pytest.mark.timeout(900)
def test_the_recorded_feed_ends_in_the_same_tables_in_any_order(warehouse: Warehouse, settings: LocalSettings) -> None:
    """In order, in reverse, at random and several times: links, every fact table and every view are equal, row by row.

    Only what tells which load last wrote a row of links may differ. The observations and corrections
    are those that the file holds, read without the pipeline, and the receipts count each of them once.
    """
    taken = snapshots()
    walks = land(warehouse, taken)
    prepare(warehouse, sorted({str(record["linkId"]) for snapshot in taken for record in snapshot.records}))
    ends = {}
    for name, order in ORDERS.items():
        empty(warehouse)
        receipts = [loaded(warehouse, settings, walks[number]) for number in order(range(len(walks)))]
        ends[name] = {
            LINKS_TABLE.name: content(warehouse, LINKS_TABLE, *LAST_WRITTEN),
            **{table.name: content(warehouse, table) for table in FACTS},
            **{view: answer(warehouse, view) for view in VIEWS},
        }
        assert {view for view in VIEWS if not ends[name][view]} <= EMPTY
        kept = {table.name: len(ends[name][table.name]) for table in FACTS}
        assert kept["link_observations"] == sum(receipt.observations_inserted for receipt in receipts)
        assert kept["observation_corrections"] == sum(receipt.observations_corrected for receipt in receipts)
        compare_with_the_file(warehouse, taken)
    assert all(end == ends["in order"] for end in ends.values())


def loaded(warehouse: Warehouse, settings: LocalSettings, walk: LandedWalk) -> Receipt:
    endpoint = settings.endpoint(LINKS)
    return load(settings, warehouse, endpoint, walk, "run", allow_shrink=True, zone="America/New_York")


def compare_with_the_file(warehouse: Warehouse, taken: Sequence[Snapshot]) -> None:
    standing, corrected = set(), set()
    for (link, at), sets in read_by_hand(taken).items():
        (time, speed), first = max(sets.items(), key=lambda one: one[1])
        standing.add((link, at, (time, round(speed, 9)), first))
        corrected |= {
            (link, at, (time, round(speed, 9)), shown) for (time, speed), shown in sets.items() if shown != first
        }
    assert standing == as_read(warehouse, LINK_FACTS.observations)
    assert corrected == as_read(warehouse, LINK_FACTS.corrections)
    newest = {snapshot.day: snapshot for snapshot in sorted(taken, key=lambda one: one.taken_at)}
    listed = {(day, str(record["linkId"])) for day, snapshot in newest.items() for record in snapshot.records}
    assert listed == {row[:2] for row in content(warehouse, LINK_FACTS.snapshots)}


def test_a_second_load_of_the_feed_writes_nothing(warehouse: Warehouse, settings: LocalSettings) -> None:
    """Every row is as it was; the offsets of New York are there once."""
    walks = land(warehouse, snapshots()[:6])
    ends = []
    for _ in range(2):
        for walk in walks:
            loaded(warehouse, settings, walk)
        ends.append([content(warehouse, table) for table in (LINKS_TABLE, *FACTS, ZONE_OFFSETS)])
    assert ends[0] == ends[1]
    assert len(content(warehouse, LOADS)) == 12
