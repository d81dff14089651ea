"""The schedules, in the time zone INODE_TIMEZONE.

    nightly_sync    INODE_SYNC_SCHEDULE; on unless switched off in the UI
    sample_links    INODE_SAMPLE_SCHEDULE; off while that is empty, and then requests nothing even if switched on

A tick is skipped if the server has rejected the same credentials before, so that the pipeline never locks its own
account. A sample's tick is also skipped if the next one is already due.
Concept: https://docs.dagster.io/guides/automate/schedules
"""

from datetime import UTC, date, datetime

import dagster as dg

from inode_pipeline.config import Settings
from inode_pipeline.defs.attempts import TRIGGER_TAG, attempt, sample_tags
from inode_pipeline.defs.links import sync_links
from inode_pipeline.defs.partitions import SCHEDULES, START_DATE
from inode_pipeline.defs.resources import InodeResource
from inode_pipeline.defs.sampling import sample_links
from inode_pipeline.errors import ConfigError, LateSampleError, RejectedBeforeError
from inode_pipeline.sync import Attempt
from inode_pipeline.warehouse import runs
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse

EVERY_QUARTER = "*/15 * * * *"

WHEN_SAMPLED = (
    f"At {SCHEDULES.sample_schedule}."
    if SCHEDULES.sample_schedule
    else "Off: INODE_SAMPLE_SCHEDULE is empty. Set it, for example to */15 * * * *, and load the code location again."
)


def cron(variable: str, expression: str) -> str:
    """Return the expression if Dagster accepts it, which allows fewer forms than the settings do.

    Raises:
        ConfigError: Dagster does not accept it.

    """
    try:
        dg.ScheduleDefinition(name="probe", job_name="probe", cron_schedule=expression)
    except dg.DagsterInvalidDefinitionError:
        raise ConfigError(
            f"{variable}={expression!r}: Dagster does not understand this cron expression.",
            remedy="Use five plain fields, such as 30 4 * * *.",
        ) from None
    return expression


@dg.schedule(
    name="nightly_sync",
    cron_schedule=cron("INODE_SYNC_SCHEDULE", SCHEDULES.sync_schedule),
    execution_timezone=SCHEDULES.zone.key,
    job=sync_links,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Fetch the links on the day of the tick.",
)
def nightly_sync(context: dg.ScheduleEvaluationContext, inode: InodeResource) -> dg.RunRequest | dg.SkipReason:
    """Request the date of the tick, however late it is; the run stops if that date is over."""
    return _request(context, inode, "nightly_sync", {TRIGGER_TAG: "schedule"})


@dg.schedule(
    name="sample_links",
    cron_schedule=cron("INODE_SAMPLE_SCHEDULE", SCHEDULES.sample_schedule or EVERY_QUARTER),
    execution_timezone=SCHEDULES.zone.key,
    job=sample_links,
    default_status=(
        dg.DefaultScheduleStatus.RUNNING if SCHEDULES.sample_schedule else dg.DefaultScheduleStatus.STOPPED
    ),
    description=f"{WHEN_SAMPLED} Read the links again, on the day of the tick.",
)
def samples(context: dg.ScheduleEvaluationContext, inode: InodeResource) -> dg.RunRequest | dg.SkipReason:
    """Request the date of the tick, unless the next tick is already due because the daemon was down."""
    if SCHEDULES.sample_interval is None:
        return dg.SkipReason(WHEN_SAMPLED)
    due_at = context.scheduled_execution_time.astimezone(UTC)
    return _request(context, inode, "sample_links", sample_tags(due_at, SCHEDULES.sample_interval))


def _request(
    context: dg.ScheduleEvaluationContext, inode: InodeResource, schedule: str, tags: dict[str, str]
) -> dg.RunRequest | dg.SkipReason:
    day = context.scheduled_execution_time.astimezone(SCHEDULES.zone).date()
    if day < START_DATE:
        return dg.SkipReason(f"{day} is before {START_DATE}, with which Dagster's calendar begins (INODE_START_DATE).")
    tick = attempt(f"{schedule} {context.scheduled_execution_time.isoformat()}", tags, step_retries=0)
    reason = _reason_to_skip(inode, tick, day)
    if reason is not None:
        return dg.SkipReason(reason)
    return dg.RunRequest(partition_key=day.isoformat(), tags=tags)


def _reason_to_skip(inode: InodeResource, tick: Attempt, day: date) -> str | None:
    """Why to skip this tick, in a sentence with its remedy; None if it should run.

    Sends nothing; a skipped tick gets a row in `runs`. If the settings are wrong or the warehouse is unavailable, the
    tick is not skipped, so that the run reports the error.
    """
    try:
        settings = inode.settings()
        with open_warehouse(settings) as warehouse:
            return _skipped(warehouse, settings, tick, day)
    except Exception:  # noqa: BLE001 - Dagster would store the error's text, which could contain a secret
        return None


def _skipped(warehouse: Warehouse, settings: Settings, tick: Attempt, day: date) -> str | None:
    try:
        tick.require_in_time(datetime.now(UTC))
        runs.require_untried(warehouse, settings)
    except (LateSampleError, RejectedBeforeError) as problem:
        runs.finish_run(warehouse, runs.begin_run(warehouse, tick.run_id, tick.trigger, day), "skipped", problem)
        return str(problem)
    return None
