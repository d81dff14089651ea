"""What the tables that people read hold, so that two states can be compared whatever tables there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import MetaData, select

from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.tables import LOADS, METADATA, RAW_PAGES, WALKS

BOOKKEEPING = ("walks", "raw_pages", "loads", "runs", "pipeline_settings")

CLOCKED = "frozen_at"
"""A column that says when a row was written, and so differs from run to run."""

Contents = dict[str, list[tuple[Any, ...]]]


def contents(warehouse: Warehouse, names: Mapping[Any, str] | None = None) -> Contents:
    """Every row of every table but the bookkeeping, in the order of its primary key.

    `names` stands in for values that differ from run to run, such as the id of a load.
    """
    names = names or {}
    metadata: MetaData = METADATA
    found: Contents = {}
    with reading(warehouse) as connection:
        for table in metadata.sorted_tables:
            if table.name in BOOKKEEPING:
                continue
            rows = connection.execute(select(table).order_by(*table.primary_key.columns)).all()
            columns = [column.name for column in table.columns]
            found[table.name] = [
                tuple(
                    "then" if names and name == CLOCKED else _named(value, names)
                    for name, value in zip(columns, row, strict=True)
                )
                for row in rows
            ]
    return found


def _named(value: Any, names: Mapping[Any, str]) -> Any:
    try:
        return names.get(value, value)
    except TypeError:  # an object or a list
        return value


def stamps(warehouse: Warehouse) -> dict[Any, str]:
    """Names for the loads that changed something, in their order: the id, the walk and the instant of each."""
    named: dict[Any, str] = {}
    with reading(warehouse) as connection:
        rows = connection.execute(
            select(LOADS.c.load_id, LOADS.c.walk_id, LOADS.c.snapshot_at)
            .where(LOADS.c.inserted + LOADS.c.updated + LOADS.c.vanished > 0)
            .order_by(LOADS.c.started_at)
        ).all()
    for number, row in enumerate(rows):
        for kind, value in zip(("load", "walk", "instant"), row, strict=True):
            named[value] = f"{kind} {number}"
    return named


def named_contents(warehouse: Warehouse) -> Contents:
    """The same for every run that did the same."""
    return contents(warehouse, stamps(warehouse))


def orphans(warehouse: Warehouse) -> int:
    """How many pages are kept of walks that never became whole."""
    with reading(warehouse) as connection:
        return len(
            connection.execute(
                select(RAW_PAGES.c.page).where(RAW_PAGES.c.walk_id.not_in(select(WALKS.c.walk_id)))
            ).all()
        )
