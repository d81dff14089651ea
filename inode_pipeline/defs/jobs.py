"""The jobs a person or a schedule starts. Concept: https://docs.dagster.io/guides/build/jobs."""

import dagster as dg

from inode_pipeline.defs.links import links_by_date

# In one process: three steps in processes of their own cost ten seconds. A failed step is not run again as a whole run,
# because that would pass over the step's own decision that trying again cannot help, as with refused credentials.
sync_links = dg.define_asset_job(
    "sync_links",
    selection=dg.AssetSelection.assets(links_by_date),
    description="Fetch today's links, or load earlier dates again from what was landed on them.",
    tags={"dagster/retry_on_asset_or_op_failure": "false"},
    executor_def=dg.in_process_executor,
)
