"""The settings: read once, validated, secrets hidden, every problem in one error.

    ScheduleSettings    what Dagster's definitions need before anything runs
    LocalSettings       what a command needs that never talks to the API
    AlertSettings       what sending alerts needs, which must work when the account's settings are wrong
    Settings            everything

A setting is a field of one of these; its environment variable is `INODE_` and the field's name in capitals.
`docs/configuration.md` explains each. Nothing here opens a connection: no network is touched before the settings are
right.
"""

from inode_pipeline.config.settings import (
    DEFAULT_BASE_URL,
    DOTENV,
    AlertSettings,
    LocalSettings,
    ScheduleSettings,
    Settings,
    unknown_variables,
)
from inode_pipeline.config.values import QUARTER_MIN, is_loopback

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
