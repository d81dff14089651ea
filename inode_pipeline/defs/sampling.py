"""The job `sample_links`: read and load the links again during the day.

It is an op outside the pool `warehouse`, because an asset would have to wait there for the runs of a backfill. Landing
does not wait for anything; the warehouse runs one load at a time.
"""

from datetime import date

import dagster as dg

from inode_pipeline.config import QUARTER_MIN, Settings
from inode_pipeline.defs.failures import as_failure
from inode_pipeline.defs.links import NO_SECOND_RUN, RETRIES, sync_and_describe
from inode_pipeline.defs.metadata import AssetMetadata
from inode_pipeline.defs.partitions import DAYS
from inode_pipeline.defs.resources import InodeResource


@dg.op(
    name="sample",
    out=dg.Out(dg.Nothing),
    retry_policy=RETRIES,
    description="Read and load the links once, and log a materialization of each asset for the date.",
)
def sample(context: dg.OpExecutionContext, inode: InodeResource) -> None:
    """Fetch today again, or load an earlier date again like `sync_links`."""
    day = date.fromisoformat(context.partition_key)
    with as_failure():
        shown = sync_and_describe(context, _with_short_deadline(inode.settings()), day)
    for key, metadata in shown.items():
        context.log_event(dg.AssetMaterialization(key, partition=day.isoformat(), metadata=_without_tables(metadata)))


@dg.job(
    name="sample_links",
    partitions_def=DAYS,
    tags=NO_SECOND_RUN,
    executor_def=dg.in_process_executor,
    description="Read today's links again, without waiting for the pool in which dates are loaded.",
)
def sample_links() -> None:
    """A single step outside the pool `warehouse`."""
    sample()


def _without_tables(metadata: AssetMetadata) -> AssetMetadata:
    """Leave out schemas and previews, which are the same as the night's and would fill Dagster's database."""
    tables = (dg.TableSchema, dg.TableMetadataValue)
    return {name: value for name, value in metadata.items() if not isinstance(value, tables)}


def _with_short_deadline(settings: Settings) -> Settings:
    """Give up after a quarter of an hour, because the next sample is due and needs a place in the queue."""
    return settings.model_copy(update={"walk_deadline_s": min(settings.walk_deadline_s, 60 * QUARTER_MIN)})
