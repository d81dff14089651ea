"""The offsets of the warehouse's time zone as rows, so that SQL needs no zone of the database's own for local time.

The rules come from the machine's zone database, which governments change: each load sees that the rows agree with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, insert, select

from inode_pipeline.warehouse.tables import ZONE_OFFSETS

FIRST = datetime(2015, 1, 1, tzinfo=UTC)
LAST = datetime(2051, 1, 1, tzinfo=UTC)

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)

Interval = tuple[datetime, datetime, int]


def keep_offsets(connection: Connection, zone: str) -> None:
    """Make the rows of `zone_offsets` those of the zone; equal ones are not touched."""
    table = ZONE_OFFSETS
    wanted = offsets_of(zone)
    if wanted == tuple(map(tuple, connection.execute(select(table).order_by(table.c.from_utc)))):
        return
    connection.execute(delete(table))
    connection.execute(insert(table), [dict(zip(table.c.keys(), row, strict=True)) for row in wanted])


@cache
def offsets_of(zone: str) -> tuple[Interval, ...]:
    """Half-open intervals in UTC, each beginning where the one before ends, with the minutes to add for local time."""
    rules = ZoneInfo(zone)
    begins = [FIRST, *_changes(rules)]
    ends = [*begins[1:], LAST]
    return tuple((begin, end, _minutes(rules, begin)) for begin, end in zip(begins, ends, strict=True))


def _changes(rules: ZoneInfo) -> Iterator[datetime]:
    """The instants at which another offset begins, to the second."""
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
