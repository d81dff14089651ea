"""What a setting may say of time: whose days count, when something runs, whose holidays there are.

A type for each; a value that is none is a ValueError with the reason. Keep out: which setting it is (`settings.py`).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator

QUARTER_MIN = 15
"""The length of a bin of observations in minutes, which sampling has to fill evenly."""


LIKELY_ZONES = {
    **dict.fromkeys(("NST", "NDT"), "America/St_Johns"),
    **dict.fromkeys(("AST", "ADT"), "America/Halifax"),
    **dict.fromkeys(("EST", "EDT", "EST5EDT"), "America/Toronto"),
    **dict.fromkeys(("CST", "CDT", "CST6CDT"), "America/Winnipeg"),
    **dict.fromkeys(("MST", "MDT", "MST7MDT"), "America/Edmonton"),
    **dict.fromkeys(("PST", "PDT", "PST8PDT"), "America/Vancouver"),
    **dict.fromkeys(("HST", "HDT"), "Pacific/Honolulu"),
    **dict.fromkeys(("WET", "BST"), "Europe/London"),
    **dict.fromkeys(("CET", "CEST", "MET"), "Europe/Paris"),
    **dict.fromkeys(("EET", "EEST"), "Europe/Athens"),
}
"""The place that an abbreviation most likely stands for. EST, MST and Etc/GMT+5 have no daylight saving time."""


def _zone_name(name: str) -> str:
    likely = LIKELY_ZONES.get(name.upper(), "America/Toronto" if re.search(r"GMT[+-]?\d", name) else None)
    if likely:
        raise ValueError(f"an offset or an abbreviation, not a place whose clocks are known; is it {likely}?")
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as problem:
        raise ValueError("not a time zone; use a name such as America/Toronto") from problem
    return name


def _cron(expression: str) -> str:
    if len(expression.split()) != 5:
        raise ValueError("a cron expression of five fields is needed, such as 30 4 * * *")
    try:
        CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as problem:
        raise ValueError(f"not a cron expression ({problem}); use five fields, such as 30 4 * * *") from problem
    return expression


def _sampling_cron(expression: str) -> str:
    if even_minutes(_cron(expression)) is None:
        raise ValueError(
            "every quarter of an hour needs as many readings as any other, so the minutes are every 15th, 5th, 3rd or "
            "each one; use */15 * * * *, or */5 6-21 * * 1-5 for the days of a working week"
        )
    return expression


def even_minutes(expression: str) -> int | None:
    """How many minutes lie between the ticks of an hour: a divisor of 15; None if they are spaced otherwise."""
    minutes = CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC)).minutes
    step = 60 // len(minutes)
    return step if QUARTER_MIN % step == 0 and minutes == set(range(min(minutes), 60, step)) else None


def _holiday_region(value: str) -> str:
    import holidays  # a library of every country, which only a calendar of holidays needs

    known = holidays.list_supported_countries(include_aliases=False)
    country, hyphen, part = value.partition("-")
    if country not in known:
        raise ValueError("not a country whose holidays are known; use its code, with a province or state: CA-ON, US-OH")
    if hyphen and part not in known[country]:
        parts = ", ".join(known[country]) or "none, so leave it out"
        raise ValueError(f"no part of {country} whose holidays are known; there are {parts}")
    return value


ZoneName = Annotated[str, AfterValidator(_zone_name)]
Cron = Annotated[str, AfterValidator(_cron)]
SamplingCron = Annotated[str, AfterValidator(_sampling_cron)]
HolidayRegion = Annotated[str, AfterValidator(_holiday_region)]
