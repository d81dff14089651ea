"""Addresses that a setting may hold: of the API, a proxy, alerts and the warehouse.

A type for each; any other value is a ValueError with the reason.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from inode_pipeline.config.files import absolute_path


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address is this machine itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _parts(address: str) -> SplitResult:
    """The parts of an address; `urlsplit` repeats its text in its reasons, and that may be a password."""
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


BaseUrl = Annotated[str, AfterValidator(_base_url)]
Proxy = Annotated[SecretStr, AfterValidator(_proxy)]
AlertUrls = Annotated[SecretStr, AfterValidator(_alert_urls)]
WarehouseUrl = Annotated[URL, NoDecode, BeforeValidator(_warehouse_url)]
