"""Rows of the bookkeeping tables, written directly because the tested code only reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, insert

from inode_pipeline.warehouse.engine import Warehouse, transaction
from inode_pipeline.warehouse.runs import this_process
from inode_pipeline.warehouse.tables import LINKS_TABLE, LOADS, RECEIPT_COUNTS, RUNS, WALKS

NOON = datetime(2026, 11, 22, 12, 0, 0, 7, tzinfo=UTC)


class Books:
    """Writes one row at a time; columns that do not matter to a test get plausible values."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse

    def walk(self, walk_id: str, snapshot_at: datetime = NOON, **values: Any) -> None:
        self._write(
            WALKS,
            walk_id=walk_id,
            endpoint="links",
            run_id="run",
            snapshot_at=snapshot_at,
            snapshot_date=snapshot_at.date(),
            finished_at=snapshot_at + timedelta(seconds=1),
            verdict="proven",
            pages=1,
            received=2,
            requests=1,
            retries=0,
            logins=1,
            allow_shrink=False,
            **values,
        )

    def load(self, load_id: str, walk_id: str, snapshot_at: datetime = NOON, **values: Any) -> None:
        row = {
            "endpoint": "links",
            "run_id": "run",
            "snapshot_date": snapshot_at.date(),
            "started_at": snapshot_at + timedelta(seconds=2),
            "finished_at": snapshot_at + timedelta(seconds=3),
            "verdict": "proven",
            "may_remove": True,
            "is_present": True,
            "fields": {},
            "normaliser_version": 1,
            "seconds": 1.0,
        } | dict.fromkeys(RECEIPT_COUNTS, 0)
        self._write(LOADS, load_id=load_id, walk_id=walk_id, snapshot_at=snapshot_at, **(row | values))

    def loaded(self, name: str, snapshot_at: datetime = NOON, **values: Any) -> None:
        """Add a walk and its load."""
        self.walk(name, snapshot_at)
        self.load(f"load of {name}", name, snapshot_at, **values)

    def link(self, link_id: str, **values: Any) -> None:
        row = {"record_hash": "r", "content_hash": "c", "first_seen_at": NOON, "snapshot_at": NOON}
        self._write(LINKS_TABLE, link_id=link_id, snapshot_date=NOON.date(), **(row | {"name": link_id} | values))

    def run(self, run_id: str, started_at: datetime = NOON, **values: Any) -> None:
        row = {"attempt": 1, "trigger": "schedule", "process": this_process(), "snapshot_date": started_at.date()}
        self._write(RUNS, run_id=run_id, started_at=started_at, **(row | values))

    def _write(self, table: Table, **values: Any) -> None:
        with transaction(self.warehouse) as connection:
            connection.execute(insert(table).values(values))


@pytest.fixture
def books(warehouse: Warehouse) -> Books:
    """A writer into an empty, migrated warehouse of each kind in turn."""
    return Books(warehouse)


@pytest.fixture
def noon() -> datetime:
    """The default time of the rows."""
    return NOON
