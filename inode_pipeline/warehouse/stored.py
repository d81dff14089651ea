"""The settings that are stored with the warehouse: the time zone whose days it has, and the address it was filled from.

The first load stores them; another value afterwards is a mistake, unless somebody deletes the stored one on purpose.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from sqlalchemy import Connection, select

from inode_pipeline.config import is_loopback
from inode_pipeline.errors import ConfigError
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.offsets import keep_offsets
from inode_pipeline.warehouse.statements import insert_if_absent
from inode_pipeline.warehouse.tables import PIPELINE_SETTINGS

LOOPBACK = "loopback"
"""What is stored for every address of this machine: emulators and tests change their port each time."""

_ZONE, _ADDRESS = "timezone", "base_url"


def stored_zone(warehouse: Warehouse) -> str | None:
    """The zone the warehouse was filled with; None before its first load."""
    with reading(warehouse) as connection:
        return _stored(connection, _ZONE)


def require_same(warehouse: Warehouse, *, zone: str | None, base_url: str | None) -> None:
    """Make sure that the configured zone and address are those stored; None, or nothing stored, is in order.

    Raises:
        ConfigError: one of them differs; it says how to change it on purpose.

    """
    with reading(warehouse) as connection:
        _require_same(connection, zone, base_url)


def store(connection: Connection, *, zone: str | None, base_url: str | None) -> None:
    """Store what is given and not stored yet, the zone with its offsets from UTC, as part of a load's transaction.

    Raises:
        ConfigError: another value is stored.

    """
    if zone is not None:
        insert_if_absent(connection, PIPELINE_SETTINGS, {"name": _ZONE, "value": zone})
    if base_url is not None:
        insert_if_absent(connection, PIPELINE_SETTINGS, {"name": _ADDRESS, "value": normalised(base_url)})
    _require_same(connection, zone, base_url)
    if zone is not None:
        keep_offsets(connection, zone)


def normalised(base_url: str) -> str:
    """An address as it is compared: without differences of case, default port or closing slash."""
    parts = urlsplit(base_url)
    host = (parts.hostname or "").rstrip(".")
    if is_loopback(host):
        return LOOPBACK
    is_default = parts.port in (None, {"http": 80, "https": 443}.get(parts.scheme))
    return f"{parts.scheme}://{host}{'' if is_default else f':{parts.port}'}{parts.path.rstrip('/')}/"


def _stored(connection: Connection, name: str) -> str | None:
    return connection.scalar(select(PIPELINE_SETTINGS.c.value).where(PIPELINE_SETTINGS.c.name == name))


def _require_same(connection: Connection, zone: str | None, base_url: str | None) -> None:
    stored = _stored(connection, _ZONE)
    if stored is not None and zone is not None and stored != zone:
        raise ConfigError(
            f"INODE_TIMEZONE={zone!r}: the warehouse was filled with the days of {stored}.",
            remedy=f"Set INODE_TIMEZONE={stored}. For other days, fill a new warehouse: name another file or schema in "
            "INODE_WAREHOUSE_URL or INODE_WAREHOUSE_SCHEMA.",
        )
    stored = _stored(connection, _ADDRESS)
    if stored is not None and base_url is not None and stored != normalised(base_url):
        schema = connection.get_execution_options().get("schema_translate_map", {None: None})[None]
        table = f"{schema}.{PIPELINE_SETTINGS.name}" if schema else PIPELINE_SETTINGS.name
        statement = f"DELETE FROM {table} WHERE name = '{_ADDRESS}'"  # noqa: S608 - shown to a person, never run
        raise ConfigError(
            f"INODE_BASE_URL={base_url}: the warehouse was filled from {_shown(stored)}, and another server's links "
            "would overwrite its own.",
            remedy="Set INODE_BASE_URL back, or name another file or schema for the other server. If the same account "
            f"has moved to the new address, delete the stored one and sync again: {statement}.",
        )


def _shown(address: str) -> str:
    return "a server of this machine" if address == LOOPBACK else address
