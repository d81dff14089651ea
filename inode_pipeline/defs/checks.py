"""The promises about the tables as asset checks: green if kept, not green if broken or if they could not be examined.

What must stop a load has stopped it already, so these only report: none blocks, and a warehouse that goes away here
fails no run that has loaded its dates. Concept: https://docs.dagster.io/guides/test/asset-checks
Keep out: what is promised and how it is examined; that is `analysis/promises.py`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from inode_pipeline.analysis.promises import PROMISES, Copy, Finding, Promise
from inode_pipeline.defs.links import RAW_LINKS, TABLE
from inode_pipeline.defs.resources import InodeResource
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import PipelineError
from inode_pipeline.warehouse.engine import open_warehouse
from inode_pipeline.warehouse.migrate import require_migrated
from inode_pipeline.warehouse.tables import LINK_FACTS

OUTCOME = "outcome"
"""The entry of a check's metadata that tells a broken promise from one that was not checked."""

ABOUT = {
    "pages": RAW_LINKS,
    "table": TABLE,
    "versions": dg.AssetKey(LINK_FACTS.versions.name),
    "snapshots": dg.AssetKey(LINK_FACTS.snapshots.name),
    "observations": dg.AssetKey(LINK_FACTS.observations.name),
}
"""The asset at which a promise stands."""


def key_of(promise: Promise) -> dg.AssetCheckKey:
    """Where Dagster shows the promise."""
    return dg.AssetCheckKey(ABOUT[promise.about], promise.name)


# A tuple: the loader takes a list of specs for checks of their own.
SPECS = tuple(
    dg.AssetCheckSpec(promise.name, asset=key_of(promise).asset_key, description=promise.words) for promise in PROMISES
)


@dg.multi_asset_check(name="links_promises", specs=SPECS, can_subset=True)
def links_promises(context: dg.AssetCheckExecutionContext, inode: InodeResource) -> Iterator[dg.AssetCheckResult]:
    """Every promise about the links, each against the tables as they are now."""
    promises = [promise for promise in PROMISES if key_of(promise) in context.selected_asset_check_keys]
    try:
        settings = inode.alert_settings()
        with open_warehouse(settings) as warehouse:
            require_migrated(warehouse)
            grace = timedelta(minutes=settings.alert_grace_min)
            copy = Copy(warehouse, settings.endpoint(LINKS), settings, datetime.now(UTC), grace)
            findings = [(promise, _examined(promise, copy)) for promise in promises]
    except PipelineError as problem:
        unknown = Finding("not checked", f"Not checked: [{problem.kind}] {problem.message} {problem.remedy}")
        findings = [(promise, unknown) for promise in promises]
    for promise, finding in findings:
        yield result(promise, finding)


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


def _examined(promise: Promise, copy: Copy) -> Finding:
    try:
        return promise.examine(copy)
    except PipelineError as problem:
        return Finding("not checked", f"Not checked: [{problem.kind}] {problem.message} {problem.remedy}")
    except Exception as problem:  # noqa: BLE001 - the event log must not get the text of an unknown error
        return Finding("not checked", f"Not checked: an unexpected error, {type(problem).__name__}.")
