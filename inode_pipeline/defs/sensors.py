"""What the daemon watches: failed runs, failed checks, missed nights. Each is reported once, and once more when over.

    run_failures     a run of ours failed, and no later one has succeeded for its date or a newer one
    check_failures   the newest result of an asset check is a failure
    missed_night     a tick of INODE_SYNC_SCHEDULE is overdue, and its date has neither a snapshot nor a failed run
    freshness        sends nothing; it runs the checks that fail by the passing of time, when no run is started

Each keeps a journal as its cursor, so a message is neither lost while a server is unavailable nor repeated.
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
"""The checks that fail by the passing of time; `missed_night` reports that, so `check_failures` does not."""

RUNS_A_TICK = 200

LATE_S = 3600
"""A run that ended so long before the last tick was only updated since, for example given a tag: it is not new."""

Watch = Callable[[dg.DagsterInstance, Journal, AlertSettings, datetime], None]
"""Looks for problems and writes them into the journal."""


def _sensor(every_s: int) -> Callable[[Watch], dg.SensorDefinition]:
    """Make a sensor that sends what a function has written into its journal; the docstring is its description."""

    def made(watch: Watch) -> dg.SensorDefinition:
        @dg.sensor(
            name=watch.__name__,
            minimum_interval_seconds=every_s,
            default_status=dg.DefaultSensorStatus.RUNNING,
            description=watch.__doc__,
        )
        def sensor(context: dg.SensorEvaluationContext, inode: InodeResource) -> dg.SensorResult:
            settings, now = inode.alert_settings(), datetime.now(UTC)
            journal = Journal.read(context.cursor)
            watch(context.instance, journal, settings, now)
            problems = journal.deliver(settings, now)  # what cannot be sent waits for the next tick
            open_problems = ", ".join(sorted(journal.reported)) or "none"
            reason = " ".join([f"Open problems: {open_problems}.", *problems])
            return dg.SensorResult(skip_reason=dg.SkipReason(reason), cursor=journal.written())

        return sensor

    return made


@_sensor(every_s=30)
def run_failures(instance: dg.DagsterInstance, journal: Journal, settings: AlertSettings, now: datetime) -> None:
    """Report failed runs: each kind of error once, until a run succeeds for the same date or a later one."""
    since = datetime.fromisoformat(journal.seen) if journal.seen else now
    finished = RunsFilter(statuses=[DagsterRunStatus.FAILURE, DagsterRunStatus.SUCCESS], updated_after=since)
    for record in instance.get_run_records(finished, RUNS_A_TICK, order_by="update_timestamp", ascending=True):
        if record.end_time is None or record.end_time > since.timestamp() - LATE_S:
            _enter(instance, record, journal, settings, now)
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
    journal.present(problems, "The newest result is a pass.", settings, now)


@_sensor(every_s=60)
def missed_night(_instance: dg.DagsterInstance, journal: Journal, settings: AlertSettings, now: datetime) -> None:
    """Report a scheduled snapshot missing INODE_ALERT_GRACE_MIN after its tick, and when one is loaded again."""
    # What was due before the first tick of this sensor is not reported.
    watched_since = datetime.fromisoformat(journal.seen or now.isoformat())
    try:
        with open_existing(settings) as warehouse:
            missed = newest_missed_night(context_of(settings, warehouse, now), watched_since)
    except PipelineError as problem:
        if isinstance(problem, NotMigratedError) and journal.seen is None:
            return  # there were no tables yet: a run that failed to make them has its own message
        title = "It cannot be checked whether last night was missed"
        journal.begins(Problem("warehouse", title, _sentence(problem), _iso(now)), settings, now)
        return
    journal.seen = watched_since.isoformat()
    journal.is_over("warehouse", "The warehouse is available again.", settings, now)
    if missed is None:
        journal.is_over("missed", "A scheduled snapshot is loaded again; a missed date stays a gap.", settings, now)
        return
    text = (
        f"The sync was due at {missed:%Y-%m-%d %H:%M %Z}, nothing is loaded for that date and no run failed. "
        "The API returns only the present: unless a sync runs before the date is over, it stays a gap. "
        "Check whether Dagster's daemon ran and the schedule nightly_sync is on; then launch sync_links for "
        f"today.\n{_state_of_the_tables(settings)}"
    )
    title = f"Missed: no snapshot of {missed.date()}"
    journal.begins(Problem("missed", title, text, _iso(missed), (str(missed.date()),)), settings, now)


@dg.sensor(
    name="freshness",
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Run the checks that time alone can break; shows only what has changed.",
)
def freshness(context: dg.SensorEvaluationContext, inode: InodeResource) -> dg.SensorResult | dg.SkipReason:
    """Show the checks of `ABOUT_TIME` as they are now, whether or not a run has ended; only what has changed."""
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


def _enter(
    instance: dg.DagsterInstance, record: RunRecord, journal: Journal, settings: AlertSettings, now: datetime
) -> None:
    """Enter one finished run: a failure begins a problem, a success for a date ends those of it and of earlier ones."""
    run = record.dagster_run
    origin = run.remote_job_origin
    dates = _dates(run.tags)
    if not dates or (origin is not None and origin.location_name != LOCATION):
        return
    if run.status is DagsterRunStatus.SUCCESS:
        for key in [key for key, problem in journal.reported.items() if max(problem.dates) <= dates[-1]]:
            text = f"The run for {dates[-1]} has succeeded. A date that could not be fetched stays a gap."
            journal.is_over(key, text, settings, now)
    elif run.tags.get("dagster/will_retry") != "true":
        kind, text = _failure(instance, run.run_id)
        title = f"A run for {' to '.join(dict.fromkeys((dates[0], dates[-1])))} failed: {kind}"
        text = f"{text}\n{_state_of_the_tables(settings)}\nRun {run.run_id}"
        journal.begins(Problem(kind, title, text, _iso(now), dates), settings, now)


def _newest_result(instance: dg.DagsterInstance, check: Check) -> dg.AssetCheckEvaluation | None:
    """The newest result of a check; a run that has not ended or was killed has none."""
    for record in instance.event_log_storage.get_asset_check_execution_history(key_of(check), limit=RUNS_A_TICK):
        if record.event and record.event.asset_check_evaluation:
            return record.event.asset_check_evaluation
    return None


def _about(found: dg.AssetCheckEvaluation) -> tuple[str, ...]:
    """What a failed check is about, as `checks.py` has noted it."""
    noted = found.metadata.get(SUBJECTS)
    names = noted.value if noted is not None else None
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _dates(tags: Mapping[str, str]) -> tuple[str, ...]:
    """The first and the last date of a run; none if it loads none, such as a run of checks."""
    names = ("dagster/partition", "dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
    return tuple(sorted({tags[name] for name in names if name in tags}))


def _failure(instance: dg.DagsterInstance, run_id: str) -> tuple[str, str]:
    """The name and the sentence of a failed run's error: its step's, or that its process ended unexpectedly."""
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
    for record in reversed(records):
        event = record.event_log_entry.dagster_event
        failure = event.step_failure_data.user_failure_data if event else None
        if failure is not None and failure.description and "error" in failure.metadata:
            return str(failure.metadata["error"].value), failure.description
        return "UnexpectedError", (
            "An error that this program did not expect; the run's page shows where it was raised.\n"
            f"See {page_of('UnexpectedError')}"
        )
    return "LostRun", (
        "The run's process ended unexpectedly: it was killed, or its machine was restarted. The tables are as they "
        f"were; launch the date again.\nSee {page_of('LostRun')}"
    )


def _state_of_the_tables(settings: AlertSettings) -> str:
    """Whether the tables may be used, and as of when."""
    try:
        with open_existing(settings) as warehouse:
            instant = data_as_of(warehouse)
    except NotMigratedError:
        instant = None
    except PipelineError:
        return "The warehouse is not available, so it is not known as of when its tables are."
    if instant is None:
        return "Nothing was ever loaded, so there is nothing to use yet."
    return f"The tables are safe to use; they are as of {instant:%Y-%m-%d %H:%M} UTC."


def _sentence(problem: PipelineError) -> str:
    return f"[{problem.kind}] {problem.message} {problem.remedy}"


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds")
