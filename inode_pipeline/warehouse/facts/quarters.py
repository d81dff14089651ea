"""The quarter of an hour, in UTC, that a time belongs to, for each database in its own words."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from inode_pipeline.warehouse.types import UtcTimestamp


class quarter_start(GenericFunction[Any]):  # noqa: N801 - a function of SQL
    """The first instant of the quarter of an hour."""

    type = UtcTimestamp()
    inherit_cache = True


class quarter_last(GenericFunction[Any]):  # noqa: N801 - a function of SQL
    """Its last microsecond."""

    type = UtcTimestamp()
    inherit_cache = True


def _time(element: ColumnElement[Any], compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(quarter_start, "postgresql")
def _start_on_postgresql(element: quarter_start, compiler: SQLCompiler, **options: Any) -> str:
    return f"date_bin('15 minutes', {_time(element, compiler, **options)}, timestamptz '0001-01-01 00:00:00+00')"


@compiles(quarter_last, "postgresql")
def _last_on_postgresql(element: quarter_last, compiler: SQLCompiler, **options: Any) -> str:
    start = _start_on_postgresql(element, compiler, **options)  # type: ignore[arg-type]  # it has the same clauses
    return f"({start} + interval '14 minutes 59.999999 seconds')"


@compiles(quarter_start, "sqlite")
def _start_on_sqlite(element: quarter_start, compiler: SQLCompiler, **options: Any) -> str:
    return _on_sqlite(_time(element, compiler, **options), "00153045", "00.000000")


@compiles(quarter_last, "sqlite")
def _last_on_sqlite(element: quarter_last, compiler: SQLCompiler, **options: Any) -> str:
    return _on_sqlite(_time(element, compiler, **options), "14294459", "59.999999")


def _on_sqlite(time: str, minutes: str, seconds: str) -> str:
    """Of the text `YYYY-MM-DD HH:MM:SS.ffffff`: the hour stays, the minutes are one of four."""
    quarter = f"CAST(substr({time}, 15, 2) AS INTEGER) / 15"
    return f"(substr({time}, 1, 14) || substr('{minutes}', {quarter} * 2 + 1, 2) || ':{seconds}')"
