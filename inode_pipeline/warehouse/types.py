"""The column types that PostgreSQL and SQLite keep differently although they mean the same.

On both databases, in Python a time is an aware `datetime` in UTC, a date a `date`, JSON a dict, list or scalar.
Keep out: anything about a particular table (`tables.py`).
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Date, Dialect, Text, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.types import TypeEngine


def utc_text(instant: datetime) -> str:
    """An aware time as SQLite keeps it, `YYYY-MM-DD HH:MM:SS.ffffff` in UTC: as text it sorts as the times do."""
    if instant.tzinfo is None:
        raise ValueError("a time without a zone cannot be stored")
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def utc_time(text: str) -> datetime:
    """The aware time that `utc_text` wrote."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def json_text(value: object) -> str:
    """JSON as SQLite keeps it and as it is sent to PostgreSQL; NaN and infinities are refused with a ValueError."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class UtcTimestamp(TypeDecorator[datetime]):
    """An instant, exact to the microsecond: `timestamptz`, on SQLite text."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """`timestamptz` on PostgreSQL, else `text`."""
        kept: TypeEngine[Any] = TIMESTAMP(timezone=True) if dialect.name == "postgresql" else Text()
        return dialect.type_descriptor(kept)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuses a time without a zone: PostgreSQL would read it in the session's."""
        if value is None:
            return None
        text = utc_text(value)
        return value.astimezone(UTC) if dialect.name == "postgresql" else text

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the signature is SQLAlchemy's
        """Always aware, always UTC."""
        if value is None:
            return None
        return value.astimezone(UTC) if isinstance(value, datetime) else utc_time(value)


class CalendarDate(TypeDecorator[date]):
    """A date in the warehouse's zone: `date`, on SQLite text `YYYY-MM-DD`."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """`date` on PostgreSQL, else `text`."""
        kept: TypeEngine[Any] = Date() if dialect.name == "postgresql" else Text()
        return dialect.type_descriptor(kept)

    def process_bind_param(self, value: date | None, dialect: Dialect) -> Any:
        """SQLite gets the ISO text."""
        return value if value is None or dialect.name == "postgresql" else value.isoformat()

    def process_result_value(self, value: Any, dialect: Dialect) -> date | None:  # noqa: ARG002 - the signature is SQLAlchemy's
        """A `date` on both databases."""
        return date.fromisoformat(value) if isinstance(value, str) else value


class Json(TypeDecorator[Any]):
    """A JSON value; None is NULL, never JSON's null. `jsonb`, on SQLite text."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """`jsonb` on PostgreSQL, else `text`."""
        kept: TypeEngine[Any] = JSONB(none_as_null=True) if dialect.name == "postgresql" else Text()
        return dialect.type_descriptor(kept)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """SQLite gets the compact text."""
        return value if value is None or dialect.name == "postgresql" else json_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """The parsed value on both databases."""
        return value if value is None or dialect.name == "postgresql" else json.loads(value)
