"""Runs on several machines: the app of Celery's workers, and the launcher that sends runs to them through Redis.

dagster_celery's own launcher takes what Redis has on record for the truth. A worker that was lost stays on record as
at work, so its run would hold the queue for hours; and when Redis has lost its records, a run at work would be ended.
The launcher here asks the workers instead.
"""

from __future__ import annotations

import os
import time
from typing import Any

from dagster import DagsterRun
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.make_app import make_app
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from dagster_celery.tasks import create_execute_job_task

REDIS = os.environ["DAGSTER_REDIS_URL"]

ANSWER_S = 3.0
LOST_AFTER_S = 50.0
"""Seconds without a worker that has the run. Longer than a worker needs to connect again after a restart of Redis."""

app = make_app(
    {
        "broker": REDIS,
        "backend": REDIS,
        "include": ["inode_pipeline.definitions"],  # loaded once by the worker, and not for some seconds by each run
        "config_source": {
            "broker_connection_retry_on_startup": True,
            "worker_max_tasks_per_child": 1,  # each run is a process of its own, forked from the worker
            "worker_disable_prefetch": True,  # a run must not wait behind another one while a worker is free
        },
    }
)
create_execute_job_task(app)


class InodeRunLauncher(CeleryRunLauncher):
    """Celery's launcher, which asks the workers whether a run is still at work."""

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self._missing_since: dict[str, float] = {}

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """What Redis has on record of an ended run; of any other, whether a worker has it."""
        health = super().check_run_worker_health(run)
        if health.status in {WorkerStatus.SUCCESS, WorkerStatus.FAILED}:
            return health
        if self._is_held(run.tags[DAGSTER_CELERY_TASK_ID_TAG]):
            self._missing_since.pop(run.run_id, None)
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        missing_s = time.monotonic() - self._missing_since.setdefault(run.run_id, time.monotonic())
        if missing_s < LOST_AFTER_S:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, f"No worker has had this run for {missing_s:.0f} s.")

    def _is_held(self, task_id: str) -> bool:
        with self.celery.connection_for_write() as connection:  # a new one: those of before a restart are broken
            found = self.celery.control.inspect(timeout=ANSWER_S, connection=connection).query_task(task_id)
        return any(tasks for tasks in (found or {}).values())
