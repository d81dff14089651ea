"""A glance at tables: how many rows, and the first of them. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Table, func, select, true

from inode_pipeline.endpoints.endpoint import CONTAINED, Endpoint
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.receipt import Receipt
from inode_pipeline.warehouse.tables import FactTables, endpoint_table
from inode_pipeline.warehouse.types import Json

ROWS = 10

Glance = tuple[int, list[dict[str, object]]]
"""How many rows there are, and the first `ROWS` of them by key, one dict a row."""


def glance(warehouse: Warehouse, endpoint: Endpoint) -> Glance:
    """The endpoint's table.

    A row has the endpoint's own columns but geometry and JSON, whose size and content nobody knows beforehand.
    """
    table = endpoint_table(endpoint)
    shown = [table.c[column.name] for column in endpoint.columns if column.type not in CONTAINED]
    return _glance(warehouse, table, shown, true())


def glance_at_facts(warehouse: Warehouse, tables: FactTables, receipts: Sequence[Receipt]) -> dict[Table, Glance]:
    """The endpoint's versions, and what the walks of the receipts left in the tables that grow with every date.

    Of the snapshots the rows of the walks' dates, of the observations those whose values these walks were the earliest
    to show: a table of years is never counted.
    """
    dates = {receipt.snapshot_date for receipt in receipts}
    instants = {receipt.snapshot_at for receipt in receipts}
    wanted: dict[Table, ColumnElement[bool]] = {
        tables.versions: true(),
        tables.snapshots: tables.snapshots.c.snapshot_date.in_(dates),
        tables.observations: tables.observations.c.snapshot_at.in_(instants),
    }
    return {
        table: _glance(warehouse, table, [c for c in table.c if not isinstance(c.type, Json)], rows)
        for table, rows in wanted.items()
    }


def _glance(
    warehouse: Warehouse, table: Table, shown: Sequence[ColumnElement[object]], wanted: ColumnElement[bool]
) -> Glance:
    with reading(warehouse) as connection:
        count = connection.execute(select(func.count()).select_from(table).where(wanted)).scalar_one()
        first = select(*shown).where(wanted).order_by(*table.primary_key.columns).limit(ROWS)
        return count, [dict(row) for row in connection.execute(first).mappings()]
