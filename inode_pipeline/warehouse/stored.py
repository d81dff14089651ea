"""What the warehouse itself remembers of the settings: the time zone whose days its snapshots belong to.

Keep out: settings that may change from one run to the next.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from inode_pipeline.errors import ConfigError
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.offsets import keep_offsets
from inode_pipeline.warehouse.statements import insert_if_absent
from inode_pipeline.warehouse.tables import PIPELINE_SETTINGS

_ZONE = "timezone"


def stored_zone(warehouse: Warehouse) -> str | None:
    """The zone the warehouse was filled with; None before its first load."""
    with reading(warehouse) as connection:
        return _read_zone(connection)


def agreed_zone(warehouse: Warehouse, configured: str | None) -> str | None:
    """The stored zone, or before the first load the configured one.

    Raises:
        ConfigError: both are there and differ.

    """
    stored = stored_zone(warehouse)
    _require_same(stored, configured)
    return stored or configured


def store_zone(connection: Connection, zone: str) -> None:
    """Remember the zone if none is stored yet, with its offsets from UTC, as part of a load's transaction.

    Raises:
        ConfigError: another one is stored.

    """
    if not insert_if_absent(connection, PIPELINE_SETTINGS, {"name": _ZONE, "value": zone}):
        _require_same(_read_zone(connection), zone)
    keep_offsets(connection, zone)


def _read_zone(connection: Connection) -> str | None:
    return connection.scalar(select(PIPELINE_SETTINGS.c.value).where(PIPELINE_SETTINGS.c.name == _ZONE))


def _require_same(stored: str | None, configured: str | None) -> None:
    if stored is not None and configured is not None and stored != configured:
        raise ConfigError(
            f"INODE_TIMEZONE={configured!r}: the warehouse was filled with the days of {stored}.",
            remedy=f"Set INODE_TIMEZONE={stored}, or fill a new warehouse.",
        )
