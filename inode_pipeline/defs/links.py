"""The assets of the links endpoint: for each date, the pages as received and the tables built from them.

They are one multi-asset, because the tables are filled in one transaction.
Concept: https://docs.dagster.io/guides/build/assets
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import dagster as dg
from pydantic import Field

from inode_pipeline.analysis.receipts import line
from inode_pipeline.analysis.status import unanswerable_questions
from inode_pipeline.config import LocalSettings, Settings
from inode_pipeline.defs.attempts import attempt_of
from inode_pipeline.defs.checks import ASSETS, evaluation, results
from inode_pipeline.defs.failures import as_failure
from inode_pipeline.defs.metadata import (
    AssetMetadata,
    about_facts,
    about_table,
    about_walks,
    fact_schema,
    pages_schema,
    table_schema,
)
from inode_pipeline.defs.partitions import DAYS
from inode_pipeline.defs.resources import InodeResource, require_shared
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.sync import sync_date
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse
from inode_pipeline.warehouse.receipt import Receipt
from inode_pipeline.warehouse.tables import LINK_FACTS

# Dagster warns on every load that this parameter is in beta.
warnings.filterwarnings("ignore", category=dg.BetaWarning, message=r"Parameter `backfill_policy`")

GROUP = "inode"
POOL = "warehouse"

RAW_LINKS, TABLE = ASSETS["pages"], ASSETS["table"]
FACTS = (LINK_FACTS.versions, LINK_FACTS.snapshots, LINK_FACTS.observations)
"""The fact tables shown in Dagster. Corrections and bins are derived from the observations."""

PREVIEWS = {
    "links": ("link_id", "name", "last_speed_kmh"),
    "link_versions": ("link_id", "name", "length_m"),
    "link_snapshots": ("link_id", "snapshot_date"),
    "link_observations": ("link_id", "observed_at", "speed_kmh"),
}

# The walk has its own retries within its deadline. These two, after one minute and after three more, are for a server
# or a warehouse that is unavailable for longer. No jitter, which could reduce the delay to zero.
RETRIES = dg.RetryPolicy(max_retries=2, delay=60, backoff=dg.Backoff.EXPONENTIAL)

# Do not retry the run when its step fails: the step's own retry policy knows whether a retry can help.
NO_SECOND_RUN = {"dagster/retry_on_asset_or_op_failure": "false"}


class SyncConfig(dg.Config):
    """The run config: what a person may allow for a date."""

    allow_shrink: bool = Field(
        default=False,
        description="Load this date even if more links are missing than INODE_MAX_SHRINK_FRACTION allows. "
        "The permission is stored with the walk.",
    )


# A tuple, because Dagster would load the specs in a list as separate assets.
SPECS = (
    dg.AssetSpec(
        RAW_LINKS,
        group_name=GROUP,
        kinds={"json"},
        description="The pages of the links endpoint exactly as received on a date, in the tables `walks` and "
        "`raw_pages`. Today is fetched; an earlier date keeps its landed pages, because the API returns only the "
        "present.",
        metadata={"dagster/column_schema": pages_schema(), "dagster/table_name": "raw_pages"},
    ),
    dg.AssetSpec(
        TABLE,
        deps=[RAW_LINKS],
        group_name=GROUP,
        kinds={"table", "pandas"},
        description=f"{LINKS.description} Loading an earlier date again never overwrites newer values.",
        metadata={"dagster/column_schema": table_schema(LINKS), "dagster/table_name": LINKS.name},
    ),
    *(
        dg.AssetSpec(
            table.name,
            deps=[RAW_LINKS],
            group_name=GROUP,
            kinds={"table", "pandas"},
            description=f"{table.comment} The rows do not depend on the order in which dates are loaded.",
            metadata={"dagster/column_schema": fact_schema(LINKS, table), "dagster/table_name": table.name},
        )
        for table in FACTS
    ),
)


@dg.multi_asset(
    name="links_by_date",
    specs=SPECS,
    can_subset=True,
    partitions_def=DAYS,
    # Dagster's default too, but stating it removes "Single run" from the dialog for a range of dates.
    backfill_policy=dg.BackfillPolicy.multi_run(1),
    retry_policy=RETRIES,
    pool=POOL,
)
def links_by_date(
    context: dg.AssetExecutionContext, config: SyncConfig, inode: InodeResource
) -> Iterator[dg.MaterializeResult[None]]:
    """Fetch the date if it is today, load its landed pages again if it is past, or fail and say why."""
    day = date.fromisoformat(context.partition_key)
    try:
        with as_failure():
            op = context.op_execution_context
            shown = sync_and_describe(op, inode.settings(), day, allow_shrink=config.allow_shrink)
    except dg.Failure:
        _log_checks(context, inode)
        raise
    yield from _results(context, day, shown)


def sync_and_describe(
    context: dg.OpExecutionContext, settings: Settings, day: date, *, allow_shrink: bool = False
) -> dict[dg.AssetKey, AssetMetadata]:
    """Load one date, log each receipt on one line, and return the metadata of each asset."""
    require_shared(context.instance, settings)
    with open_warehouse(settings) as warehouse:
        receipts = sync_date(
            settings,
            warehouse,
            LINKS,
            day,
            attempt=attempt_of(context),
            allow_shrink=allow_shrink,
            listen=lambda step: context.log.info(step.text),
        )
        for receipt in receipts:
            context.log.info(line(receipt, settings.zone))
        return describe(warehouse, receipts, settings)


def describe(
    warehouse: Warehouse, receipts: Sequence[Receipt], settings: LocalSettings
) -> dict[dg.AssetKey, AssetMetadata]:
    """The metadata of each asset after the loads of one date, upstream assets first."""
    facts = about_facts(warehouse, LINKS, receipts, PREVIEWS)
    return {
        RAW_LINKS: about_walks(warehouse, receipts),
        TABLE: about_table(warehouse, LINKS, receipts, PREVIEWS, unanswerable_questions(warehouse, settings)),
        **{dg.AssetKey(name): about for name, about in facts.items()},
    }


def _results(
    context: dg.AssetExecutionContext, day: date, shown: Mapping[dg.AssetKey, AssetMetadata]
) -> Iterator[dg.MaterializeResult[None]]:
    """Yield a result for each selected asset; log a materialization of the others, which are written as well."""
    for key, metadata in shown.items():
        if key in context.selected_asset_keys:
            yield dg.MaterializeResult(asset_key=key, metadata=metadata)
        else:
            context.log_event(dg.AssetMaterialization(key, partition=day.isoformat(), metadata=metadata))


def _log_checks(context: dg.AssetExecutionContext, inode: InodeResource) -> None:
    """Run the checks of a failed run, because Dagster does not execute them and would show them as failed."""
    for check, result in results(inode):
        context.log_event(evaluation(check, result))


sync_links = dg.define_asset_job(
    "sync_links",
    selection=dg.AssetSelection.assets(links_by_date),
    description="Fetch today's links, or load an earlier date again from its landed pages.",
    tags=NO_SECOND_RUN,
    executor_def=dg.in_process_executor,  # a process per step would take ten seconds
)
