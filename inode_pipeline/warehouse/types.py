"""The column types of every table, and the one MetaData that holds the tables.

On both databases, in Python a time is an aware `datetime` in UTC, a date a `date`, JSON a dict, list or scalar.
A table names no schema: the engine puts the configured one in front of each name on PostgreSQL.
"""

from __future__ import annotations

import datetime as dt
import json
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Boolean, Column, Date, Dialect, Double, MetaData, Text, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.types import TypeEngine

from inode_pipeline.endpoints import endpoint as endpoints

T = TypeVar("T")


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


class _TextOnSqlite(TypeDecorator[T]):
    """A type of PostgreSQL that SQLite keeps as text."""

    impl = Text
    cache_ok = True
    on_postgresql: TypeEngine[Any]

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The type of the database."""
        return dialect.type_descriptor(self.on_postgresql if dialect.name == "postgresql" else Text())


class UtcTimestamp(_TextOnSqlite[datetime]):
    """An instant, exact to the microsecond: `timestamptz`, on SQLite text."""

    cache_ok = True
    on_postgresql = TIMESTAMP(timezone=True)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse a time without a zone, which PostgreSQL would read in the session's zone."""
        if value is None:
            return None
        text = utc_text(value)
        return value.astimezone(UTC) if dialect.name == "postgresql" else text

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the signature is SQLAlchemy's
        """Always aware, always UTC."""
        if value is None:
            return None
        return value.astimezone(UTC) if isinstance(value, datetime) else utc_time(value)


class CalendarDate(_TextOnSqlite[dt.date]):
    """A date in the warehouse's zone: `date`, on SQLite text `YYYY-MM-DD`."""

    cache_ok = True
    on_postgresql = Date()

    def process_bind_param(self, value: dt.date | None, dialect: Dialect) -> Any:
        """SQLite gets the ISO text."""
        return value if value is None or dialect.name == "postgresql" else value.isoformat()

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.date | None:  # noqa: ARG002 - the signature is SQLAlchemy's
        """A `date` on both databases."""
        return dt.date.fromisoformat(value) if isinstance(value, str) else value


class Json(_TextOnSqlite[Any]):
    """A JSON value; None is NULL, never JSON's null. `jsonb`, on SQLite text."""

    cache_ok = True
    on_postgresql = JSONB(none_as_null=True)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """SQLite gets the compact text."""
        return value if value is None or dialect.name == "postgresql" else json_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """The parsed value on both databases."""
        return value if value is None or dialect.name == "postgresql" else json.loads(value)


METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
    }
)


def text(name: str, comment: str, *, nullable: bool = False) -> Column[str]:
    """Text."""
    return Column(name, Text, nullable=nullable, comment=comment)


def count(name: str, comment: str, *, nullable: bool = False) -> Column[int]:
    """A whole number."""
    return Column(name, BigInteger, nullable=nullable, comment=comment)


def measure(name: str, comment: str, *, nullable: bool = False) -> Column[float]:
    """A double; its name ends in its unit."""
    return Column(name, Double, nullable=nullable, comment=comment)


def flag(name: str, comment: str) -> Column[bool]:
    """True or false, never NULL."""
    return Column(name, Boolean, nullable=False, comment=comment)


def time(name: str, comment: str, *, nullable: bool = False) -> Column[object]:
    """An instant in UTC."""
    return Column(name, UtcTimestamp, nullable=nullable, comment=comment)


def date(name: str, comment: str, *, nullable: bool = False) -> Column[object]:
    """A date in the warehouse's time zone."""
    return Column(name, CalendarDate, nullable=nullable, comment=comment)


def endpoint_column(column: endpoints.Column) -> Column[object]:
    """A column of an endpoint: of its type, with its description as the comment."""
    types: dict[str, type[TypeEngine[Any]]] = {
        "text": Text,
        "double": Double,
        "bigint": BigInteger,
        "timestamp": UtcTimestamp,
        "geometry": Json,
        "json": Json,
    }
    return Column(column.name, types[column.type], nullable=column.kind != "key", comment=column.description)
