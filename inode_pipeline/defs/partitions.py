"""The dates that can be asked for: one partition is one day in INODE_TIMEZONE, the day on which a snapshot was taken.

Read when Dagster loads the code; a changed setting needs a reload of the code location. Nothing here needs credentials,
asks a server or makes a file.
"""

import logging
from datetime import date, datetime

import dagster as dg

from inode_pipeline.analysis.status import open_existing
from inode_pipeline.config import LocalSettings, ScheduleSettings
from inode_pipeline.errors import PipelineError
from inode_pipeline.warehouse.walks import first_date

SCHEDULES = ScheduleSettings.load()


def _first_landed() -> date | None:
    """The first date with a walk, of a SQLite warehouse that is there. What is wrong with it is for the run to say."""
    try:
        settings = LocalSettings.load()
        if settings.warehouse_url.get_backend_name() != "sqlite":
            logging.getLogger(__name__).warning(
                "INODE_START_DATE is not set, so Dagster's calendar begins today and forgets earlier dates. Set it to "
                "the first date that you have."
            )
            return None
        with open_existing(settings) as warehouse:
            return first_date(warehouse)
    except PipelineError:
        return None


START_DATE = SCHEDULES.start_date or _first_landed() or datetime.now(SCHEDULES.zone).date()

# The API returns the present only, so a date's snapshot is taken on that date: today must be a partition as well.
DAYS = dg.DailyPartitionsDefinition(start_date=START_DATE.isoformat(), timezone=SCHEDULES.zone.key, end_offset=1)
