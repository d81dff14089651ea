"""Once a load is committed nothing may make its run red: the tables are complete and right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from inode_pipeline.config import Settings
from inode_pipeline.emulator import EmulatorServer
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.sync import Attempt, sync_date
from inode_pipeline.warehouse.engine import Warehouse, reading, transaction
from inode_pipeline.warehouse.tables import RUNS
from tests.faults.conftest import LOGIN


def forbid(warehouse: Warehouse, table: str, condition: str) -> None:
    """Let the database refuse new rows of a table unless they fulfil a condition."""
    with transaction(warehouse) as connection:
        if warehouse.is_postgresql:
            connection.execute(
                text(f"ALTER TABLE {warehouse.schema}.{table} ADD CONSTRAINT forbidden CHECK ({condition}) NOT VALID")
            )
        else:
            for action in ("INSERT", "UPDATE"):
                connection.execute(
                    text(
                        f"CREATE TRIGGER forbidden_{action} BEFORE {action} ON {table} "
                        f"WHEN NOT (NEW.{condition}) BEGIN SELECT RAISE(ABORT, 'forbidden'); END"
                    )
                )


@pytest.mark.owner
@pytest.mark.parametrize(
    ("table", "condition", "told"),
    [
        ("walks", "purged_at IS NULL", "Old pages were not removed"),
        ("link_baselines", "version > 99", "Baselines of new links were not frozen"),
    ],
)
def test_what_fails_after_the_commit_is_a_warning(
    emulator: EmulatorServer,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    table: str,
    condition: str,
    told: str,
) -> None:
    """Pages that cannot be purged, and baselines that cannot be frozen, are told; the run is a good one."""
    for name, value in (LOGIN | {"INODE_BASE_URL": emulator.base_url, "INODE_RAW_RETENTION_DAYS": "1"}).items():
        monkeypatch.setenv(name, value)
    settings = Settings.load(dotenv=False)
    today = datetime.now(UTC).date()

    def sync(run_id: str) -> list[str]:
        notes: list[str] = []

        def listen(step: Any) -> None:
            if step.kind == "note":
                notes.append(step.text)

        sync_date(settings, warehouse, LINKS, today, attempt=Attempt(run_id, "person"), listen=listen)
        return notes

    if table == "walks":
        sync("first")
        with transaction(warehouse) as connection:
            connection.execute(text(f"UPDATE {prefix(warehouse)}walks SET snapshot_at = :at"), {"at": old(warehouse)})
    forbid(warehouse, table, condition)
    assert [note for note in sync("second") if note.startswith(told)]
    with reading(warehouse) as connection:
        outcomes = set(connection.scalars(select(RUNS.c.outcome)))
    assert outcomes == {"ok"}


def prefix(warehouse: Warehouse) -> str:
    return "" if warehouse.schema is None else f"{warehouse.schema}."


def old(warehouse: Warehouse) -> Any:
    moment = datetime.now(UTC) - timedelta(days=9)
    return moment if warehouse.is_postgresql else moment.strftime("%Y-%m-%d %H:%M:%S.%f")
