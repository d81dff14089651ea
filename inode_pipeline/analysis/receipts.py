"""The receipts of committed loads, read back from `loads`."""

from __future__ import annotations

from dataclasses import fields

from sqlalchemy import select

from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.receipt import Receipt
from inode_pipeline.warehouse.tables import LOADS


def receipts_of_run(warehouse: Warehouse, run_id: str) -> list[Receipt]:
    """One receipt per load that the run has committed, oldest first."""
    names = [field.name for field in fields(Receipt) if field.name in LOADS.c]
    loads = select(*(LOADS.c[name] for name in names)).where(LOADS.c.run_id == run_id).order_by(LOADS.c.finished_at)
    with reading(warehouse) as connection:
        return [Receipt(**row) for row in connection.execute(loads).mappings()]
