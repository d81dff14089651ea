"""The dates that can be asked for: one partition is one day in INODE_TIMEZONE, the day on which a snapshot was taken.

Read when Dagster loads the code, from the four settings of `ScheduleSettings` alone; a changed setting needs a reload
of the code location. Keep out: everything that needs credentials or a warehouse.
"""

import dagster as dg

from inode_pipeline.config import ScheduleSettings

SCHEDULES = ScheduleSettings.load()

# The API returns the present only, so a date's snapshot is taken on that date: today must be a partition as well.
DAYS = dg.DailyPartitionsDefinition(
    start_date=SCHEDULES.start_date.isoformat(), timezone=SCHEDULES.zone.key, end_offset=1
)
