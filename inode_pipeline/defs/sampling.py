"""One sample: the links are read and loaded once more on the same date, beside whatever else is at work.

An op and no asset, since an asset would wait in the pool `warehouse` behind the loads of a backfill while the hour
passes. Landing waits for nobody; the loads exclude each other in the warehouse itself. Keep out: when to sample
(`schedules.py`), and what loading a date means (`sync/`).
"""

from datetime import date

import dagster as dg

from inode_pipeline.config import QUARTER_MIN, Settings
from inode_pipeline.defs.failures import told
from inode_pipeline.defs.links import RETRIES, sync_and_describe
from inode_pipeline.defs.metadata import AssetMetadata
from inode_pipeline.defs.resources import InodeResource


@dg.op(
    name="sample",
    out=dg.Out(dg.Nothing),
    retry_policy=RETRIES,
    description="Read the links once, load them beside whatever else is at work, and tell each asset of the date so.",
)
def sample(context: dg.OpExecutionContext, inode: InodeResource) -> None:
    """Today is fetched, however often; an earlier date that a person asks for is loaded again, as `sync_links` does."""
    day = date.fromisoformat(context.partition_key)
    with told():
        shown = sync_and_describe(context, _impatient(inode.settings()), day)
    for key, metadata in shown.items():
        context.log_event(dg.AssetMaterialization(key, partition=day.isoformat(), metadata=_slim(metadata)))


def _slim(metadata: AssetMetadata) -> AssetMetadata:
    """The numbers and words of a sample, to be plotted; its tables are those of the night and would fill the store."""
    tables = (dg.TableSchema, dg.TableMetadataValue)
    return {name: value for name, value in metadata.items() if not isinstance(value, tables)}


def _impatient(settings: Settings) -> Settings:
    """A sample gives up after a quarter of an hour: later ones ask again, and its turn in Dagster's queue is free."""
    return settings.model_copy(update={"walk_deadline_s": min(settings.walk_deadline_s, 60 * QUARTER_MIN)})
