"""The nine checks of `analysis/checks.py` as Dagster asset checks.

They only report, because whatever must stop a load does so inside its transaction. No check blocks, and a warehouse
that becomes unavailable here does not fail a run that has loaded its dates.
Concept: https://docs.dagster.io/guides/test/asset-checks
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from inode_pipeline.analysis.check import Check, CheckContext, Result
from inode_pipeline.analysis.checks import CHECKS
from inode_pipeline.analysis.status import open_existing
from inode_pipeline.config import AlertSettings
from inode_pipeline.defs.resources import InodeResource
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import PipelineError
from inode_pipeline.warehouse.engine import Warehouse

OUTCOME = "outcome"
"""The metadata entry that distinguishes a failed check from one that was not checked."""

SUBJECTS = "about"
"""The metadata entry with what a failure is about."""

MAX_SUBJECTS = 1000

ASSETS = {"pages": dg.AssetKey("raw_links"), "table": dg.AssetKey(LINKS.name)}


def key_of(check: Check) -> dg.AssetCheckKey:
    """The key of a check in Dagster."""
    return dg.AssetCheckKey(ASSETS[check.subject], check.name)


# A tuple, because Dagster would load the specs in a list as separate checks.
SPECS = tuple(
    dg.AssetCheckSpec(check.name, asset=key_of(check).asset_key, description=check.description) for check in CHECKS
)


@dg.multi_asset_check(name="links_checks", specs=SPECS, can_subset=True)
def links_checks(context: dg.AssetCheckExecutionContext, inode: InodeResource) -> Iterator[dg.AssetCheckResult]:
    """Run the selected checks against the tables as they are now."""
    checks = [check for check in CHECKS if key_of(check) in context.selected_asset_check_keys]
    for check, result in results(inode, checks):
        yield shown(check, result)


def results(inode: InodeResource, checks: Sequence[Check] = CHECKS) -> Iterator[tuple[Check, Result]]:
    """Run the checks against the tables as they are now; the result of one that raises an error is `not checked`."""
    try:
        settings = inode.alert_settings()
        with open_existing(settings) as warehouse:
            context = context_of(settings, warehouse)
            found = [(check, _result(check, context)) for check in checks]
    except PipelineError as problem:
        found = [(check, _not_checked(problem)) for check in checks]
    yield from found


def context_of(settings: AlertSettings, warehouse: Warehouse, now: datetime | None = None) -> CheckContext:
    """The context of the checks of the links."""
    grace = timedelta(minutes=settings.alert_grace_min)
    return CheckContext(warehouse, settings.endpoint(LINKS), settings, now or datetime.now(UTC), grace)


def shown(check: Check, result: Result) -> dg.AssetCheckResult:
    """Convert a result to Dagster's; one that was not checked is a warning."""
    is_error = result.outcome == "failed" and check.severity == "error"
    return dg.AssetCheckResult(
        check_name=check.name,
        asset_key=key_of(check).asset_key,
        passed=result.is_pass,
        severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        description=result.text,
        metadata={OUTCOME: result.outcome, **result.figures, **_about(result)},
    )


def evaluation(check: Check, result: Result) -> dg.AssetCheckEvaluation:
    """Convert a result to an event, for a sensor or a run that fails before its checks."""
    found = shown(check, result)
    return dg.AssetCheckEvaluation(
        asset_key=key_of(check).asset_key,
        check_name=check.name,
        passed=found.passed,
        severity=found.severity,
        description=found.description,
        metadata=found.metadata,
    )


def _about(result: Result) -> dict[str, dg.MetadataValue]:
    return {SUBJECTS: dg.MetadataValue.json(list(result.about[:MAX_SUBJECTS]))} if result.about else {}


def _result(check: Check, context: CheckContext) -> Result:
    try:
        return check.run(context)
    except PipelineError as problem:
        return _not_checked(problem)
    except Exception as problem:  # noqa: BLE001 - the event log must not get the text of an unknown error
        return Result("not checked", f"Not checked: an unexpected error, {type(problem).__name__}.")


def _not_checked(problem: PipelineError) -> Result:
    return Result("not checked", f"Not checked: [{problem.kind}] {problem.message} {problem.remedy}")
