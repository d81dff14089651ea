"""What the warehouse knows of an endpoint's keys when landing begins: the measure for a walk's completeness.

Keep out: judging a walk (`api/walk.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exists, select

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.tables import LOADS, endpoint_table

if TYPE_CHECKING:
    from inode_pipeline.api.walk import Known

CHUNK = 10_000


def known_keys(warehouse: Warehouse, endpoint: Endpoint) -> Known:
    """Whether any walk is loaded, and the keys whose `deleted_at` is NULL."""
    from inode_pipeline.api.walk import Known  # with it comes the HTTP client, which most commands do not need

    table = endpoint_table(endpoint)
    keys = select(table.c[endpoint.key.name]).where(table.c.deleted_at.is_(None))
    any_load = select(exists().where(LOADS.c.endpoint == endpoint.name))
    with reading(warehouse) as connection:
        any_loaded = bool(connection.scalar(any_load))
        return Known(any_loaded, frozenset(connection.execution_options(yield_per=CHUNK).scalars(keys)))
