"""Times: from the texts and numbers of the wire to microseconds since 1970 in UTC.

A time needs an offset, or a time zone from the field map; without either it is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from inode_pipeline.endpoints.endpoint import Column
from inode_pipeline.normalise.values import NoneType, Typed, UnreadableError, number_text, read_each

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the origin of local times, before their offset is known
_MICROSECOND = timedelta(microseconds=1)
EARLIEST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
LATEST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""Year 1 to year 9999, in UTC: what Python, both databases and a datetime64[us] can hold."""

EARLIEST_MEASUREMENT = (datetime(2000, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""No link was measured before; an earlier time means "no date"."""

_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ](?:[01][0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?"
    r"(?: ?(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?))?"
)


def microseconds(instant: datetime) -> int:
    """An instant with a zone as microseconds since 1970."""
    return (instant - _EPOCH) // _MICROSECOND


def read_times(column: Column, values: list[Any]) -> Typed:
    """Read the times of a column as microseconds since 1970; equal texts are parsed once."""
    read = _reader(column)
    if set(map(type, values)) <= {str, NoneType}:
        distinct = list(set(values))
        instants, reasons = read_each(distinct, read)
        if not reasons:
            known = dict(zip(distinct, instants, strict=True))
            return [known[value] for value in values], {}
    return read_each(values, read)


def _reader(column: Column) -> Callable[[object], int]:
    if column.format in ("unix", "unix_ms"):
        ticks = 1_000_000 if column.format == "unix" else 1_000
        return lambda value: _from_number(value, ticks)
    zone = ZoneInfo(column.timezone) if column.timezone else None
    parse = _iso if column.format in (None, "iso8601") else _strptime(str(column.format))

    def read(value: object) -> int:
        if not isinstance(value, str):
            raise UnreadableError('not a text; format = "unix" or "unix_ms" in the field map reads a number')
        return _instant(parse(value.strip()), zone)

    return read


def _iso(text: str) -> datetime:
    if not _ISO.fullmatch(text):
        raise UnreadableError("not an ISO 8601 time; format in the field map can say how it is written")
    try:
        return datetime.fromisoformat(text.replace(" +", "+").replace(" -", "-").replace(" Z", "Z").upper())
    except ValueError:
        raise UnreadableError("no such date or time of day") from None


def _strptime(pattern: str) -> Callable[[str], datetime]:
    def parse(text: str) -> datetime:
        try:
            return datetime.strptime(text, pattern)  # noqa: DTZ007 - its offset is looked at next
        except ValueError:
            raise UnreadableError("not written in the format that the field map gives") from None

    return parse


def _instant(time: datetime, zone: ZoneInfo | None) -> int:
    if time.tzinfo is not None:
        return _in_range((time - _EPOCH) // _MICROSECOND)
    if zone is None:
        raise UnreadableError("a time without an offset; timezone in the field map can say where it was measured")
    return _in_range((time - _LOCAL_EPOCH - _offset(time, zone)) // _MICROSECOND)


def _offset(time: datetime, zone: ZoneInfo) -> timedelta:
    """Return a local time's offset, the earlier instant if there are two. Raises UnreadableError for a skipped time."""
    earlier = time.replace(tzinfo=zone, fold=0).utcoffset()
    later = time.replace(tzinfo=zone, fold=1).utcoffset()
    assert earlier is not None  # noqa: S101 - a ZoneInfo always knows
    assert later is not None  # noqa: S101 - as above
    if earlier < later:  # skipped when the clocks went forward
        raise UnreadableError("a time that does not exist: the clocks skipped it")
    return earlier


def _from_number(value: object, ticks: int) -> int:
    if isinstance(value, str):
        return _in_range(round(_bounded(Decimal(number_text(value)) * ticks)))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnreadableError("not a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise UnreadableError("not a number")
    exact = value * ticks if isinstance(value, int) else Decimal(repr(value)) * ticks
    return _in_range(round(_bounded(exact)))


def _bounded(number: int | Decimal) -> int | Decimal:
    if not EARLIEST <= number <= LATEST:
        raise UnreadableError("before the year 1 or after the year 9999")
    return number


def _in_range(instant: int) -> int:
    return int(_bounded(instant))
