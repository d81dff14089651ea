"""Small test data sets for the views, written directly because views only read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from sqlalchemy import Connection, insert, text

from inode_pipeline.analysis.query import Answer, Query, ask
from inode_pipeline.warehouse.engine import Warehouse, transaction
from inode_pipeline.warehouse.tables import METADATA, RECEIPT_COUNTS
from inode_pipeline.warehouse.views import spell

TABLES = METADATA.tables
QUARTER = timedelta(minutes=15)


def utc(moment: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


class World:
    """Writes rows to a warehouse and reads views. Times are UTC unless named local."""

    utc = staticmethod(utc)

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.zone = ZoneInfo("UTC")

    def write(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        if listed := list(rows):
            with transaction(self.warehouse) as connection:
                connection.execute(insert(TABLES[table]), listed)

    def live_in(self, zone: str) -> None:
        """Fill zone_offsets from zoneinfo, checked every quarter of an hour around each change."""
        self.zone = ZoneInfo(zone)
        self.write("pipeline_settings", [{"name": "timezone", "value": zone}])
        edge, end = utc("2024-01-01"), utc("2028-01-01")
        begun, offset = edge, self._offset(edge)
        rows = []
        while edge < end:
            later = min(edge + timedelta(days=1), end)
            if self._offset(later) != offset:
                later = edge + QUARTER
                if self._offset(later) != offset:
                    rows.append({"from_utc": begun, "to_utc": later, "offset_min": offset})
                    begun, offset = later, self._offset(later)
            edge = later
        self.write("zone_offsets", [*rows, {"from_utc": begun, "to_utc": end, "offset_min": offset}])

    def _offset(self, moment: datetime) -> int:
        offset = moment.astimezone(self.zone).utcoffset()
        assert offset is not None
        return int(offset.total_seconds()) // 60

    def local(self, moment: str, fold: int = 0) -> datetime:
        """The UTC time of a local time; with fold=1 of its second occurrence."""
        return datetime.fromisoformat(moment).replace(tzinfo=self.zone, fold=fold).astimezone(UTC)

    def load(self, at: datetime, *, trigger: str = "schedule", **values: Any) -> None:
        """Add a committed load of a walk that began at this time, and its run."""
        day = at.astimezone(self.zone).date()
        name = at.isoformat()
        common = {"endpoint": "links", "run_id": name, "snapshot_at": at, "snapshot_date": day, "verdict": "proven"}
        counts = {"pages": 1, "received": 1, "requests": 1, "retries": 0, "logins": 1}
        self.write(
            "runs",
            [
                {
                    "run_id": name,
                    "attempt": 1,
                    "trigger": trigger,
                    "process": "p",
                    "snapshot_date": day,
                    "started_at": at,
                    "outcome": "ok",
                }
            ],
        )
        self.write("walks", [common | counts | {"walk_id": name, "finished_at": at, "allow_shrink": False}])
        load = {
            "load_id": name,
            "walk_id": name,
            "started_at": at,
            "finished_at": at,
            "may_remove": True,
            "is_present": True,
            "fields": {},
            "normaliser_version": 1,
            "seconds": 1.0,
        }
        self.write("loads", [common | dict.fromkeys(RECEIPT_COUNTS, 0) | load | values])

    def link(self, link_id: str, **values: Any) -> None:
        seen = utc("2026-01-01")
        row = {
            "name": f"Link {link_id}",
            "length_m": 1000.0,
            "record_hash": "r",
            "content_hash": "c",
            "first_seen_at": seen,
            "snapshot_at": seen,
            "snapshot_date": seen.date(),
        }
        self.write("links", [{"link_id": link_id} | row | values])

    def listed(self, link_id: str, *dates: date, content_hash: str = "c") -> None:
        """Add the link to the newest snapshot of each date."""
        row = {"link_id": link_id, "content_hash": content_hash}
        self.write("link_snapshots", (row | {"snapshot_date": day} for day in dates))

    def bins(self, link_id: str, values: Iterable[tuple[datetime, float]]) -> None:
        self.write(
            "link_bins",
            (
                {"link_id": link_id, "bin_start_at": at, "mean_travel_time_s": value, "n_observations": 1}
                for at, value in values
            ),
        )

    def observe(self, link_id: str, times: Iterable[datetime], travel_time_s: float = 60.0) -> None:
        rows = ({"link_id": link_id, "observed_at": at, "snapshot_at": at} for at in times)
        self.write("link_observations", (row | {"travel_time_s": travel_time_s} for row in rows))

    def measure(self, observations: pd.DataFrame) -> None:
        """Write observations (link_id, at, travel_time_s, sample_count) and compute their bins like a load."""
        from tests.views.slice import BINS

        rows = observations.rename(columns={"at": "observed_at"}).assign(snapshot_at=utc("2026-01-01"))
        rows["observed_at"] = rows["observed_at"].dt.to_pydatetime()
        self.write("link_observations", rows.to_dict("records"))
        self.execute(spell(BINS, postgresql=self.warehouse.is_postgresql))

    def baseline(
        self, link_id: str, seconds: float, *, version: int = 1, method: str = "configured", frozen: str = "2026-01-15"
    ) -> None:
        day = date.fromisoformat(frozen[:10])
        row = {"link_id": link_id, "method": method, "version": version, "free_flow_travel_time_s": seconds}
        self.write("link_baselines", [row | {"n_bins": 0, "from_date": day, "to_date": day, "frozen_at": utc(frozen)}])

    def corridor(self, corridor_id: str, *links: str, since: str = "2025-01-01", direction: str | None = None) -> None:
        self.write("corridors", [{"corridor_id": corridor_id, "name": corridor_id, "direction": direction}])
        self.write(
            "corridor_links",
            (
                {"corridor_id": corridor_id, "position": n, "link_id": link, "valid_from": date.fromisoformat(since)}
                for n, link in enumerate(links, start=1)
            ),
        )

    def quarters(self, day: str, clock: str, count: int) -> list[datetime]:
        """A number of consecutive quarter hours from a local time on, in UTC."""
        first = self.local(f"{day} {clock}")
        return [first + number * QUARTER for number in range(count)]

    def read(self, select: str) -> list[dict[str, Any]]:
        """The rows of a SELECT, with the types that the command uses."""
        answer: Answer = ask(self.warehouse, Query("test", "?", (), select), {})
        return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]

    def one(self, select: str) -> dict[str, Any]:
        rows = self.read(select)
        assert len(rows) == 1, rows
        return rows[0]

    def execute(self, statement: str) -> None:
        with transaction(self.warehouse) as connection:
            self._schema(connection)
            connection.execute(text(statement))

    def _schema(self, connection: Connection) -> None:
        if self.warehouse.schema:
            connection.execute(text(f'SET LOCAL search_path TO "{self.warehouse.schema}"'))


@pytest.fixture
def world(warehouse: Warehouse) -> World:
    """An empty, migrated warehouse of each kind in turn."""
    return World(warehouse)


@pytest.fixture(scope="session")
def world_type() -> type[World]:
    """The class, for tests that open a warehouse themselves."""
    return World
