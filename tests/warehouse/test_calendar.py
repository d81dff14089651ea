"""The calendar: whose holidays, which dates, and that what people entered stays."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select, update

from inode_pipeline.config import LocalSettings
from inode_pipeline.errors import ConfigError
from inode_pipeline.warehouse.analyst_tables import CALENDAR
from inode_pipeline.warehouse.calendar import fill_calendar, keep_calendar, public_holidays
from inode_pipeline.warehouse.engine import Warehouse, reading, transaction

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)


def rows(warehouse: Warehouse) -> dict[date, tuple[Any, ...]]:
    with reading(warehouse) as connection:
        return {row[0]: tuple(row[1:]) for row in connection.execute(select(CALENDAR))}


def test_holidays_are_those_of_the_province_or_state() -> None:
    """As the governments of Ontario and Ohio publish them for 2026; a holiday on a weekend is observed beside it."""
    ontario = public_holidays("CA-ON", FIRST, LAST)
    assert {
        date(2026, 1, 1): "New Year's Day",
        date(2026, 2, 16): "Family Day",
        date(2026, 4, 3): "Good Friday",
        date(2026, 5, 18): "Victoria Day",
        date(2026, 7, 1): "Canada Day",
        date(2026, 9, 7): "Labour Day",
        date(2026, 10, 12): "Thanksgiving Day",
        date(2026, 12, 25): "Christmas Day",
        date(2026, 12, 26): "Boxing Day",
        date(2026, 12, 28): "Boxing Day (observed)",
    } == ontario
    ohio = public_holidays("US-OH", FIRST, LAST)
    assert {date(2026, 6, 19), date(2026, 7, 3), date(2026, 7, 4), date(2026, 11, 26)} <= set(ohio)
    assert date(2026, 2, 16) not in public_holidays("CA", FIRST, LAST)


def test_the_names_do_not_depend_on_the_machine() -> None:
    """A machine that speaks French enters the same rows."""
    program = (
        "from datetime import date\nfrom inode_pipeline.warehouse.calendar import public_holidays\n"
        "print(public_holidays('CA-ON', date(2026, 9, 7), date(2026, 9, 7)))"
    )
    environment = {**os.environ, "LANGUAGE": "fr_CA", "LC_ALL": "fr_CA.UTF-8"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert "{datetime.date(2026, 9, 7): 'Labour Day'}\n" == done.stdout


def test_every_date_has_a_row_and_what_people_said_stays(warehouse: Warehouse) -> None:
    """A second filling writes only what is missing."""
    assert 365 == fill_calendar(warehouse, "CA-ON", FIRST, LAST)
    filled = rows(warehouse)
    assert (True, "Canada Day", False) == filled[date(2026, 7, 1)]
    assert (False, None, False) == filled[date(2026, 7, 2)]
    with transaction(warehouse) as connection:
        storm = update(CALENDAR).where(CALENDAR.c.local_date == date(2026, 7, 2))
        connection.execute(storm.values(name="Ice storm", is_excluded=True))
    assert 31 == fill_calendar(warehouse, "CA-ON", FIRST, date(2027, 1, 31))
    assert (False, "Ice storm", True) == rows(warehouse)[date(2026, 7, 2)]


def test_another_region_replaces_the_holidays_when_asked(warehouse: Warehouse) -> None:
    """Days that people excluded stay excluded."""
    fill_calendar(warehouse, "CA-ON", FIRST, LAST)
    with transaction(warehouse) as connection:
        connection.execute(update(CALENDAR).where(CALENDAR.c.local_date == date(2026, 7, 1)).values(is_excluded=True))
    assert 365 == fill_calendar(warehouse, "US-OH", FIRST, LAST, replace=True)
    filled = rows(warehouse)
    assert (False, None, True) == filled[date(2026, 7, 1)]
    assert (True, "Independence Day (observed)", False) == filled[date(2026, 7, 3)]


def test_a_sync_keeps_the_calendar_until_the_end_of_next_year(warehouse: Warehouse) -> None:
    """Once a year there is something to write."""
    assert 365 + 365 == keep_calendar(warehouse, "CA-ON", date(2026, 11, 23))
    assert 0 == keep_calendar(warehouse, "CA-ON", date(2026, 12, 31))
    assert 366 == keep_calendar(warehouse, "CA-ON", date(2027, 1, 1))
    assert {FIRST, date(2028, 12, 31)} == {min(rows(warehouse)), max(rows(warehouse))}


@pytest.mark.parametrize(
    ("region", "told"),
    [("ZZ", "not a country"), ("ca-on", "not a country"), ("CA-XX", "there are AB, BC, MB"), ("CA-", "there are AB")],
)
def test_a_region_that_does_not_exist_is_told(region: str, told: str) -> None:
    """By the name of the setting, before anything is done."""
    with pytest.raises(Exception, match=told):
        LocalSettings(holidays=region, _env_file=None)


def test_the_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its value; regions of both kinds are accepted."""
    monkeypatch.setenv("INODE_HOLIDAYS", "CA-OHIO")
    with pytest.raises(ConfigError, match="INODE_HOLIDAYS='CA-OHIO': no part of CA"):
        LocalSettings.load()
    for region in ("CA-ON", "US-OH", "US"):
        monkeypatch.setenv("INODE_HOLIDAYS", region)
        assert region == LocalSettings.load().holidays
