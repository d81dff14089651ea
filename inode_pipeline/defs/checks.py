"""The promises about the tables as asset checks: green if kept, not green if broken or if they could not be examined.

What must stop a load has stopped it already, so these only report: none blocks, and a warehouse that goes away here
fails no run that has loaded its dates. Concept: https://docs.dagster.io/guides/test/asset-checks
Keep out: how a finding is shown (`findings.py`).
"""

from collections.abc import Iterator

import dagster as dg

from inode_pipeline.analysis.promises import PROMISES
from inode_pipeline.defs.findings import examined, key_of, result
from inode_pipeline.defs.resources import InodeResource

# A tuple: the loader takes a list of specs for checks of their own.
SPECS = tuple(
    dg.AssetCheckSpec(promise.name, asset=key_of(promise).asset_key, description=promise.words) for promise in PROMISES
)


@dg.multi_asset_check(name="links_promises", specs=SPECS, can_subset=True)
def links_promises(context: dg.AssetCheckExecutionContext, inode: InodeResource) -> Iterator[dg.AssetCheckResult]:
    """Every promise about the links, each against the tables as they are now."""
    promises = [promise for promise in PROMISES if key_of(promise) in context.selected_asset_check_keys]
    for promise, finding in examined(inode, promises):
        yield result(promise, finding)
