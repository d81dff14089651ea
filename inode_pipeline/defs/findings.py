"""The promises about the tables as Dagster shows them: where each stands, and what was found of it.

Keep out: what is promised and how it is examined; that is `analysis/promises.py`. The checks themselves are in
`checks.py`.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from inode_pipeline.analysis.promises import PROMISES, Copy, Finding, Promise
from inode_pipeline.defs.resources import InodeResource
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import PipelineError
from inode_pipeline.warehouse.engine import open_warehouse
from inode_pipeline.warehouse.migrate import require_migrated
from inode_pipeline.warehouse.tables import LINK_FACTS

OUTCOME = "outcome"
"""The entry of a check's metadata that tells a broken promise from one that was not checked."""

ABOUT = {
    "pages": dg.AssetKey("raw_links"),
    "table": dg.AssetKey(LINKS.name),
    "versions": dg.AssetKey(LINK_FACTS.versions.name),
    "snapshots": dg.AssetKey(LINK_FACTS.snapshots.name),
    "observations": dg.AssetKey(LINK_FACTS.observations.name),
}
"""The asset at which a promise stands."""


def key_of(promise: Promise) -> dg.AssetCheckKey:
    """Where Dagster shows the promise."""
    return dg.AssetCheckKey(ABOUT[promise.about], promise.name)


def examined(inode: InodeResource, promises: Sequence[Promise] = PROMISES) -> Iterator[tuple[Promise, Finding]]:
    """Each promise with its finding, against the tables as they are now; never an error."""
    try:
        settings = inode.alert_settings()
        with open_warehouse(settings) as warehouse:
            require_migrated(warehouse)
            grace = timedelta(minutes=settings.alert_grace_min)
            copy = Copy(warehouse, settings.endpoint(LINKS), settings, datetime.now(UTC), grace)
            findings = [(promise, _examined(promise, copy)) for promise in promises]
    except PipelineError as problem:
        findings = [(promise, _not_checked(problem)) for promise in promises]
    yield from findings


def result(promise: Promise, finding: Finding) -> dg.AssetCheckResult:
    """A finding as Dagster shows it; what was not checked is a warning."""
    is_grave = finding.outcome == "broken" and promise.severity == "error"
    return dg.AssetCheckResult(
        check_name=promise.name,
        asset_key=key_of(promise).asset_key,
        passed=finding.outcome == "kept",
        severity=dg.AssetCheckSeverity.ERROR if is_grave else dg.AssetCheckSeverity.WARN,
        description=finding.text,
        metadata={OUTCOME: finding.outcome, **finding.figures},
    )


def evaluation(promise: Promise, finding: Finding) -> dg.AssetCheckEvaluation:
    """The same for where no check is at work: a sensor, or a run that fails before its checks."""
    found = result(promise, finding)
    return dg.AssetCheckEvaluation(
        asset_key=key_of(promise).asset_key,
        check_name=promise.name,
        passed=found.passed,
        severity=found.severity,
        description=found.description,
        metadata=found.metadata,
    )


def _examined(promise: Promise, copy: Copy) -> Finding:
    try:
        return promise.found(copy)
    except PipelineError as problem:
        return _not_checked(problem)
    except Exception as problem:  # noqa: BLE001 - the event log must not get the text of an unknown error
        return Finding("not checked", f"Not checked: an unexpected error, {type(problem).__name__}.")


def _not_checked(problem: PipelineError) -> Finding:
    return Finding("not checked", f"Not checked: [{problem.kind}] {problem.message} {problem.remedy}")
