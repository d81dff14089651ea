"""The resource that gives assets the settings of the account and its warehouse.

Dagster shows and stores a resource's fields, so none of them is a secret: the settings are read from the environment
when a run starts. Concept: https://docs.dagster.io/guides/build/external-resources
"""

import dagster as dg
from pydantic import Field

from inode_pipeline.config import AlertSettings, LocalSettings, Settings
from inode_pipeline.errors import ConfigError


class InodeResource(dg.ConfigurableResource):  # type: ignore[type-arg]  # it resolves to itself
    """An iNode account and its warehouse."""

    read_dotenv: bool = Field(
        default=True, description="Whether to read the file .env of the current folder as well as the environment."
    )

    def settings(self) -> Settings:
        """Load and check all settings.

        Raises:
            ConfigError: some are wrong; the message lists all problems.

        """
        return Settings.load(dotenv=self.read_dotenv)

    def alert_settings(self) -> AlertSettings:
        """Load the settings of checks and sensors, which need no API credentials.

        Raises:
            ConfigError: some are wrong; the message lists all problems.

        """
        return AlertSettings.load(dotenv=self.read_dotenv)


def runs_on_several_machines(instance: dg.DagsterInstance) -> bool:
    """Whether runs start on several machines, as with Celery or Kubernetes."""
    return not (instance.is_ephemeral or isinstance(instance.run_launcher, dg.DefaultRunLauncher))


def require_shared(instance: dg.DagsterInstance, settings: LocalSettings) -> None:
    """Make sure that all machines on which runs start use the same warehouse.

    Raises:
        ConfigError: the warehouse is a SQLite file, but runs start on several machines.

    """
    url = settings.warehouse_url
    if url.get_backend_name() == "sqlite" and runs_on_several_machines(instance):
        raise ConfigError(
            f"INODE_WAREHOUSE_URL is the SQLite file {url.database}, of which each machine would have its own: "
            f"Dagster's {type(instance.run_launcher).__name__} starts runs on several machines.",
            remedy="Set INODE_WAREHOUSE_URL to a PostgreSQL database, the same on every machine.",
        )
