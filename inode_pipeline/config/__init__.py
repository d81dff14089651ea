"""The settings: read once, validated, secrets hidden, every problem in one error.

    ScheduleSettings    what Dagster's definitions need before anything runs
    LocalSettings       what a command needs that never talks to the API
    AlertSettings       what sending alerts needs, which must work when the account's settings are wrong
    Settings            everything

A setting is a field of one of these; its environment variable is `INODE_` and the field's name in capitals.
`docs/configuration.md` explains each. Nothing here opens a connection: no network is touched before the settings are
right.

Not here: how a single value is checked, see `values.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL

from inode_pipeline.config.values import (
    QUARTER_MIN,
    AlertUrls,
    ApiKey,
    BaseUrl,
    Cron,
    FieldMapFile,
    HolidayRegion,
    Proxy,
    ReadableFile,
    SamplingCron,
    WarehouseUrl,
    ZoneName,
    alert_addresses,
    even_minutes,
    is_loopback,
)
from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.endpoints.fieldmap import read_field_map
from inode_pipeline.errors import ConfigError

__all__ = [
    "DEFAULT_BASE_URL",
    "DOTENV",
    "QUARTER_MIN",
    "AlertSettings",
    "LocalSettings",
    "ScheduleSettings",
    "Settings",
    "is_loopback",
    "unknown_variables",
]

DEFAULT_BASE_URL = "https://inode.smatstraffic.com/api/"

DOTENV = Path(".env")
PREFIX = "INODE_"

OAUTH_FIELDS = ("username", "password", "client_id", "client_secret")

Fraction = Annotated[float, Field(ge=0, le=1)]


class ScheduleSettings(BaseSettings):
    """What Dagster's definitions need. Every field is optional."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    timezone: ZoneName | None = Field(default=None, validate_default=True)
    start_date: date | None = None
    sync_schedule: Cron = "30 4 * * *"
    sample_schedule: SamplingCron | None = None

    @classmethod
    def load(cls, *, dotenv: bool = True) -> Self:
        """Read the environment and, below it, the file `.env` of the current folder.

        Raises:
            ConfigError: with every problem in one message, none of them showing a secret.

        """
        try:
            return cls(_env_file=DOTENV if dotenv else None, _env_file_encoding="utf-8")
        except ValidationError as problem:
            raise ConfigError(
                "\n".join(f"{_described(cls, error)}." for error in problem.errors(include_url=False)),
                remedy=f"{_where_to_correct()} `inode-pipeline doctor` checks the result.",
            ) from None
        except UnicodeDecodeError:
            raise ConfigError(f"{DOTENV.absolute()} is not written in UTF-8.", remedy="Save it in UTF-8.") from None
        except OSError as problem:
            raise _unreadable(problem) from None

    @property
    def zone(self) -> ZoneInfo:
        """The zone whose days are the partitions; UTC where none is set."""
        return ZoneInfo(self.timezone or "UTC")

    @property
    def sample_interval(self) -> timedelta | None:
        """How long after one sample the next one is due; None while sampling is off."""
        minutes = even_minutes(self.sample_schedule) if self.sample_schedule else None
        return None if minutes is None else timedelta(minutes=minutes)


class LocalSettings(ScheduleSettings):
    """What a command needs that never talks to the API: the warehouse, and how landed pages become rows."""

    warehouse_password: SecretStr | None = None
    warehouse_url: WarehouseUrl = Field(default="sqlite:///data/inode.db", validate_default=True, repr=False)
    warehouse_schema: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")] = "inode"
    field_map_file: FieldMapFile | None = None
    max_shrink_fraction: Fraction = 0.2
    max_rejected_fraction: Fraction = 0.01
    raw_retention_days: Annotated[int, Field(ge=0)] = 0
    holidays: HolidayRegion | None = None
    display_units: Literal["metric", "us"] = "metric"
    network_name: str | None = None

    model_config = SettingsConfigDict(arbitrary_types_allowed=True)

    @field_validator("warehouse_url")
    @classmethod
    def _with_password(cls, url: URL, info: ValidationInfo) -> URL:
        """The URL's own repr masks the password; `str()` of it must not be printed."""
        password: SecretStr | None = info.data.get("warehouse_password")
        return url if password is None else url.set(password=password.get_secret_value())

    def endpoint(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint as the user's field map has it; unchanged where there is none."""
        return endpoint if self.field_map_file is None else read_field_map(self.field_map_file).apply(endpoint)


class AlertSettings(LocalSettings):
    """What alerts need: where to, whom to trust, and from when a sync is late."""

    ca_file: ReadableFile | None = None
    proxy: Proxy | None = None
    alert_urls: AlertUrls | None = None
    alert_grace_min: Annotated[int, Field(ge=1, le=1440)] = 120

    @property
    def alert_addresses(self) -> tuple[str, ...]:
        """The addresses that get every message: secrets, each of them."""
        return alert_addresses(self.alert_urls.get_secret_value()) if self.alert_urls else ()


class Settings(AlertSettings):
    """Everything a sync needs."""

    base_url: BaseUrl = Field(default=DEFAULT_BASE_URL, validate_default=True)
    username: str | None = None
    password: SecretStr | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    scope: str = "sync"
    api_key: ApiKey | None = None
    auth: Literal["oauth2", "api_key"] = Field(default="", validate_default=True)  # absent: inferred
    page_size: Annotated[int, Field(ge=1, le=100_000)] = 1000
    page_size_param: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = "page_size"
    concurrency: Annotated[int, Field(ge=1, le=64)] = 4
    request_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 30
    walk_deadline_s: Annotated[float, Field(gt=0, le=86_400)] = 3600

    @field_validator("base_url")
    @classmethod
    def _require_zone(cls, url: str, info: ValidationInfo) -> str:
        # Fields are validated in order, so zone and address are both known here.
        if "timezone" in info.data and info.data["timezone"] is None and not is_loopback(urlsplit(url).hostname):
            raise ValueError(
                "INODE_TIMEZONE is missing: the zone whose days your snapshots belong to, such as America/Toronto"
            )
        return url

    @field_validator("auth", mode="before")
    @classmethod
    def _infer_auth(cls, value: object, info: ValidationInfo) -> object:
        """How to log in: as named, or else the only way whose credentials are set."""
        return _login_kind(value, info.data)


def _login_kind(named: object, given: Mapping[str, object]) -> object:
    """How to log in: as named, or else the only way whose credentials are among the given fields.

    Raises:
        ValueError: it cannot be inferred, or a credential of it is missing.

    """
    if any(name not in given for name in (*OAUTH_FIELDS, "api_key")):
        return named or "oauth2"  # an invalid credential is reported separately
    missing = [name for name in OAUTH_FIELDS if given[name] is None]
    kind = named or _only_configured(any_oauth=len(missing) < len(OAUTH_FIELDS), api_key=given["api_key"] is not None)
    if kind == "oauth2" and missing:
        raise ValueError(f"{_variables(missing)} missing: the login with a password needs all four")
    if kind == "api_key" and given["api_key"] is None:
        raise ValueError("INODE_API_KEY is missing: INODE_AUTH asks for it")
    return kind


def _only_configured(*, any_oauth: bool, api_key: bool) -> str:
    if any_oauth and api_key:
        raise ValueError("INODE_AUTH is missing: both an API key and a login are configured; say oauth2 or api_key")
    if not any_oauth and not api_key:
        raise ValueError(
            f"No credentials: INODE_API_KEY is missing, or else {_variables(OAUTH_FIELDS, verb='')} for the login"
        )
    return "api_key" if api_key else "oauth2"


def _described(settings: type[BaseSettings], error: ErrorDetails) -> str:
    """One problem as a sentence that names the variable, and its value unless that may be secret."""
    reason = str(error["ctx"]["error"]) if error["type"] == "value_error" else error["msg"]
    if PREFIX in reason:
        return reason
    field = str(error["loc"][0])
    is_secret = field in ("warehouse_url", "proxy", "base_url") or "Secret" in str(
        settings.model_fields[field].annotation
    )
    value = "" if is_secret else f"={str(error['input'])[:80]!r}"
    return f"{PREFIX}{field.upper()}{value}: {reason[0].lower()}{reason[1:]}"


def _variables(fields: Sequence[str], verb: str | None = None) -> str:
    """The variables of these fields, listed, with "is" or "are" unless another verb is given."""
    names = [PREFIX + name.upper() for name in fields]
    if verb is None:
        verb = " is" if len(names) == 1 else " are"
    return (", ".join(names[:-1]) + " and " if names[1:] else "") + names[-1] + verb


def unknown_variables() -> dict[str, str | None]:
    """Each `INODE_` variable of the environment and of `.env` that is not a setting, with the most similar setting."""
    given = set(os.environ)
    with suppress(OSError, UnicodeDecodeError):  # reported by whatever reads the file
        given.update(dotenv_values(DOTENV, interpolate=False) if DOTENV.is_file() else ())
    names = {name.upper().removeprefix(PREFIX) for name in given if name.upper().startswith(PREFIX)}
    known = [field.upper() for field in Settings.model_fields]
    similar = {name: get_close_matches(name, known, n=1) for name in sorted(names.difference(known))}
    return {f"{PREFIX}{name}": f"{PREFIX}{found[0]}" if found else None for name, found in similar.items()}


def _where_to_correct() -> str:
    if DOTENV.exists():
        return f"Correct it in the environment or in {DOTENV.absolute()}."
    return f"Correct it in the environment. There is no .env in {Path.cwd()}; `inode-pipeline init` writes one."


def _unreadable(problem: OSError) -> ConfigError:
    try:
        owner = f"; it belongs to {DOTENV.owner()}"
    except (OSError, KeyError):  # the file is not visible, or its owner has no name
        owner = ""
    return ConfigError(
        f"{DOTENV.absolute()} cannot be read: {(problem.strerror or type(problem).__name__).lower()}{owner}.",
        remedy="Run this as its owner, or give the file to the user who runs this.",
    )
