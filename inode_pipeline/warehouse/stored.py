"""The settings that are stored with the warehouse: its time zone, and the address that it is filled from.

The first load stores them; a different value later is an error, unless someone deletes the stored one on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, insert, select

from inode_pipeline.config import is_loopback
from inode_pipeline.errors import ConfigError
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.statements import insert_if_absent, require_written
from inode_pipeline.warehouse.tables import PIPELINE_SETTINGS, ZONE_OFFSETS

LOOPBACK = "loopback"
"""Stored for every loopback address: emulators and tests use another port each time."""

_ZONE, _ADDRESS = "timezone", "base_url"


def stored_zone(warehouse: Warehouse) -> str | None:
    """The zone the warehouse was filled with; None before its first load."""
    with reading(warehouse) as connection:
        return _stored(connection, _ZONE)


def require_same(warehouse: Warehouse, *, zone: str | None, base_url: str | None) -> None:
    """Check that the configured zone and address are those stored; None, or nothing stored, passes.

    Raises:
        ConfigError: one of them differs; it says how to change it on purpose.

    """
    with reading(warehouse) as connection:
        _require_same(connection, zone, base_url)


def store(connection: Connection, *, zone: str | None, base_url: str | None) -> None:
    """Within a load's transaction, store what is given and not stored yet, the zone with its offsets from UTC.

    Raises:
        ConfigError: another value is stored.
        SchemaConflictError: the table does not keep what is written into it.

    """
    given = {_ZONE: zone, _ADDRESS: normalised(base_url) if base_url is not None else None}
    for name, value in given.items():
        if value is not None:
            insert_if_absent(connection, PIPELINE_SETTINGS, {"name": name, "value": value})
            require_written(PIPELINE_SETTINGS, 0 if _stored(connection, name) is not None else 1)
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


FIRST = datetime(2015, 1, 1, tzinfo=UTC)
LAST = datetime(2051, 1, 1, tzinfo=UTC)

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)

Interval = tuple[datetime, datetime, int]


def keep_offsets(connection: Connection, zone: str) -> None:
    """Bring `zone_offsets` up to date with the zone, so that SQL does not depend on the database's own time zones.

    The rules come from the machine's zone database, which changes as governments decide: each load compares the rows
    with it. Equal rows are not touched.
    """
    table = ZONE_OFFSETS
    wanted = offsets_of(zone)
    if wanted == tuple(map(tuple, connection.execute(select(table).order_by(table.c.from_utc)))):
        return
    connection.execute(delete(table))
    connection.execute(insert(table), [dict(zip(table.c.keys(), row, strict=True)) for row in wanted])


@cache
def offsets_of(zone: str) -> tuple[Interval, ...]:
    """Consecutive half-open intervals in UTC, each with the minutes to add for local time."""
    rules = ZoneInfo(zone)
    begins = [FIRST, *_changes(rules)]
    ends = [*begins[1:], LAST]
    return tuple((begin, end, _minutes(rules, begin)) for begin, end in zip(begins, ends, strict=True))


def _changes(rules: ZoneInfo) -> Iterator[datetime]:
    """The instants at which the offset changes, to the second."""
    day = FIRST
    while day < LAST:
        if _minutes(rules, day) != _minutes(rules, day + _DAY):
            yield _change_within(rules, day, day + _DAY)
        day += _DAY


def _change_within(rules: ZoneInfo, before: datetime, after: datetime) -> datetime:
    old = _minutes(rules, before)
    while after - before > _SECOND:
        middle = before + (after - before) // 2 // _SECOND * _SECOND
        before, after = (middle, after) if _minutes(rules, middle) == old else (before, middle)
    return after


def _minutes(rules: ZoneInfo, instant: datetime) -> int:
    offset = instant.astimezone(rules).utcoffset()
    assert offset is not None  # noqa: S101 - a ZoneInfo has one for every instant
    return offset // timedelta(minutes=1)
