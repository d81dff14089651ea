"""The daily partitions: the date in INODE_TIMEZONE on which a snapshot was taken.

The settings are read when Dagster loads the code, so a change needs a reload of the code location. This needs no
credentials, sends no request and creates no file.
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
    """The first date with a walk in an existing SQLite warehouse. Errors are left for the run to report."""
    try:
        settings = LocalSettings.load()
        if settings.warehouse_url.get_backend_name() != "sqlite":
            logging.getLogger(__name__).warning(
                "INODE_START_DATE is not set, so Dagster's calendar begins today, without earlier dates. Set it to "
                "the first date that you have."
            )
            return None
        with open_existing(settings) as warehouse:
            return first_date(warehouse)
    except PipelineError:
        return None


START_DATE = SCHEDULES.start_date or _first_landed() or datetime.now(SCHEDULES.zone).date()

# A date's snapshot is taken on that date, because the API returns only the present, so today needs a partition too.
DAYS = dg.DailyPartitionsDefinition(start_date=START_DATE.isoformat(), timezone=SCHEDULES.zone.key, end_offset=1)
