"""What a single setting may hold: times, addresses, files, keys.

A type for each, validated when the settings are read; an invalid value is a ValueError with the reason.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from inode_pipeline.endpoints.fieldmap import read_field_map
from inode_pipeline.errors import ConfigError

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
"""The zone that an abbreviation most likely stands for. EST, MST and Etc/GMT+5 have no daylight saving time."""


def _zone_name(name: str) -> str:
    likely = LIKELY_ZONES.get(name.upper(), "America/Toronto" if re.search(r"GMT[+-]?\d", name) else None)
    if likely:
        raise ValueError(f"an offset or an abbreviation; name a place instead, such as {likely}")
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
    """The minutes between ticks, a divisor of 15; None if the ticks of an hour are spaced otherwise."""
    minutes = CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC)).minutes
    step = 60 // len(minutes)
    return step if QUARTER_MIN % step == 0 and minutes == set(range(min(minutes), 60, step)) else None


def _holiday_region(value: str) -> str:
    import holidays  # large, and only needed for a calendar of holidays

    known = holidays.list_supported_countries(include_aliases=False)
    country, hyphen, part = value.partition("-")
    if country not in known:
        raise ValueError("not a country whose holidays are known; use its code, with a province or state: CA-ON, US-OH")
    if hyphen and part not in known[country]:
        parts = ", ".join(known[country]) or "none, so leave it out"
        raise ValueError(f"no part of {country} whose holidays are known; there are {parts}")
    return value


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address is this machine itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _parts(address: str) -> SplitResult:
    """The parts of an address. The errors of `urlsplit` quote their input, which may be a password."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        raise ValueError(
            "not an address: its host or its port cannot be read; write / ? # @ in a password as %2F %3F %23 %40"
        ) from None
    return parts


def _http_address(value: str, *, name: str) -> str:
    parts = _parts(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"not an address of {name}; it begins with https:// and a host")
    if parts.query or parts.fragment:
        raise ValueError("an address without a query (?) and fragment (#) is needed")
    return value


def _base_url(value: str) -> str:
    parts = _parts(_http_address(value, name="an API"))
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address without user and password is needed; those have settings of their own")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("plain http is allowed to this machine only; use https://")
    return value if value.endswith("/") else value + "/"


def _proxy(secret: SecretStr) -> SecretStr:
    _http_address(secret.get_secret_value(), name="a proxy")
    return secret


def alert_addresses(text: str) -> tuple[str, ...]:
    """The addresses of INODE_ALERT_URLS: with spaces or commas between, each with a scheme of its own."""
    return tuple(re.split(r"[\s,]+(?=[A-Za-z][A-Za-z0-9+]*://)", text.strip(" \t\r\n,")))


def _alert_urls(secret: SecretStr) -> SecretStr:
    for number, address in enumerate(alert_addresses(secret.get_secret_value()), start=1):
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+]*://\S+", address):
            raise ValueError(
                f"its address number {number} is none of Apprise's, such as slack://… or mailtos://user:password@host"
            )
    return secret


def _warehouse_url(value: str | URL) -> URL:
    try:
        url = make_url(value)
    except (ArgumentError, ValueError) as problem:
        raise ValueError(
            "not a database URL; use sqlite:///folder/file.db or postgresql://user@host/database"
        ) from problem
    if url.drivername in ("postgresql", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername != "sqlite":
        raise ValueError(f"{url.drivername} is not supported; use sqlite:/// or postgresql://")
    return _sqlite_file(url)


def _sqlite_file(url: URL) -> URL:
    if url.host or url.username or url.port:
        raise ValueError("a SQLite file comes after three slashes, as in sqlite:///data/inode.db")
    if url.database in (None, "", ":memory:"):
        raise ValueError("a SQLite warehouse needs a file, such as sqlite:///data/inode.db")
    if url.query:
        raise ValueError("a SQLite warehouse takes no options; leave out the ? and what follows it")
    return url.set(database=str(absolute_path(Path(str(url.database)))))


def absolute_path(path: Path) -> Path:
    """A relative path starts at the folder of `.env`, which is the current one."""
    try:
        return path.expanduser().absolute()
    except RuntimeError as problem:
        raise ValueError(f"{path.parts[0]} is nobody's home folder on this machine; write the whole path") from problem
    except FileNotFoundError as problem:
        raise ValueError("the current folder has been removed; change to another one") from problem


def _readable_file(path: Path) -> Path:
    path = absolute_path(path)
    if not path.is_file():
        raise ValueError("no such file")
    return path


def _field_map(path: Path) -> Path:
    path = _readable_file(path)
    try:
        read_field_map(path)
    except ConfigError as problem:
        raise ValueError(problem.message) from problem
    return path


def _api_key(secret: SecretStr) -> SecretStr:
    """The key alone: one copied from a header has the word `Token` in front."""
    text = re.sub(r"^token +", "", secret.get_secret_value(), flags=re.IGNORECASE)
    if not (text.isascii() and text.isprintable()):
        raise ValueError("it holds a line break or another character that no key has; copy it again")
    if text != text.strip():
        raise ValueError("it begins or ends with a space, which no key does; copy it again")
    return SecretStr(text)


ZoneName = Annotated[str, AfterValidator(_zone_name)]
Cron = Annotated[str, AfterValidator(_cron)]
SamplingCron = Annotated[str, AfterValidator(_sampling_cron)]
HolidayRegion = Annotated[str, AfterValidator(_holiday_region)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
Proxy = Annotated[SecretStr, AfterValidator(_proxy)]
AlertUrls = Annotated[SecretStr, AfterValidator(_alert_urls)]
WarehouseUrl = Annotated[URL, NoDecode, BeforeValidator(_warehouse_url)]
ReadableFile = Annotated[Path, AfterValidator(_readable_file)]
FieldMapFile = Annotated[Path, AfterValidator(_field_map)]
ApiKey = Annotated[SecretStr, AfterValidator(_api_key)]
