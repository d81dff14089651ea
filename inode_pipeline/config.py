"""The settings: read once at the door, validated, secrets hidden, every problem in one error.

A setting is a field of `LocalSettings` (what a command without the API needs) or of `Settings` (everything).
Its environment variable is `INODE_` and the field's name in capitals; `docs/configuration.md` explains each.
Keep out: anything that opens a connection. No network is touched before the settings are right.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import sqlalchemy
from cronsim import CronSim, CronSimError
from dotenv import dotenv_values
from pydantic import AfterValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.endpoints.fieldmap import read_field_map
from inode_pipeline.errors import ConfigError

PREFIX = "INODE_"
DEFAULT_BASE_URL = "https://inode.smatstraffic.com/api/"


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError) as problem:
        raise ValueError(f"{name!r} is not a time zone; use a name such as America/Toronto") from problem
    return name


def _cron(expression: str) -> str:
    try:
        CronSim(expression, date_of_no_matter())
    except CronSimError as problem:
        raise ValueError(f"{expression!r} is not a cron expression ({problem}); use five fields, such as 30 4 * * *") from problem
    return expression


def _header_text(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("holds a blank, a line break or another character that cannot stand in a key; copy it again")
    return secret
