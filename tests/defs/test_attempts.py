"""Who started a run is read from its tags."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from inode_pipeline.defs.attempts import attempt, sample_tags
from inode_pipeline.sync import Attempt

PERSON = {"dagster/partition": "2026-11-23"}
TICK = {**PERSON, "inode/trigger": "schedule", "dagster/schedule_name": "nightly_sync"}
BACKFILL = {**PERSON, "dagster/backfill": "abcdef"}
PERSONS_AGAIN = {"dagster/parent_run_id": "parent", "dagster/root_run_id": "root"}
DAEMONS_AGAIN = {**PERSONS_AGAIN, "dagster/retry_number": "1"}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        pytest.param(PERSON, Attempt("run", "person"), id="a person's run"),
        pytest.param(TICK, Attempt("run", "schedule"), id="a tick's run"),
        pytest.param({"inode/trigger": "sample"}, Attempt("run", "sample"), id="a sampling tick's run"),
        pytest.param(BACKFILL, Attempt("run", "backfill"), id="a backfill's run"),
        pytest.param(TICK | DAEMONS_AGAIN, Attempt("run", "schedule", "root"), id="the daemon's retry of a tick's run"),
        pytest.param(PERSON | DAEMONS_AGAIN, Attempt("run", "person", "root"), id="the daemon's retry of a person's"),
        pytest.param(TICK | PERSONS_AGAIN, Attempt("run", "person"), id="a person's re-execution of a tick's run"),
        pytest.param(BACKFILL | PERSONS_AGAIN, Attempt("run", "person"), id="a person's re-execution of a backfill's"),
    ],
)
def test_tags_tell_who_asks(tags: dict[str, str], expected: Attempt) -> None:
    """Only the daemon's retry continues another run; a person's re-execution is the person's own run."""
    assert attempt("run", tags, step_retries=0) == expected


def test_a_sample_knows_when_it_was_due_and_when_it_is_too_late() -> None:
    """Both are read from the tags, so a retry of the run knows them too; a person's re-execution is never late."""
    due_at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    tags = sample_tags(due_at, timedelta(minutes=15))
    too_late_at = datetime(2026, 11, 23, 12, 15, tzinfo=UTC)
    assert attempt("run", tags, step_retries=0) == Attempt("run", "sample", None, due_at, too_late_at)
    assert attempt("run", tags | DAEMONS_AGAIN, step_retries=0) == Attempt("run", "sample", "root", due_at, too_late_at)
    assert attempt("run", tags | PERSONS_AGAIN, step_retries=0) == Attempt("run", "person")


def test_a_retried_step_continues_its_own_run() -> None:
    """What the first attempt of a step has landed, the second one loads."""
    assert attempt("run", TICK, step_retries=1) == Attempt("run", "schedule", "run")


def test_a_retried_step_of_a_retried_run_continues_the_first_run() -> None:
    """The walk that both attempts want was landed by the root run."""
    assert attempt("run", TICK | DAEMONS_AGAIN, step_retries=1) == Attempt("run", "schedule", "root")
