"""What the tables must hold, worked out from the landed pages alone and in the simplest way.

It shares nothing with the pipeline but the landed bytes: no order of loads, no SQL, no normaliser. It knows only the
records of `test_random.py`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import zstandard
from sqlalchemy import select

from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.tables import LINKS_TABLE, METADATA, RAW_PAGES, WALKS

Values = tuple[str, float, datetime]


@dataclass(frozen=True)
class Walk:
    """A landed walk: what it says of each link, None where the record cannot be typed."""

    at: datetime
    day: date
    records: dict[str, Values | None]
    may_remove: bool

    @classmethod
    def landed(cls, warehouse: Warehouse, walk_id: str) -> Walk:
        """Read it from its pages."""
        with reading(warehouse) as connection:
            walk = connection.execute(select(WALKS).where(WALKS.c.walk_id == walk_id)).one()
            bodies = connection.scalars(
                select(RAW_PAGES.c.body).where(RAW_PAGES.c.walk_id == walk_id).order_by(RAW_PAGES.c.page)
            ).all()
        records: dict[str, Values | None] = {}
        is_readable = True
        for body in bodies:
            answer = json.loads(zstandard.ZstdDecompressor().decompress(body))
            for record in answer["results"] if isinstance(answer, dict) else answer:
                key = _key(record)
                if key is None:
                    is_readable = False
                else:
                    records[key] = _values(record)
        may_remove = walk.verdict in ("proven", "confirmed") and is_readable
        return cls(walk.snapshot_at, walk.snapshot_date, records, may_remove)


def _key(record: dict[str, Any]) -> str | None:
    return str(record["id"]) if type(record["id"]) is int else None


def _values(record: dict[str, Any]) -> Values | None:
    return None if math.isnan(record["last_speed"]) else _typed(record)


def _typed(record: dict[str, Any]) -> Values:
    return record["name"], record["last_speed"], datetime.fromisoformat(record["last_updated"])


@dataclass
class Model:
    """What the tables must be when exactly these walks are loaded, in whatever order."""

    walks: dict[str, Walk] = field(default_factory=dict)

    def links(self) -> dict[str, tuple[Values | None, datetime, datetime | None, datetime | None]]:
        """Values (None: not said), first_seen_at, last_seen_at and deleted_at by link."""
        walks = sorted(self.walks.values(), key=lambda walk: walk.at)
        expected = {}
        for key in {key for walk in walks for key, values in walk.records.items() if values is not None}:
            typed = [walk for walk in walks if walk.records.get(key) is not None]
            last = [walk for walk in walks if key in walk.records][-1]
            is_excepted = any(key in walk.records and walk.records[key] is None for walk in walks)
            later = [walk.at for walk in walks if walk.at > last.at and walk.may_remove]
            expected[key] = (
                None if is_excepted else typed[-1].records[key],
                typed[0].at,
                None if last is walks[-1] else last.at,
                later[0] if later else None,
            )
        return expected

    def snapshots(self) -> dict[tuple[date, str], bool]:
        """Whether the record was typed, by the date and the link of its newest walk."""
        newest: dict[date, Walk] = {}
        for walk in sorted(self.walks.values(), key=lambda walk: walk.at):
            newest[walk.day] = walk
        return {(day, key): values is not None for day, walk in newest.items() for key, values in walk.records.items()}

    def observations(self) -> tuple[dict[Any, tuple[float, datetime]], set[tuple[Any, ...]]]:
        """What stands for each link and time with the walk that first showed it, and what stood there before."""
        first: dict[tuple[str, datetime], dict[float, datetime]] = {}
        for walk in sorted(self.walks.values(), key=lambda walk: walk.at):
            for key, values in walk.records.items():
                if values is not None:
                    first.setdefault((key, values[2]), {}).setdefault(values[1], walk.at)
        stands, corrected = {}, set()
        for (key, observed_at), sets in first.items():
            (newest, at), *others = sorted(sets.items(), key=lambda one: one[1], reverse=True)
            stands[key, observed_at] = newest, at
            corrected |= {(key, observed_at, speed, shown_at) for speed, shown_at in others}
        return stands, corrected

    def present(self) -> set[str]:
        """The links not deleted."""
        return {key for key, (*_, deleted_at) in self.links().items() if deleted_at is None}

    def check(self, warehouse: Warehouse) -> None:
        """Hold the tables against it."""
        expected = self.links()
        with reading(warehouse) as connection:
            rows = connection.execute(select(LINKS_TABLE)).all()
            snapshots, observations, corrections = (
                connection.execute(select(METADATA.tables[name])).all()
                for name in ("link_snapshots", "link_observations", "observation_corrections")
            )
        found = {
            row.link_id: (
                None
                if expected.get(row.link_id, (0,))[0] is None
                else (row.name, row.last_speed_kmh, row.last_observed_at),
                row.first_seen_at,
                row.last_seen_at,
                row.deleted_at,
            )
            for row in rows
        }
        assert expected == found
        assert self.snapshots() == {(row.snapshot_date, row.link_id): row.content_hash is not None for row in snapshots}
        stands, corrected = self.observations()
        assert stands == {(row.link_id, row.observed_at): (row.speed_kmh, row.snapshot_at) for row in observations}
        assert corrected == {(row.link_id, row.observed_at, row.speed_kmh, row.snapshot_at) for row in corrections}


def kept(model: Model, always_there: Iterable[str]) -> None:
    """No link that was at the source all the time is taken for gone."""
    assert set(always_there) <= model.present()
