"""The table `calendar`, filled with the public holidays of a country or of one of its parts.

The days come from the library `holidays`, the region from INODE_HOLIDAYS. Dates that people entered or changed are left
alone unless they ask otherwise.
"""

from __future__ import annotations

from datetime import date, timedelta

import holidays
from sqlalchemy import Connection, func, select, update

from inode_pipeline.warehouse.analyst_tables import CALENDAR
from inode_pipeline.warehouse.engine import Warehouse, transaction
from inode_pipeline.warehouse.statements import insert_if_absent
from inode_pipeline.warehouse.tables import LOADS


def public_holidays(region: str, first: date, last: date) -> dict[date, str]:
    """The name of each public holiday of `CA-ON`, `US` and the like, observed days included, from `first` to `last`."""
    country, _, part = region.partition("-")
    years = range(first.year, last.year + 1)
    # Without a language the names would be in that of the machine, and differ between machines.
    language = holidays.country_holidays(country, subdiv=part or None).default_language
    found = holidays.country_holidays(country, subdiv=part or None, years=years, language=language)
    return {day: name for day, name in sorted(found.items()) if first <= day <= last}


def fill_calendar(warehouse: Warehouse, region: str, first: date, last: date, *, replace: bool = False) -> int:
    """Enter each date from `first` to `last` that is missing; returns how many rows were written.

    `replace` also sets `is_holiday` and `name` of existing dates again; `is_excluded` stays as it is.
    """
    with transaction(warehouse) as connection:
        return _fill(connection, region, first, last, replace=replace)


def keep_calendar(warehouse: Warehouse, region: str, today: date) -> int:
    """Enter missing dates from the year of the first load to the end of next year; returns how many."""
    with transaction(warehouse) as connection:
        begun = connection.scalar(select(func.min(LOADS.c.snapshot_date, type_=LOADS.c.snapshot_date.type)))
        first = date(min(begun or today, today).year, 1, 1)
        return _fill(connection, region, first, date(today.year + 1, 12, 31), replace=False)


def _fill(connection: Connection, region: str, first: date, last: date, *, replace: bool) -> int:
    days = {first + timedelta(n) for n in range((last - first).days + 1)}
    there = set(connection.scalars(select(CALENDAR.c.local_date).where(CALENDAR.c.local_date.between(first, last))))
    if there == days and not replace:
        return 0
    named = public_holidays(region, first, last)
    for day in sorted(days - there):
        row = {"local_date": day, "is_holiday": day in named, "name": named.get(day), "is_excluded": False}
        insert_if_absent(connection, CALENDAR, row)
    if not replace:
        return len(days - there)
    for day in sorted(there):
        change = update(CALENDAR).where(CALENDAR.c.local_date == day)
        connection.execute(change.values(is_holiday=day in named, name=named.get(day)))
    return len(days)
