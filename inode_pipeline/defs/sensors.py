"""The sensors that report failed runs, failed checks and missed nights, once when they begin and once when over.

    run_failures     a run failed, and no later one has succeeded for its date or a newer one
    check_failures   the newest result of an asset check is a failure
    missed_night     a tick of INODE_SYNC_SCHEDULE is overdue, and its date has neither a snapshot nor a failed run
    freshness        sends nothing; runs the checks that can fail as time passes, even if no run starts

Each stores a journal as its cursor, so that messages are neither lost while a server is unavailable nor repeated.
Concept: https://docs.dagster.io/guides/automate/sensors
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import dagster as dg
from dagster import DagsterRunStatus, RunRecord, RunsFilter

from inode_pipeline.alerts import Journal, Problem
from inode_pipeline.analysis.check import Check, newest_missed_night
from inode_pipeline.analysis.checks import CHECKS
from inode_pipeline.analysis.status import data_as_of, open_existing
from inode_pipeline.config import AlertSettings
from inode_pipeline.defs.checks import OUTCOME, SUBJECTS, context_of, evaluation, key_of
from inode_pipeline.defs.failures import page_of
from inode_pipeline.defs.resources import InodeResource
from inode_pipeline.errors import NotMigratedError, PipelineError

LOCATION = "inode_pipeline"
ABOUT_TIME = ("data_is_fresh", "no_night_is_missed")
"""The checks that can fail as time passes. `missed_night` reports this, so `check_failures` does not."""

RUNS_A_TICK = 200

LATE_S = 3600
"""A run that ended this long before the last tick is not new; it was only updated, for example tagged."""

Watch = Callable[[dg.DagsterInstance, Journal, AlertSettings, datetime], None]
"""Looks for problems and records them in the journal."""


def _sensor(every_s: int) -> Callable[[Watch], dg.SensorDefinition]:
    """Turn a `Watch` into a sensor that sends its messages and is described by its docstring."""

    def made(watch: Watch) -> dg.SensorDefinition:
        """The sensor of one `Watch`."""

        @dg.sensor(
            name=watch.__name__,
            minimum_interval_seconds=every_s,
            default_status=dg.DefaultSensorStatus.RUNNING,
            description=watch.__doc__,
        )
        def sensor(context: dg.SensorEvaluationContext, inode: InodeResource) -> dg.SensorResult:
            settings, now = inode.alert_settings(), datetime.now(UTC)
            journal = Journal.from_json(context.cursor)
            watch(context.instance, journal, settings, now)
            problems = journal.deliver(settings, now)  # failed messages wait for the next tick
            open_problems = ", ".join(sorted(journal.reported)) or "none"
            reason = " ".join([f"Open problems: {open_problems}.", *problems])
            return dg.SensorResult(skip_reason=dg.SkipReason(reason), cursor=journal.to_json())

        return sensor

    return made


@_sensor(every_s=30)
def run_failures(instance: dg.DagsterInstance, journal: Journal, settings: AlertSettings, now: datetime) -> None:
    """Report failed runs: each kind of error once, until a run succeeds for the same date or a later one."""
    since = datetime.fromisoformat(journal.seen) if journal.seen else now
    finished = RunsFilter(statuses=[DagsterRunStatus.FAILURE, DagsterRunStatus.SUCCESS], updated_after=since)
    for record in instance.get_run_records(finished, RUNS_A_TICK, order_by="update_timestamp", ascending=True):
        if record.end_time is None or record.end_time > since.timestamp() - LATE_S:
            _record(instance, record, journal, settings, now)
        since = max(since, record.update_timestamp.replace(tzinfo=UTC))
    journal.seen = since.isoformat()


@_sensor(every_s=30)
def check_failures(instance: dg.DagsterInstance, journal: Journal, settings: AlertSettings, now: datetime) -> None:
    """Report each check whose newest result is a failure, and when it passes again."""
    problems = {}
    for check in CHECKS:
        found = _newest_result(instance, check)
        if not found or check.name in ABOUT_TIME or found.passed or found.metadata[OUTCOME].value != "failed":
            continue
        title = f"A check of the tables failed: {check.name}"
        text = f"{found.description}\nWhat is checked: {check.description}"
        problems[check.name] = Problem(check.name, title, text, now.isoformat(), about=_about(found))
    journal.update(problems, "The newest result is a pass.", settings, now)


@_sensor(every_s=60)
def missed_night(_instance: dg.DagsterInstance, journal: Journal, settings: AlertSettings, now: datetime) -> None:
    """Report a scheduled snapshot missing INODE_ALERT_GRACE_MIN after its tick, and when one is loaded again."""
    # Ticks before the sensor's own first tick are not reported.
    watched_since = datetime.fromisoformat(journal.seen or now.isoformat())
    try:
        with open_existing(settings) as warehouse:
            missed = newest_missed_night(context_of(settings, warehouse, now), watched_since)
    except PipelineError as problem:
        if isinstance(problem, NotMigratedError) and journal.seen is None:
            return  # no tables yet; a run that fails to create them is reported by run_failures
        title = "It cannot be checked whether last night was missed"
        journal.report(Problem("warehouse", title, _sentence(problem), _iso(now)), settings, now)
        return
    journal.seen = watched_since.isoformat()
    journal.resolve("warehouse", "The warehouse is available again.", settings, now)
    if missed is None:
        journal.resolve("missed", "A scheduled snapshot is loaded again; a missed date stays a gap.", settings, now)
        return
    text = (
        f"The sync was due at {missed:%Y-%m-%d %H:%M %Z}, nothing is loaded for that date and no run failed. "
        "The API returns only the present: unless a sync runs before the date is over, it stays a gap. "
        "Check whether Dagster's daemon ran and the schedule nightly_sync is on; then launch sync_links for "
        f"today.\n{_state_of_the_tables(settings)}"
    )
    title = f"Missed: no snapshot of {missed.date()}"
    journal.report(Problem("missed", title, text, _iso(missed), (str(missed.date()),)), settings, now)


@dg.sensor(
    name="freshness",
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Run the checks that can fail as time passes, and show results that have changed.",
)
def freshness(context: dg.SensorEvaluationContext, inode: InodeResource) -> dg.SensorResult | dg.SkipReason:
    """Run the checks of `ABOUT_TIME` and show those results that have changed."""
    settings, now = inode.alert_settings(), datetime.now(UTC)
    shown: dict[str, str] = json.loads(context.cursor or "{}")
    changed = []
    try:
        with open_existing(settings) as warehouse:
            for check in CHECKS:
                if check.name not in ABOUT_TIME:
                    continue
                result = check.examine(context_of(settings, warehouse, now))
                newest = f"{result.outcome} {result.figures.get('missed', '')}"
                if result.outcome != "not checked" and shown.get(check.name) != newest:
                    shown[check.name] = newest
                    changed.append(evaluation(check, result))
    except PipelineError as problem:
        return dg.SkipReason(_sentence(problem))
    return dg.SensorResult(asset_events=changed, cursor=json.dumps(shown))


def _record(
    instance: dg.DagsterInstance, record: RunRecord, journal: Journal, settings: AlertSettings, now: datetime
) -> None:
    """Record a finished run: a failure reports a problem, a success resolves those of its date and earlier ones."""
    run = record.dagster_run
    origin = run.remote_job_origin
    dates = _dates(run.tags)
    if not dates or (origin is not None and origin.location_name != LOCATION):
        return
    if run.status is DagsterRunStatus.SUCCESS:
        for key in [key for key, problem in journal.reported.items() if max(problem.dates) <= dates[-1]]:
            text = f"The run for {dates[-1]} has succeeded. A date that could not be fetched stays a gap."
            journal.resolve(key, text, settings, now)
    elif run.tags.get("dagster/will_retry") != "true":
        kind, text = _failure(instance, run.run_id)
        title = f"A run for {' to '.join(dict.fromkeys((dates[0], dates[-1])))} failed: {kind}"
        text = f"{text}\n{_state_of_the_tables(settings)}\nRun {run.run_id}"
        journal.report(Problem(kind, title, text, _iso(now), dates), settings, now)


def _newest_result(instance: dg.DagsterInstance, check: Check) -> dg.AssetCheckEvaluation | None:
    """The newest result of a check; unfinished and killed runs have none."""
    for record in instance.event_log_storage.get_asset_check_execution_history(key_of(check), limit=RUNS_A_TICK):
        if record.event and record.event.asset_check_evaluation:
            return record.event.asset_check_evaluation
    return None


def _about(found: dg.AssetCheckEvaluation) -> tuple[str, ...]:
    """What a failed check is about, from the metadata that `checks.py` has written."""
    noted = found.metadata.get(SUBJECTS)
    names = noted.value if noted is not None else None
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _dates(tags: Mapping[str, str]) -> tuple[str, ...]:
    """The first and last date of a run; empty if it loads no date, such as a run of checks."""
    names = ("dagster/partition", "dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
    return tuple(sorted({tags[name] for name in names if name in tags}))


def _failure(instance: dg.DagsterInstance, run_id: str) -> tuple[str, str]:
    """The name and message of a failed run's error: that of its step, or that its process ended unexpectedly."""
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
    for record in reversed(records):
        event = record.event_log_entry.dagster_event
        failure = event.step_failure_data.user_failure_data if event else None
        if failure is not None and failure.description and "error" in failure.metadata:
            return str(failure.metadata["error"].value), failure.description
        return "UnexpectedError", (
            f"An unexpected error; the run's page shows where it was raised.\nSee {page_of('UnexpectedError')}"
        )
    return "LostRun", (
        "The run's process ended unexpectedly: it was killed, or its machine was restarted. The tables are as they "
        f"were; launch the date again.\nSee {page_of('LostRun')}"
    )


def _state_of_the_tables(settings: AlertSettings) -> str:
    """Whether the tables are safe to use, and as of when."""
    try:
        with open_existing(settings) as warehouse:
            instant = data_as_of(warehouse)
    except NotMigratedError:
        instant = None
    except PipelineError:
        return "The warehouse is not available, so the date of its tables is not known."
    if instant is None:
        return "Nothing was ever loaded, so there is nothing to use yet."
    return f"The tables are safe to use; they are as of {instant:%Y-%m-%d %H:%M} UTC."


def _sentence(problem: PipelineError) -> str:
    return f"[{problem.kind}] {problem.message} {problem.remedy}"


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds")
