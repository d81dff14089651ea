"""The jobs a person or a schedule starts. Concept: https://docs.dagster.io/guides/build/jobs."""

import dagster as dg

from inode_pipeline.defs.links import links_by_date
from inode_pipeline.defs.partitions import DAYS
from inode_pipeline.defs.sampling import sample

# A failed step is not run again as a whole run, because that would pass over the step's own decision that trying again
# cannot help, as with refused credentials.
NO_SECOND_RUN = {"dagster/retry_on_asset_or_op_failure": "false"}

# In one process: three steps in processes of their own cost ten seconds.
sync_links = dg.define_asset_job(
    "sync_links",
    selection=dg.AssetSelection.assets(links_by_date),
    description="Fetch today's links, or load earlier dates again from what was landed on them.",
    tags=NO_SECOND_RUN,
    executor_def=dg.in_process_executor,
)


@dg.job(
    name="sample_links",
    partitions_def=DAYS,
    tags=NO_SECOND_RUN,
    executor_def=dg.in_process_executor,
    description="Read today's links once more, without waiting for the pool in which dates are loaded.",
)
def sample_links() -> None:
    """One step, outside the pool `warehouse`."""
    sample()
