"""The one MetaData, and the few kinds of column that every table is made of.

No schema is written here: the engine puts the configured one in front of each name on PostgreSQL.
Keep out: tables (`tables.py`, `fact_tables.py`).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Double, MetaData, Text
from sqlalchemy.types import TypeEngine

from inode_pipeline.endpoints import endpoint as endpoints
from inode_pipeline.warehouse.types import CalendarDate, Json, UtcTimestamp

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
