"""The table `link_baselines`: adding versions, and freezing the configured free flow of links as one.

Not here: free flow as it was measured, see `analysis/baselines.py`; which baseline serves which month, see the view
`internal_link_months`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

from sqlalchemy import ColumnElement, Connection, Insert, String, exists, func, insert, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from inode_pipeline.warehouse.analyst_tables import LINK_BASELINES
from inode_pipeline.warehouse.engine import Warehouse, transaction
from inode_pipeline.warehouse.receipt import newest_load
from inode_pipeline.warehouse.tables import LINKS_TABLE, LOADS

CONFIGURED = "configured"


def newest_date(connection: Connection) -> date | None:
    """The date of the newest loaded snapshot of the links; None before the first load."""
    newest: date | None = connection.scalar(newest_load(LINKS_TABLE.name, LOADS.c.snapshot_date))
    return newest


def add_version(warehouse: Warehouse, method: str, rows: Iterable[Mapping[str, object]]) -> int:
    """Freeze these baselines (every column but method, version and frozen_at) as a new version; returns its number."""
    frozen_at = datetime.now(UTC)
    with transaction(warehouse) as connection:
        version = _newest_version(connection, method) + 1
        complete = [{**row, "method": method, "version": version, "frozen_at": frozen_at} for row in rows]
        connection.execute(insert(LINK_BASELINES), complete)
    return version


def freeze_configured(warehouse: Warehouse) -> tuple[int, int]:
    """Freeze iNode's free flow of every link as a new version; returns its number and how many links are in it.

    Links without a free-flow travel time are left out. If none is left, or nothing is loaded, no version is created and
    (0, 0) is returned.
    """
    with transaction(warehouse) as connection:
        version = _newest_version(connection, CONFIGURED) + 1
        count = connection.execute(_configured(connection, version), execution_options={"preserve_rowcount": True})
        return (version, count.rowcount) if count.rowcount > 0 else (0, 0)


def freeze_missing(warehouse: Warehouse) -> int:
    """Give each link without any baseline its configured one, in the newest version; returns how many links.

    So indices exist from the first night on. A link that has a baseline, of whatever method, is left alone.
    """
    has_one = exists().where(LINK_BASELINES.c.link_id == LINKS_TABLE.c.link_id)
    with transaction(warehouse) as connection:
        version = max(_newest_version(connection, CONFIGURED), 1)
        added = connection.execute(
            _configured(connection, version, ~has_one), execution_options={"preserve_rowcount": True}
        )
        return max(added.rowcount, 0)


def _newest_version(connection: Connection, method: str) -> int:
    newest = select(func.max(LINK_BASELINES.c.version)).where(LINK_BASELINES.c.method == method)
    return connection.scalar(newest) or 0


def _configured(connection: Connection, version: int, *conditions: ColumnElement[bool]) -> Insert:
    """The statement that freezes every link, including those that iNode no longer lists: their history stays."""
    day = newest_date(connection)
    links = LINKS_TABLE.c
    columns = LINK_BASELINES.c
    chosen = select(
        links.link_id,
        literal(CONFIGURED, String),
        literal(version, columns.version.type),
        links.free_flow_travel_time_s,
        links.length_m,
        links.origin_sensor_id,
        links.destination_sensor_id,
        literal(0, columns.n_bins.type),
        literal(day, columns.from_date.type),
        literal(day, columns.to_date.type),
        literal(datetime.now(UTC), columns.frozen_at.type),
    ).where(links.free_flow_travel_time_s > 0, literal(day is not None), *conditions)
    insert_into = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    # Another process may be doing the same.
    return insert_into(LINK_BASELINES).from_select(columns.keys(), chosen).on_conflict_do_nothing()
