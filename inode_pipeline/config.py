"""The settings: read once at the door, validated, secrets hidden, every problem in one error.

    ScheduleSettings    what Dagster's definitions need before anything runs
    LocalSettings       what a command needs that never talks to the API
    AlertSettings       what telling of troubles needs, which must work when the account's settings are wrong
    Settings            everything

A setting is a field of one of these; its environment variable is `INODE_` and the field's name in capitals.
`docs/configuration.md` explains each. Keep out: anything that opens a connection, since no network is touched
before the settings are right.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.endpoints.fieldmap import read_field_map
from inode_pipeline.errors import ConfigError

PREFIX = "INODE_"
DEFAULT_BASE_URL = "https://inode.smatstraffic.com/api/"
QUARTER_MIN = 15
"""The length of a bin of observations in minutes, which sampling has to fill evenly."""

OAUTH_FIELDS = ("username", "password", "client_id", "client_secret")


def _zone_name(name: str) -> str:
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
    if _even_minutes(_cron(expression)) is None:
        raise ValueError(
            "every quarter of an hour needs as many readings as any other, so the minutes are every 15th, 5th, 3rd or "
            "each one; use */15 * * * *, or */5 6-21 * * 1-5 for the days of a working week"
        )
    return expression


def _even_minutes(expression: str) -> int | None:
    """How many minutes lie between the ticks of an hour: a divisor of 15; None if they are spaced otherwise."""
    minutes = CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC)).minutes
    step = 60 // len(minutes)
    return step if QUARTER_MIN % step == 0 and minutes == set(range(min(minutes), 60, step)) else None


def _http_address(value: str, *, name: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"not an address of {name}; it begins with https:// and a host")
    if parts.query or parts.fragment:
        raise ValueError("an address without a query (?) and fragment (#) is needed")
    _ = parts.port  # raises ValueError for a port that is none
    return value


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address is this machine itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _base_url(value: str) -> str:
    parts = urlsplit(_http_address(value, name="an API"))
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address without user and password is needed; those have settings of their own")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("plain http is allowed to this machine only; use https://")
    return value if value.endswith("/") else value + "/"


def _proxy(secret: SecretStr) -> SecretStr:
    _http_address(secret.get_secret_value(), name="a proxy")
    return secret


def _webhook(secret: SecretStr) -> SecretStr:
    parts = urlsplit(secret.get_secret_value())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an address that takes messages; it begins with https:// and a host")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("plain http is allowed to this machine only; use https://")
    _ = parts.port  # raises ValueError for a port that is none
    return secret


def _mail_server(secret: SecretStr | None) -> SecretStr | None:
    if secret is None:
        return None
    parts = urlsplit(secret.get_secret_value())
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("not a mail server; use smtps://user:password@host:465 or smtp://user:password@host:587")
    _ = parts.port
    return secret


def _mailboxes(text: str) -> str:
    for address in text.split(","):
        if not re.fullmatch(r"[^\s@<>,;\x00-\x20\x7f]+@[^\s@<>,;\x00-\x20\x7f]+", address.strip()):
            raise ValueError("not a list of mail addresses; use one@example.org, two@example.org")
    return text


def _header_value(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not (text.isascii() and text.isprintable()):
        raise ValueError("it holds a line break or another character that no key has; copy it again")
    if text != text.strip():
        raise ValueError("it begins or ends with a space, which no key does; copy it again")
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
    if url.database in (None, "", ":memory:"):
        raise ValueError("a SQLite warehouse needs a file, such as sqlite:///data/inode.db")
    return url.set(database=str(_existing_path(Path(str(url.database)))))


def _existing_path(path: Path) -> Path:
    """A relative path starts at the folder of `.env`, which is the current one."""
    return path.expanduser().absolute()


def _readable_file(path: Path) -> Path:
    path = _existing_path(path)
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


Cron = Annotated[str, AfterValidator(_cron)]
SamplingCron = Annotated[str, AfterValidator(_sampling_cron)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class ScheduleSettings(BaseSettings):
    """What must be known when Dagster loads the definitions. Every field may be absent."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    timezone: Annotated[str, AfterValidator(_zone_name)] | None = Field(default=None, validate_default=True)
    start_date: date = date(2026, 1, 1)
    sync_schedule: Cron = "30 4 * * *"
    sample_schedule: SamplingCron | None = None

    @classmethod
    def load(cls, *, dotenv: bool = True) -> Self:
        """Read the environment and, below it, the file `.env` of the current folder.

        Raises:
            ConfigError: with every problem in one message, none of them showing a secret.

        """
        try:
            return cls(_env_file=".env" if dotenv else None, _env_file_encoding="utf-8")
        except ValidationError as problem:
            raise ConfigError(
                "; ".join(_told(cls, error) for error in problem.errors(include_url=False)) + ".",
                remedy="Correct it in the environment or in .env; `inode-pipeline doctor` checks the result.",
            ) from None
        except (OSError, UnicodeDecodeError) as problem:
            raise ConfigError(f"The file .env cannot be read: {type(problem).__name__}.", remedy="Mend it.") from None

    @property
    def zone(self) -> ZoneInfo:
        """The zone whose days are the partitions; UTC where none is set."""
        return ZoneInfo(self.timezone or "UTC")

    @property
    def sample_interval(self) -> timedelta | None:
        """How long after one sample the next one is due; None while sampling is off."""
        minutes = _even_minutes(self.sample_schedule) if self.sample_schedule else None
        return None if minutes is None else timedelta(minutes=minutes)


class LocalSettings(ScheduleSettings):
    """What a command needs that never talks to the API: the warehouse, and how landed pages become rows."""

    warehouse_password: SecretStr | None = None
    warehouse_url: Annotated[URL, NoDecode, BeforeValidator(_warehouse_url)] = Field(
        default="sqlite:///data/inode.db", validate_default=True, repr=False
    )
    warehouse_schema: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")] = "inode"
    field_map_file: Annotated[Path, AfterValidator(_field_map)] | None = None
    max_shrink_fraction: Fraction = 0.2
    max_rejected_fraction: Fraction = 0.01
    raw_retention_days: Annotated[int, Field(ge=0)] = 0
    holidays: Annotated[str, AfterValidator(_holiday_region)] | None = None
    display_units: Literal["metric", "us"] = "metric"

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
    """What telling of troubles needs: where to, whom to trust, and from when a sync is late."""

    ca_file: Annotated[Path, AfterValidator(_readable_file)] | None = None
    proxy: Annotated[SecretStr, AfterValidator(_proxy)] | None = None
    alert_webhook_url: Annotated[SecretStr, AfterValidator(_webhook)] | None = None
    alert_to: Annotated[str, AfterValidator(_mailboxes)] | None = None
    alert_smtp_url: Annotated[SecretStr, AfterValidator(_mail_server)] | None = Field(
        default=None, validate_default=True
    )
    alert_grace_min: Annotated[int, Field(ge=1, le=1440)] = 120

    @field_validator("alert_smtp_url")
    @classmethod
    def _check_mail(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if "alert_to" in info.data and (value is None) != (info.data["alert_to"] is None):
            raise ValueError("INODE_ALERT_SMTP_URL and INODE_ALERT_TO: mail needs both, the server and to whom")
        return value


class Settings(AlertSettings):
    """Everything a sync needs."""

    base_url: str = Field(default=DEFAULT_BASE_URL, validate_default=True)
    username: str | None = None
    password: SecretStr | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    scope: str = "sync"
    api_key: Annotated[SecretStr, AfterValidator(_header_value)] | None = None
    auth: Literal["oauth2", "api_key"] = Field(default="", validate_default=True)  # absent: inferred
    page_size: Annotated[int, Field(ge=1, le=100_000)] = 1000
    page_size_param: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = "page_size"
    concurrency: Annotated[int, Field(ge=1, le=64)] = 4
    request_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 30
    walk_deadline_s: Annotated[float, Field(gt=0, le=86_400)] = 3600

    @field_validator("base_url")
    @classmethod
    def _check_base_url(cls, value: str, info: ValidationInfo) -> str:
        url = _base_url(value)
        # A field is checked after those before it, so this is where zone and address are both known.
        if "timezone" in info.data and info.data["timezone"] is None and not is_loopback(urlsplit(url).hostname):
            raise ValueError(
                "INODE_TIMEZONE is missing: the zone whose days your snapshots belong to, such as America/Toronto"
            )
        return url

    @field_validator("auth", mode="before")
    @classmethod
    def _infer_auth(cls, value: object, info: ValidationInfo) -> object:
        """Which way to log in: the one that is named, or else the only one whose credentials are there."""
        data = info.data
        if any(name not in data for name in (*OAUTH_FIELDS, "api_key")):
            return value or "oauth2"  # a credential is wrong, which is told by itself
        missing = [name for name in OAUTH_FIELDS if data[name] is None]
        if not value:
            value = _only_configured(any_oauth=len(missing) < len(OAUTH_FIELDS), api_key=data["api_key"] is not None)
        if value == "oauth2" and missing:
            raise ValueError(f"{_variables(missing)} missing: the login with a password needs all four")
        if value == "api_key" and data["api_key"] is None:
            raise ValueError("INODE_API_KEY is missing: INODE_AUTH asks for it")
        return value


def _only_configured(*, any_oauth: bool, api_key: bool) -> str:
    if any_oauth and api_key:
        raise ValueError("INODE_AUTH is missing: both an API key and a login are configured; say oauth2 or api_key")
    if not any_oauth and not api_key:
        raise ValueError(
            f"No credentials: INODE_API_KEY is missing, or else {_variables(OAUTH_FIELDS, verb='')} for the login"
        )
    return "api_key" if api_key else "oauth2"


def _variables(fields: Sequence[str], verb: str | None = None) -> str:
    names = [PREFIX + name.upper() for name in fields]
    if verb is None:
        verb = " is" if len(names) == 1 else " are"
    return (", ".join(names[:-1]) + " and " if names[1:] else "") + names[-1] + verb


def _told(settings: type[BaseSettings], error: ErrorDetails) -> str:
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
