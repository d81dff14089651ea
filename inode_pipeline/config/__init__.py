"""The settings: read once at the door, validated, secrets hidden, every problem in one error.

    ScheduleSettings    what Dagster's definitions need before anything runs
    LocalSettings       what a command needs that never talks to the API
    AlertSettings       what telling of troubles needs, which must work when the account's settings are wrong
    Settings            everything

A setting is a field of one of these; its environment variable is `INODE_` and the field's name in capitals.
`docs/configuration.md` explains each. Keep out: anything that opens a connection, since no network is touched
before the settings are right.
"""

from inode_pipeline.config.addresses import is_loopback
from inode_pipeline.config.settings import (
    DEFAULT_BASE_URL,
    AlertSettings,
    LocalSettings,
    ScheduleSettings,
    Settings,
)
from inode_pipeline.config.times import QUARTER_MIN

__all__ = [
    "DEFAULT_BASE_URL",
    "QUARTER_MIN",
    "AlertSettings",
    "LocalSettings",
    "ScheduleSettings",
    "Settings",
    "is_loopback",
]
