"""Walks whose links are measured, loaded into a real warehouse: what the tests of the facts share.

A walk is a number: its instant is that many hours after `START`. What it shows of a link is a `Seen`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Table, delete, insert, select, text

from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.warehouse.engine import Warehouse, reading, transaction
from inode_pipeline.warehouse.merge import LoadFacts, MergeRules, loading
from inode_pipeline.warehouse.receipt import Receipt
from inode_pipeline.warehouse.tables import LINK_FACTS, LINKS_TABLE, LOADS, REJECTED_RECORDS, WALKS
from inode_pipeline.warehouse.walks import LandedWalk
from tests.invariants import assert_invariants

START = datetime(2026, 3, 1, tzinfo=UTC)
DTYPES = {"double": "Float64", "bigint": "Int64", "timestamp": "datetime64[us, UTC]"}
FACTS = (
    LINK_FACTS.versions,
    LINK_FACTS.snapshots,
    LINK_FACTS.observations,
    LINK_FACTS.corrections,
    LINK_FACTS.bins,
)


@dataclass(frozen=True)
class Seen:
    """A typed record: which configuration, measured how many minutes after START, and the three values."""

    version: int = 1
    minute: float | None = None
    travel_time_s: float | None = None
    speed_kmh: float | None = None
    sample_count: int | None = None

    @property
    def values(self) -> tuple[float | None, float | None, int | None]:
        return self.travel_time_s, self.speed_kmh, self.sample_count

    @property
    def observed_at(self) -> datetime | None:
        return None if self.minute is None else START + timedelta(minutes=self.minute)

    @property
    def has_data(self) -> bool:
        return self.minute is not None and self.values != (None, None, None)


def frame_of(records: Mapping[str, Seen]) -> pd.DataFrame:
    """Typed records as the normaliser gives them."""
    seen = list(records.values())
    given: dict[str, list[Any]] = {
        "link_id": list(records),
        "name": [f"Link {key}" for key in records],
        "length_m": [float(one.version) for one in seen],
        "last_travel_time_s": [one.travel_time_s for one in seen],
        "last_speed_kmh": [one.speed_kmh for one in seen],
        "last_sample_count": [one.sample_count for one in seen],
        "last_observed_at": [one.observed_at for one in seen],
        "geometry": ['{"type":"LineString","coordinates":[[1,1.5],[2,3]]}'] * len(seen),
        "extra": ["{}"] * len(seen),
    }
    columns = {
        column.name: pd.Series(given.get(column.name, [None] * len(seen)), dtype=DTYPES.get(column.type, "string"))
        for column in LINKS.columns
    }
    columns["page"] = pd.Series([1] * len(seen), dtype="Int64")
    columns["position"] = pd.Series(range(1, len(seen) + 1), dtype="Int64")
    columns["record_hash"] = pd.Series([repr(one) for one in seen], dtype="string")
    columns["content_hash"] = pd.Series([f"content-{one.version}" for one in seen], dtype="string")
    return pd.DataFrame(columns)


def rejects_of(keys: Iterable[str | None]) -> pd.DataFrame:
    """Rejected records, None for one whose id cannot be read."""
    listed = list(keys)
    return pd.DataFrame(
        {
            "page": pd.Series([2] * len(listed), dtype="Int64"),
            "position": pd.Series(range(1, len(listed) + 1), dtype="Int64"),
            "link_id": pd.Series(listed, dtype="string"),
            "field": pd.Series(["length_m"] * len(listed), dtype="string"),
            "reason": pd.Series(["is not a number"] * len(listed), dtype="string"),
        }
    )


@dataclass
class FactLoader:
    """Lands and loads walks, and reads the fact tables back."""

    warehouse: Warehouse
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def land(self, hour: float) -> LandedWalk:
        at = START + timedelta(hours=hour)
        walk = LandedWalk(
            walk_id=f"walk-{hour:g}",
            endpoint=LINKS.name,
            run_id="run",
            snapshot_at=at,
            snapshot_date=at.date(),
            finished_at=at,
            verdict="proven",
            pages=1,
            received=0,
            requests=1,
            retries=0,
            logins=1,
        )
        with transaction(self.warehouse) as connection:
            if connection.scalar(select(WALKS.c.walk_id).where(WALKS.c.walk_id == walk.walk_id)) is None:
                connection.execute(insert(WALKS).values(asdict(walk)))
        return walk

    def load(
        self,
        hour: float,
        typed: Mapping[str, Seen],
        rejected: Iterable[str | None] = (),
        *,
        allow_shrink: bool = True,
        zone: str | None = None,
    ) -> Receipt:
        keys = list(rejected)
        facts = LoadFacts(
            received=len(typed) + len(keys),
            duplicate=0,
            no_data=sum(not one.has_data for one in typed.values()),
            fields={"id": len(typed)},
            pages=1,
            requests=1,
            retries=0,
            logins=1,
            normaliser_version=1,
            zone=zone,
        )
        with loading(self.warehouse, LINKS, self.land(hour), f"load-{next(self.numbers)}", "run") as load:
            load.stage(frame_of(typed), rejects_of(keys))
            return load.merge(MergeRules(1.0 if allow_shrink else 0.2, allow_shrink=allow_shrink), facts)

    def rows(self, table: Table) -> list[dict[str, Any]]:
        """Every row in the order of the key; on PostgreSQL also the transaction that wrote it."""
        with reading(self.warehouse) as connection:
            written = [text("xmin::text AS written")] if self.warehouse.is_postgresql else []
            found = connection.execute(select(table, *written).order_by(*table.primary_key.columns))
            return [dict(row._mapping) for row in found]

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """Every fact table, with what tells when a row was written."""
        return {table.name: self.rows(table) for table in FACTS}

    def content(self) -> dict[str, list[dict[str, Any]]]:
        """Every fact table, without what tells which load wrote a row."""
        return {
            name: [{column: value for column, value in row.items() if column != "written"} for row in rows]
            for name, rows in self.everything().items()
        }

    def observations(self, table: Table = LINK_FACTS.observations) -> dict[tuple[str, float], list[tuple[Any, ...]]]:
        """By link and minute: the values, and the hour of the walk that showed them first."""
        found: dict[tuple[str, float], list[tuple[Any, ...]]] = {}
        for row in self.rows(table):
            place = row["link_id"], (row["observed_at"] - START) / timedelta(minutes=1)
            hour = (row["snapshot_at"] - START) / timedelta(hours=1)
            found.setdefault(place, []).append((row["travel_time_s"], row["speed_kmh"], row["sample_count"], hour))
        return found

    def corrections(self) -> dict[tuple[str, float], list[tuple[Any, ...]]]:
        return self.observations(LINK_FACTS.corrections)

    def bins(self) -> dict[tuple[str, float], tuple[float, int, int | None]]:
        """By link and first minute: mean, observations, samples."""
        return {
            (row["link_id"], (row["bin_start_at"] - START) / timedelta(minutes=1)): (
                row["mean_travel_time_s"], row["n_observations"], row["sample_count"],
            )
            for row in self.rows(LINK_FACTS.bins)
        }  # fmt: skip

    def snapshots(self) -> dict[str, dict[str, str | None]]:
        """By date: the content of each link that stands under it."""
        found: dict[str, dict[str, str | None]] = {}
        for row in self.rows(LINK_FACTS.snapshots):
            found.setdefault(row["snapshot_date"].isoformat(), {})[row["link_id"]] = row["content_hash"]
        return found

    def versions(self) -> set[tuple[str, str, float]]:
        return {(row["link_id"], row["content_hash"], row["length_m"]) for row in self.rows(LINK_FACTS.versions)}

    def clear(self) -> None:
        """Empty the warehouse, as it was when the test began."""
        with transaction(self.warehouse) as connection:
            for table in (*FACTS, LINKS_TABLE, REJECTED_RECORDS, LOADS, WALKS):
                connection.execute(delete(table))


@pytest.fixture
def loader(warehouse: Warehouse, request: pytest.FixtureRequest) -> Iterator[FactLoader]:
    """A loader into a new warehouse of each kind. Whatever it has loaded, the invariants hold at the end."""
    yield FactLoader(warehouse)
    assert_invariants(warehouse, request)


@pytest.fixture
def seen() -> type[Seen]:
    """A typed record."""
    return Seen
