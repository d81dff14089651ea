"""The account and its warehouse, as an asset gets them.

Keep out: secrets. Dagster shows and stores a resource's fields, so the settings are read from the environment only
when a run starts. Concept: https://docs.dagster.io/guides/build/external-resources
"""

import dagster as dg
from pydantic import Field

from inode_pipeline.config import AlertSettings, Settings


class InodeResource(dg.ConfigurableResource):  # type: ignore[type-arg]  # it stands for itself
    """The door to an iNode account and to the warehouse that keeps its copy."""

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
        """What looking at the warehouse and telling of troubles needs: no credentials of the API.

        Raises:
            ConfigError: with every problem in one message.

        """
        return AlertSettings.load(dotenv=self.read_dotenv)
