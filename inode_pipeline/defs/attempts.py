"""Determine from a run's tags who started it and whether it is an automatic retry.

Tags: https://docs.dagster.io/guides/build/assets/metadata-and-tags/tags
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import dagster as dg

from inode_pipeline.sync import Attempt, Trigger

TRIGGER_TAG = "inode/trigger"
"""Tag of the runs requested by our schedules: `schedule` or `sample`."""

DUE_TAG = "inode/due_at"
TOO_LATE_TAG = "inode/too_late_at"
"""Tags of the runs of samples: the time of the tick, and the time after which the sample is skipped."""

BACKFILL_TAG = "dagster/backfill"
PARENT_TAG = "dagster/parent_run_id"
RETRY_NUMBER_TAG = "dagster/retry_number"
ROOT_TAG = "dagster/root_run_id"


def sample_tags(due_at: datetime, interval: timedelta) -> dict[str, str]:
    """The tags of a sample's run, which is too late once the next one is due."""
    return {TRIGGER_TAG: "sample", DUE_TAG: due_at.isoformat(), TOO_LATE_TAG: (due_at + interval).isoformat()}


def attempt_of(context: dg.OpExecutionContext) -> Attempt:
    """The attempt of the current step."""
    run = context.run
    return attempt(run.run_id, run.tags, step_retries=context.retry_number)


def attempt(run_id: str, tags: Mapping[str, str], *, step_retries: int) -> Attempt:
    """The attempt of a run with these tags.

    A person's re-execution inherits its parent's tags except the retry number, which only the daemon's retries have.
    It counts as started by a person: it fetches the present state and cannot have missed a tick.
    """
    is_retried_run = RETRY_NUMBER_TAG in tags
    retry_of = tags.get(ROOT_TAG) if is_retried_run else (run_id if step_retries else None)
    trigger = _trigger(tags, is_retried_run=is_retried_run)
    due_at, too_late_at = (tags.get(name) if trigger == "sample" else None for name in (DUE_TAG, TOO_LATE_TAG))
    return Attempt(
        run_id=run_id,
        trigger=trigger,
        retry_of=retry_of,
        due_at=datetime.fromisoformat(due_at) if due_at else None,
        too_late_at=datetime.fromisoformat(too_late_at) if too_late_at else None,
    )


def _trigger(tags: Mapping[str, str], *, is_retried_run: bool) -> Trigger:
    if PARENT_TAG in tags and not is_retried_run:
        return "person"
    if BACKFILL_TAG in tags:
        return "backfill"
    match tags.get(TRIGGER_TAG):
        case "schedule":
            return "schedule"
        case "sample":
            return "sample"
        case _:
            return "person"
