"""A glance at a table: how many rows, and the first of them. Writes nothing."""

from __future__ import annotations

from sqlalchemy import func, select

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.tables import endpoint_table


def glance(warehouse: Warehouse, endpoint: Endpoint, *, limit: int = 10) -> tuple[int, list[dict[str, object]]]:
    """The endpoint's number of rows and its first `limit` rows by key, one dict a row.

    A row has the endpoint's own columns but geometry and JSON, whose size and content nobody knows beforehand.
    """
    table = endpoint_table(endpoint)
    shown = [table.c[column.name] for column in endpoint.columns if column.type not in ("geometry", "json")]
    with reading(warehouse) as connection:
        count = connection.execute(select(func.count()).select_from(table)).scalar_one()
        rows = connection.execute(select(*shown).order_by(table.c[endpoint.key.name]).limit(limit)).mappings().all()
    return count, [dict(row) for row in rows]
