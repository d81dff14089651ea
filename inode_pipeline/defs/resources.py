"""The account and its warehouse, as an asset gets them.

It has no field for a secret: Dagster shows and stores a resource's fields, so the settings are read from the
environment only when a run starts. Concept: https://docs.dagster.io/guides/build/external-resources
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from pydantic import Field

from inode_pipeline.config import AlertSettings, LocalSettings, Settings
from inode_pipeline.errors import ConfigError, NotMigratedError
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse


class InodeResource(dg.ConfigurableResource):  # type: ignore[type-arg]  # it stands for itself
    """An iNode account and its warehouse."""

    read_dotenv: bool = Field(
        default=True, description="Whether the file .env of the current folder is read below the environment."
    )

    def settings(self) -> Settings:
        """Every setting, checked.

        Raises:
            ConfigError: with every problem in one message; nothing was sent or written.

        """
        return Settings.load(dotenv=self.read_dotenv)

    def alert_settings(self) -> AlertSettings:
        """What checks and sensors need: no credentials of the API.

        Raises:
            ConfigError: with every problem in one message.

        """
        return AlertSettings.load(dotenv=self.read_dotenv)


@contextmanager
def warehouse_to_read(settings: LocalSettings) -> Iterator[Warehouse]:
    """The warehouse for those who only look at it: no SQLite file is made.

    Raises:
        NotMigratedError: there is no file yet.

    """
    url = settings.warehouse_url
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise NotMigratedError(f"There is no file {url.database} yet.", remedy="`inode-pipeline sync` makes it.")
    with open_warehouse(settings, read_only=True) as warehouse:
        yield warehouse


def is_spread(instance: dg.DagsterInstance) -> bool:
    """Whether runs start on several machines, as with Celery or Kubernetes."""
    return not (instance.is_ephemeral or isinstance(instance.run_launcher, dg.DefaultRunLauncher))


def require_shared(instance: dg.DagsterInstance, settings: LocalSettings) -> None:
    """Make sure that all machines on which runs start load the same warehouse.

    Raises:
        ConfigError: it is a SQLite file, and runs start on several machines.

    """
    url = settings.warehouse_url
    if url.get_backend_name() == "sqlite" and is_spread(instance):
        raise ConfigError(
            f"INODE_WAREHOUSE_URL is the SQLite file {url.database}, of which each machine would have its own: "
            f"Dagster's {type(instance.run_launcher).__name__} starts runs on several machines.",
            remedy="Set INODE_WAREHOUSE_URL to a PostgreSQL database, the same on every machine.",
        )
