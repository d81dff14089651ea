"""A monthly question asked about chosen days: from one date to another, on some weekdays only.

The views compute their measures month by month, and every one of them takes its days from the view `internal_segments`.
So the question is asked with the same views, each as a subquery of WITH, over a `internal_segments` that has the chosen
days only and calls them one month. The definitions stay those of the views; the column `month` then names the days.
Their baseline is the one in force in the month of the first day.
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
    ("from", "date", "in place of the month: the first date"),
    ("to", "date", "the last date; without it the date of now"),
    ("weekdays", "weekdays", "only these, such as tue-thu or sat,sun"),
)
"""Name, kind and description of the parameters that a query has beside its month."""

_SOURCE = "internal_segments"


def weekday_numbers(value: str) -> tuple[int, ...]:
    """The numbers (1 is Monday) of weekdays given as `tue-thu` or `mon,sat`.

    Raises:
        ValueError: a part is no weekday.

    """
    numbers: set[int] = set()
    for part in value.lower().replace(" ", "").split(","):
        first, _, last = part.partition("-")
        begin, end = WEEKDAYS.index(first[:3]), WEEKDAYS.index((last or first)[:3])
        numbers |= {n % 7 + 1 for n in range(begin, end + 1 if end >= begin else end + 8)}
    return tuple(sorted(numbers))


def with_days(connection: Connection, warehouse: Warehouse, values: dict[str, object]) -> dict[str, object]:
    """The values with all of `from`, `to`, `weekdays`, and a `month` that names them.

    A month alone stays as it is on PostgreSQL. SQLite would compute every month and then pick one, so it gets the
    month's days.
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
    """The subqueries of WITH: `internal_segments` with the chosen days, then each view between it and the SELECT."""
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
        # As a view would be: PostgreSQL plans it into the question instead of computing all of it first.
        hint = "NOT MATERIALIZED " if warehouse.is_postgresql else ""
        parts.append(f"{view.name} AS {hint}({body})")
    return ",\n".join(parts)


def _between(select: str) -> list[View]:
    """The views that rest on the days and on which the SELECT rests, each after those it uses."""
    views = read_views(sql_folder() / "views")
    resting = {_SOURCE}
    for view in views:
        if any(_uses(view.select, name) for name in resting):
            resting.add(view.name)
    needed: list[View] = []
    texts = [select]
    for view in reversed(views):
        if view.name in resting - {_SOURCE} and any(_uses(each, view.name) for each in texts):
            needed.insert(0, view)
            texts.append(view.select)
    return needed


def _uses(sql: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", sql) is not None


def _text(view: str) -> str:
    return (sql_folder() / "views" / f"{view}.sql").read_text(encoding="utf-8")
