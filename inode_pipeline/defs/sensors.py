"""What the daemon watches: failed runs, broken promises, missed nights. Each is told once, and once more when over.

    run_failures     a run of ours failed, and no later one has succeeded for its date or a newer one
    check_failures   the newest finding of an asset check is red
    missed_night     a tick of INODE_SYNC_SCHEDULE had its time, and its date has no snapshot and no failed run either
    freshness        tells nobody; it examines the promises about time, which no run can break by not being started

Each keeps a journal as its cursor, so a message is neither lost with a server that is away nor repeated.
Concept: https://docs.dagster.io/guides/automate/sensors
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster import DagsterRunStatus, RunRecord, RunsFilter

from inode_pipeline.alerts import Journal, Problem
from inode_pipeline.analysis.missed import missed_night_of
from inode_pipeline.analysis.promises import PROMISES, Copy, Promise
from inode_pipeline.analysis.status import data_as_of
from inode_pipeline.config import AlertSettings
from inode_pipeline.defs.failures import page_of
from inode_pipeline.defs.findings import OUTCOME, evaluation, key_of
from inode_pipeline.defs.resources import InodeResource
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import PipelineError
from inode_pipeline.warehouse.engine import open_warehouse

LOCATION = "inode_pipeline"
ABOUT_TIME = ("data_is_fresh", "no_night_is_missed")
"""What the passing of time breaks; `missed_night` tells of it, so `check_failures` does not tell it again."""

RUNS_A_TICK = 200

LATE_S = 3600
"""A run that had ended so long before the last look was only touched since, for example given a tag: no news."""

Look = Callable[[Journal, AlertSettings, datetime], None]


@dg.sensor(name="run_failures", minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def run_failures(context: dg.SensorEvaluationContext, inode: InodeResource) -> dg.SensorResult:
    """Tell of failed runs: once for each kind of error, until a run succeeds for the same date or a later one."""

    def look(journal: Journal, settings: AlertSettings, now: datetime) -> None:
        since = datetime.fromisoformat(journal.seen) if journal.seen else now
        finished = RunsFilter(statuses=[DagsterRunStatus.FAILURE, DagsterRunStatus.SUCCESS], updated_after=since)
        records = context.instance.get_run_records(
            finished, limit=RUNS_A_TICK, order_by="update_timestamp", ascending=True
        )
        for record in records:
            if record.end_time is None or record.end_time > since.timestamp() - LATE_S:
                _enter(context.instance, record, journal, settings, now)
            since = max(since, record.update_timestamp.replace(tzinfo=UTC))
        journal.seen = since.isoformat()

    return _told(context, inode, look)


@dg.sensor(name="check_failures", minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def check_failures(context: dg.SensorEvaluationContext, inode: InodeResource) -> dg.SensorResult:
    """Tell of each check whose newest finding is that its promise is broken, and of its being kept again."""

    def look(journal: Journal, settings: AlertSettings, now: datetime) -> None:
        problems = {}
        for promise in PROMISES:
            found = _newest_finding(context.instance, promise)
            if not found or promise.name in ABOUT_TIME or found.passed or found.metadata[OUTCOME].value != "broken":
                continue
            title = f"A promise about the tables is broken: {promise.name}"
            text = f"{found.description}\nPromised: {promise.words}"
            problems[promise.name] = Problem(promise.name, title, text, now.isoformat())
        journal.present(problems, "The newest finding is that the promise is kept.", settings, now)

    return _told(context, inode, look)


@dg.sensor(name="missed_night", minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def missed_night(context: dg.SensorEvaluationContext, inode: InodeResource) -> dg.SensorResult:
    """Tell that a scheduled snapshot is not there although INODE_ALERT_GRACE_MIN is over, and when one is again."""

    def look(journal: Journal, settings: AlertSettings, now: datetime) -> None:
        journal.seen = journal.seen or now.isoformat()  # what was due before anybody watched is nobody's news
        watched_since = datetime.fromisoformat(journal.seen)
        try:
            with open_warehouse(settings) as warehouse:
                copy = Copy(warehouse, LINKS, settings, now, timedelta(minutes=settings.alert_grace_min))
                missed = missed_night_of(copy, watched_since)
        except PipelineError as problem:
            unknown = Problem(
                "warehouse", "Nobody can tell whether last night is missed", _sentence(problem), _iso(now)
            )
            journal.begins(unknown, settings, now)
            return
        journal.is_over("warehouse", "The warehouse answers again.", settings, now)
        if missed is None:
            journal.is_over("missed", "A scheduled snapshot is loaded again; a missed date stays a gap.", settings, now)
        else:
            title = f"Missed: no snapshot of {missed.date()}"
            text = (
                f"The sync was due at {missed:%Y-%m-%d %H:%M %Z}, nothing is loaded for that date and no run failed. "
                "The API returns only the present: unless a sync runs before the date is over, it stays a gap. "
                "Look whether Dagster's daemon ran and the schedule nightly_sync is on; then launch sync_links for "
                f"today.\n{_state_of_the_tables(settings)}"
            )
            journal.begins(Problem("missed", title, text, _iso(missed), (str(missed.date()),)), settings, now)

    return _told(context, inode, look)


@dg.sensor(name="freshness", minimum_interval_seconds=300, default_status=dg.DefaultSensorStatus.RUNNING)
def freshness(context: dg.SensorEvaluationContext, inode: InodeResource) -> dg.SensorResult | dg.SkipReason:
    """Show the promises about time as they are now, whether or not a run has ended; only what has changed."""
    settings, now = inode.alert_settings(), datetime.now(UTC)
    shown: dict[str, str] = json.loads(context.cursor or "{}")
    changed = []
    try:
        with open_warehouse(settings) as warehouse:
            copy = Copy(warehouse, settings.endpoint(LINKS), settings, now, timedelta(minutes=settings.alert_grace_min))
            for promise in PROMISES:
                if promise.name not in ABOUT_TIME:
                    continue
                finding = promise.examine(copy)
                told = f"{finding.outcome} {finding.figures.get('missed', '')}"
                if finding.outcome != "not checked" and shown.get(promise.name) != told:
                    shown[promise.name] = told
                    changed.append(evaluation(promise, finding))
    except PipelineError as problem:
        return dg.SkipReason(_sentence(problem))
    return dg.SensorResult(asset_events=changed, cursor=json.dumps(shown))


def _told(context: dg.SensorEvaluationContext, inode: InodeResource, look: Look) -> dg.SensorResult:
    """Let a noticer write into its journal, deliver what is to be told, and keep the rest for the next tick."""
    settings, now = inode.alert_settings(), datetime.now(UTC)
    journal = Journal.read(context.cursor)
    look(journal, settings, now)
    problems = journal.deliver(settings, now)
    open_problems = ", ".join(sorted(journal.told)) or "none"
    reason = " ".join([f"Open problems: {open_problems}.", *problems])
    return dg.SensorResult(skip_reason=dg.SkipReason(reason), cursor=journal.written())


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
        for key in [key for key, problem in journal.told.items() if max(problem.dates) <= dates[-1]]:
            text = f"The run for {dates[-1]} has succeeded. A date that could not be had stays a gap."
            journal.is_over(key, text, settings, now)
    elif run.tags.get("dagster/will_retry") != "true":
        kind, text = _failure(instance, run.run_id)
        title = f"A run for {' to '.join(dict.fromkeys((dates[0], dates[-1])))} failed: {kind}"
        text = f"{text}\n{_state_of_the_tables(settings)}\nRun {run.run_id}"
        journal.begins(Problem(kind, title, text, _iso(now), dates), settings, now)


def _newest_finding(instance: dg.DagsterInstance, promise: Promise) -> dg.AssetCheckEvaluation | None:
    """What was found of a promise last; a run that is at work or was killed has not found anything."""
    for record in instance.event_log_storage.get_asset_check_execution_history(key_of(promise), limit=RUNS_A_TICK):
        if record.event and record.event.asset_check_evaluation:
            return record.event.asset_check_evaluation
    return None


def _dates(tags: Mapping[str, str]) -> tuple[str, ...]:
    """The first and the last date of a run; none if it loads none, as one that only examines promises."""
    names = ("dagster/partition", "dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
    return tuple(sorted({tags[name] for name in names if name in tags}))


def _failure(instance: dg.DagsterInstance, run_id: str) -> tuple[str, str]:
    """The kind and the sentence of a failed run: its step's own, or that its process ended without a word."""
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
    for record in reversed(records):
        event = record.event_log_entry.dagster_event
        told = event.step_failure_data.user_failure_data if event else None
        if told is not None and told.description and "error" in told.metadata:
            return str(told.metadata["error"].value), told.description
        return "UnexpectedError", (
            "An error that this program did not expect; the run's page has where it rose.\n"
            f"See {page_of('UnexpectedError')}"
        )
    return "LostRun", (
        "The run's process ended without a word: it was killed, or its machine was restarted. The tables are as they "
        f"were; launch the date again.\nSee {page_of('LostRun')}"
    )


def _state_of_the_tables(settings: AlertSettings) -> str:
    """Whether the tables may be used, and as of when."""
    try:
        with open_warehouse(settings) as warehouse:
            instant = data_as_of(warehouse)
    except PipelineError:
        return "The warehouse cannot be asked as of when its tables are."
    if instant is None:
        return "Nothing was ever loaded, so there is nothing to use yet."
    return f"The tables are safe to use; they are as of {instant:%Y-%m-%d %H:%M} UTC."


def _sentence(problem: PipelineError) -> str:
    return f"[{problem.kind}] {problem.message} {problem.remedy}"


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds")
