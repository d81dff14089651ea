"""When the links are read by themselves, by the clock of INODE_TIMEZONE.

    nightly_sync    INODE_SYNC_SCHEDULE; on unless it is switched off in the UI
    sample_links    INODE_SAMPLE_SCHEDULE; off while that is empty, and then it asks for nothing even if switched on

Concept: https://docs.dagster.io/guides/automate/schedules
"""

from datetime import UTC

import dagster as dg

from inode_pipeline.defs.attempts import TRIGGER_TAG, attempt, sample_tags
from inode_pipeline.defs.jobs import sample_links, sync_links
from inode_pipeline.defs.partitions import SCHEDULES, START_DATE
from inode_pipeline.defs.resources import InodeResource
from inode_pipeline.defs.ticks import why_skipped
from inode_pipeline.errors import ConfigError

EVERY_QUARTER = "*/15 * * * *"

WHEN_SAMPLED = (
    f"At {SCHEDULES.sample_schedule}."
    if SCHEDULES.sample_schedule
    else "Off: INODE_SAMPLE_SCHEDULE is empty. Set it, for example to */15 * * * *, and load the code location again."
)


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
    return _asked(context, inode, "nightly_sync", {TRIGGER_TAG: "schedule"})


@dg.schedule(
    name="sample_links",
    cron_schedule=cron("INODE_SAMPLE_SCHEDULE", SCHEDULES.sample_schedule or EVERY_QUARTER),
    execution_timezone=SCHEDULES.zone.key,
    job=sample_links,
    default_status=(
        dg.DefaultScheduleStatus.RUNNING if SCHEDULES.sample_schedule else dg.DefaultScheduleStatus.STOPPED
    ),
    description=f"{WHEN_SAMPLED} Read the links once more, for the day that the tick belongs to.",
)
def samples(context: dg.ScheduleEvaluationContext, inode: InodeResource) -> dg.RunRequest | dg.SkipReason:
    """A tick that is evaluated when the next one is overdue asks for nothing: the daemon was away."""
    if SCHEDULES.sample_interval is None:
        return dg.SkipReason(WHEN_SAMPLED)
    due_at = context.scheduled_execution_time.astimezone(UTC)
    return _asked(context, inode, "sample_links", sample_tags(due_at, SCHEDULES.sample_interval))


def _asked(
    context: dg.ScheduleEvaluationContext, inode: InodeResource, schedule: str, tags: dict[str, str]
) -> dg.RunRequest | dg.SkipReason:
    day = context.scheduled_execution_time.astimezone(SCHEDULES.zone).date()
    if day < START_DATE:
        return dg.SkipReason(f"{day} is before {START_DATE}, with which Dagster's calendar begins (INODE_START_DATE).")
    tick = attempt(f"{schedule} {context.scheduled_execution_time.isoformat()}", tags, step_retries=0)
    reason = why_skipped(inode, tick, day)
    if reason is not None:
        return dg.SkipReason(reason)
    return dg.RunRequest(partition_key=day.isoformat(), tags=tags)
