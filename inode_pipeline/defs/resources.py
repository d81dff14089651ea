"""The account and its warehouse, as an asset gets them.

It has no field for a secret: Dagster shows and stores a resource's fields, so the settings are read from the
environment only when a run starts. Concept: https://docs.dagster.io/guides/build/external-resources
"""

import dagster as dg
from pydantic import Field

from inode_pipeline.config import AlertSettings, LocalSettings, Settings
from inode_pipeline.errors import ConfigError


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
