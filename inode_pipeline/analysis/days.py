"""Run a monthly query over a range of days, optionally on some weekdays only.

The monthly views all take their days from the view `internal_segments`. So the query gets a WITH clause: an
`internal_segments` with only the chosen days, labelled as one month, and then each view that depends on it. The
definitions stay those of the views; the column `month` describes the days. The baseline is that of the month of the
first day.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import cast

from sqlalchemy import Connection, text

from inode_pipeline.errors import ConfigError
from inode_pipeline.warehouse.dictionary import read_head
from inode_pipeline.warehouse.engine import Warehouse
from inode_pipeline.warehouse.migrate import sql_folder
from inode_pipeline.warehouse.views import View, read_views, spell

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OWN_DAYS = (
    ("from", "date", "the first date, instead of a month"),
    ("to", "date", "the last date; by default that of the newest data"),
    ("weekdays", "weekdays", "only these, such as tue-thu or sat,sun"),
)
"""Name, kind and description of the parameters that every monthly query has in addition."""

_SOURCE = "internal_segments"


def weekday_numbers(value: str) -> tuple[int, ...]:
    """The numbers (1 is Monday) of weekdays given as `tue-thu` or `mon,sat`.

    Raises:
        ValueError: a part is not a weekday.

    """
    numbers: set[int] = set()
    for part in value.lower().replace(" ", "").split(","):
        first, _, last = part.partition("-")
        begin, end = WEEKDAYS.index(first[:3]), WEEKDAYS.index((last or first)[:3])
        numbers |= {n % 7 + 1 for n in range(begin, end + 1 if end >= begin else end + 8)}
    return tuple(sorted(numbers))


def with_days(connection: Connection, warehouse: Warehouse, values: dict[str, object]) -> dict[str, object]:
    """Fill in `from`, `to` and `weekdays`, and describe them in `month`.

    On PostgreSQL a month alone is left unchanged. SQLite would compute every month and then pick one, so it gets the
    month's first and last day.
    """
    is_month = not values.keys() & {"from", "to", "weekdays"}
    if is_month and (warehouse.is_postgresql or values.get("month") is None):
        return values
    first, last = _first_and_last(connection, values)
    weekdays = tuple(cast("tuple[int, ...]", values.get("weekdays", range(1, 8))))
    names = "" if len(weekdays) == 7 else f" {' '.join(WEEKDAYS[n - 1] for n in weekdays)}"
    month = values["month"] if is_month else f"{first} to {last}{names}"
    return values | {"from": first, "to": last, "weekdays": weekdays, "month": month}


def _first_and_last(connection: Connection, values: Mapping[str, object]) -> tuple[date, date]:
    first, last, month = values.get("from"), values.get("to"), values.get("month")
    if isinstance(first, date):
        if month is not None:
            raise ConfigError("A month and from were given.", remedy="Give the month, or from and to, not both.")
        today = connection.scalar(text("SELECT local_date FROM data_now"))
        last = last if isinstance(last, date) else date.fromisoformat(str(today or first))
        if last < first:
            raise ConfigError(f"from={first} is later than to={last}.", remedy="Give the earlier date as from.")
        return first, last
    if last is not None:
        raise ConfigError(f"to={last} was given without from.", remedy="Add --param from=DATE.")
    begin = date.fromisoformat(f"{month or '2000-01'}-01")
    return begin, (begin + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def over_days(warehouse: Warehouse, select: str) -> str:
    """The WITH clause: `internal_segments` with the chosen days, then each view that the SELECT reads it through."""
    columns = [name for name, _, _ in read_head(_text(_SOURCE)).columns]
    listed = ", ".join("CAST(:month AS text) AS month" if name == "month" else name for name in columns)
    schema = f'"{warehouse.schema}"' if warehouse.schema else "main"
    source = (
        f"SELECT {listed} FROM {schema}.{_SOURCE} "  # noqa: S608 - our own names
        "WHERE local_date >= :from AND local_date <= :to AND weekday IN :weekdays"
    )
    parts = [f"{_SOURCE} AS ({source})"]
    for view in _between(select):
        body = spell(view.select, postgresql=warehouse.is_postgresql).replace(":", r"\:")
        # PostgreSQL then plans it as part of the query, like a view, instead of computing all of it first.
        hint = "NOT MATERIALIZED " if warehouse.is_postgresql else ""
        parts.append(f"{view.name} AS {hint}({body})")
    return ",\n".join(parts)


def _between(select: str) -> list[View]:
    """The views that depend on the days and that the SELECT uses, each after those it uses itself."""
    views = read_views(sql_folder() / "views")
    dependent = {_SOURCE}
    for view in views:
        if any(_uses(view.select, name) for name in dependent):
            dependent.add(view.name)
    needed: list[View] = []
    texts = [select]
    for view in reversed(views):
        if view.name in dependent - {_SOURCE} and any(_uses(each, view.name) for each in texts):
            needed.insert(0, view)
            texts.append(view.select)
    return needed


def _uses(sql: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", sql) is not None


def _text(view: str) -> str:
    return (sql_folder() / "views" / f"{view}.sql").read_text(encoding="utf-8")
