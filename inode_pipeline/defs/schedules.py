"""When to sync by itself: INODE_SYNC_SCHEDULE in INODE_TIMEZONE. On unless it is switched off in the UI.

Concept: https://docs.dagster.io/guides/automate/schedules
"""

import dagster as dg

from inode_pipeline.defs.attempts import TRIGGER_TAG
from inode_pipeline.defs.jobs import sync_links
from inode_pipeline.defs.partitions import SCHEDULES
from inode_pipeline.defs.resources import InodeResource
from inode_pipeline.defs.ticks import why_skipped
from inode_pipeline.errors import ConfigError


def cron(variable: str, expression: str) -> str:
    """The expression, if Dagster can follow it; it knows fewer forms than the settings' own check.

    Raises:
        ConfigError: naming the variable.

    """
    try:
        dg.ScheduleDefinition(name="probe", job_name="probe", cron_schedule=expression)
    except dg.DagsterInvalidDefinitionError:
        raise ConfigError(
            f"{variable}={expression!r}: Dagster cannot follow this cron expression.",
            remedy="Use five plain fields, such as 30 4 * * *.",
        ) from None
    return expression


@dg.schedule(
    name="nightly_sync",
    cron_schedule=cron("INODE_SYNC_SCHEDULE", SCHEDULES.sync_schedule),
    execution_timezone=SCHEDULES.zone.key,
    job=sync_links,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Fetch the links of the day that the tick belongs to.",
)
def nightly_sync(context: dg.ScheduleEvaluationContext, inode: InodeResource) -> dg.RunRequest | dg.SkipReason:
    """The date is the tick's own, however late it is evaluated; a run that comes too late says so itself."""
    day = context.scheduled_execution_time.astimezone(SCHEDULES.zone).date()
    if day < SCHEDULES.start_date:
        return dg.SkipReason(f"{day} lies before INODE_START_DATE, which is {SCHEDULES.start_date}.")
    tick = f"nightly_sync {context.scheduled_execution_time.isoformat()}"
    reason = why_skipped(inode, tick=tick, day=day, trigger="schedule")
    if reason is not None:
        return dg.SkipReason(reason)
    return dg.RunRequest(partition_key=day.isoformat(), tags={TRIGGER_TAG: "schedule"})
