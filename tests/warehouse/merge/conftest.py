"""Walks made by hand and loaded into a real warehouse: what the tests of the merge share.

`loader` lands and loads walks whose records are `{link_id: version}`; a version is a number, kept in `length_m`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import delete, insert, select, text

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.warehouse.engine import Warehouse, reading, transaction
from inode_pipeline.warehouse.merge import Load, LoadFacts, MergeRules, loading
from inode_pipeline.warehouse.receipt import Receipt
from inode_pipeline.warehouse.tables import LINKS_TABLE, LOADS, REJECTED_RECORDS, WALKS
from inode_pipeline.warehouse.walks import LandedWalk
from tests.invariants import assert_invariants

START = datetime(2026, 3, 1, 4, 30, tzinfo=UTC)

DTYPES = {"double": "Float64", "bigint": "Int64", "timestamp": "datetime64[us, UTC]"}


def frame_of(records: Mapping[str, int], *, endpoint: Endpoint = LINKS, normaliser: int = 1) -> pd.DataFrame:
    """Typed records as the normaliser gives them, a page of 3 after the other."""
    keys = list(records)
    columns: dict[str, Any] = {
        column.name: pd.Series([None] * len(keys), dtype=DTYPES.get(column.type, "string"))
        for column in endpoint.columns
    }
    columns[endpoint.key.name] = pd.Series(keys, dtype="string")
    columns["name"] = pd.Series([f"Link {key}" for key in keys], dtype="string")
    if endpoint is LINKS:
        columns["length_m"] = pd.Series([float(records[key]) for key in keys], dtype="Float64")
        columns["geometry"] = pd.Series(
            [f'{{"type":"LineString","coordinates":[[{records[key]},1.5],[2,3]]}}' for key in keys], dtype="string"
        )
        columns["extra"] = pd.Series(["{}"] * len(keys), dtype="string")
        columns["last_observed_at"] = pd.Series(
            [pd.Timestamp(START + timedelta(days=records[key])) for key in keys], dtype="datetime64[us, UTC]"
        )
    hashes = [f"{normaliser}:{records[key]}" for key in keys]
    columns["page"] = pd.Series([number // 3 + 1 for number in range(len(keys))], dtype="Int64")
    columns["position"] = pd.Series([number % 3 + 1 for number in range(len(keys))], dtype="Int64")
    columns["record_hash"] = pd.Series(hashes, dtype="string")
    columns["content_hash"] = pd.Series(hashes, dtype="string")
    return pd.DataFrame(columns)


def rejects_of(keys: Iterable[str | None], reason: str = "is not a number") -> pd.DataFrame:
    """Rejected records, None for one whose id cannot be read."""
    listed = list(keys)
    return pd.DataFrame(
        {
            "page": pd.Series([1000 + number for number in range(len(listed))], dtype="Int64"),
            "position": pd.Series([1] * len(listed), dtype="Int64"),
            "link_id": pd.Series(listed, dtype="string"),
            "field": pd.Series(["length_m"] * len(listed), dtype="string"),
            "reason": pd.Series([reason] * len(listed), dtype="string"),
        }
    )


@dataclass
class Loader:
    """Lands and loads walks by day (a number), and reads the tables back."""

    warehouse: Warehouse
    rules: MergeRules = field(default_factory=lambda: MergeRules(0.2))
    endpoint: Endpoint = LINKS
    numbers: Iterable[int] = field(default_factory=itertools.count)

    def land(self, day: float, *, verdict: str = "proven") -> LandedWalk:
        """The walk of that day; landed once, however often it is asked for. The verdict may differ each time."""
        at = START + timedelta(days=day)
        walk = LandedWalk(
            walk_id=f"walk-{day:g}",
            endpoint=self.endpoint.name,
            run_id="run",
            snapshot_at=at,
            snapshot_date=at.date(),
            finished_at=at,
            verdict=verdict,
            pages=1,
            received=0,
            requests=1,
            retries=0,
            logins=1,
        )
        with transaction(self.warehouse) as connection:
            found = connection.scalar(select(WALKS.c.walk_id).where(WALKS.c.walk_id == walk.walk_id))
            if found is None:
                connection.execute(insert(WALKS).values(asdict(walk)))
        return walk

    frame_of = staticmethod(frame_of)
    rejects_of = staticmethod(rejects_of)

    def facts(self, received: int, **changed: Any) -> LoadFacts:
        given: dict[str, Any] = {
            "received": received, "duplicate": 0, "no_data": 0, "fields": {"id": received},
            "pages": 1, "requests": 1, "retries": 0, "logins": 1, "normaliser_version": 1,
        }  # fmt: skip
        return LoadFacts(**{**given, **changed})

    def loading(self, walk: LandedWalk, load_id: str | None = None) -> Any:
        return loading(self.warehouse, self.endpoint, walk, load_id or f"load-{next(iter(self.numbers))}", "run")

    def load(
        self,
        day: float,
        typed: Mapping[str, int],
        rejected: Iterable[str | None] = (),
        *,
        verdict: str = "proven",
        normaliser: int = 1,
        rules: MergeRules | None = None,
        **facts: Any,
    ) -> Receipt:
        """Load the walk of that day with these records."""
        keys = list(rejected)
        with self.loading(self.land(day, verdict=verdict)) as load:
            return self.merge(load, typed, keys, normaliser=normaliser, rules=rules, **facts)

    def merge(
        self,
        load: Load,
        typed: Mapping[str, int],
        rejected: Iterable[str | None] = (),
        *,
        normaliser: int = 1,
        rules: MergeRules | None = None,
        **facts: Any,
    ) -> Receipt:
        keys = list(rejected)
        load.stage(frame_of(typed, endpoint=self.endpoint, normaliser=normaliser), rejects_of(keys))
        given = {"received": len(typed) + len(keys), **facts}
        return load.merge(rules or self.rules, self.facts(**given))

    def rows(self) -> dict[str, dict[str, Any]]:
        """The table `links` by key, every column typed; on PostgreSQL also the transaction that wrote the row."""
        with reading(self.warehouse) as connection:
            written = [text("xmin::text AS written")] if self.warehouse.is_postgresql else []
            found = connection.execute(select(LINKS_TABLE, *written).order_by(LINKS_TABLE.c.link_id))
            return {row.link_id: dict(row._mapping) for row in found}

    def state(self) -> dict[str, tuple[float, float, float | None, float | None]]:
        """Of each row: version, first_seen_at, last_seen_at and deleted_at, the times as days."""
        return {
            key: (row["length_m"], *(self._day(row[name]) for name in ("first_seen_at", "last_seen_at", "deleted_at")))
            for key, row in self.rows().items()
        }

    def rejects(self) -> list[dict[str, Any]]:
        with reading(self.warehouse) as connection:
            written = [text("xmin::text AS written")] if self.warehouse.is_postgresql else []
            order = (REJECTED_RECORDS.c.walk_id, REJECTED_RECORDS.c.page, REJECTED_RECORDS.c.position)
            return [
                dict(row._mapping) for row in connection.execute(select(REJECTED_RECORDS, *written).order_by(*order))
            ]

    def loads(self) -> list[dict[str, Any]]:
        with reading(self.warehouse) as connection:
            return [dict(row._mapping) for row in connection.execute(select(LOADS).order_by(LOADS.c.started_at))]

    def walk_row(self, day: float) -> dict[str, Any]:
        with reading(self.warehouse) as connection:
            row = connection.execute(select(WALKS).where(WALKS.c.walk_id == f"walk-{day:g}")).one()
            return dict(row._mapping)

    def clear(self) -> None:
        """Empty the warehouse, as it was when the test began."""
        with transaction(self.warehouse) as connection:
            for table in (LINKS_TABLE, REJECTED_RECORDS, LOADS, WALKS):
                connection.execute(delete(table))

    @staticmethod
    def _day(instant: datetime | None) -> float | None:
        return None if instant is None else (instant - START) / timedelta(days=1)


@pytest.fixture
def loader(warehouse: Warehouse, request: pytest.FixtureRequest) -> Iterator[Loader]:
    """A loader into a new warehouse of each kind. Whatever it has loaded, the invariants hold at the end."""
    yield Loader(warehouse)
    assert_invariants(warehouse, request)
