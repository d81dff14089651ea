"""The assets of the links endpoint: the pages as received and the tables made of them, together for each date.

They are one multi-asset because the tables are filled in one transaction.
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

# Dagster warns at every load that the parameter is new.
warnings.filterwarnings("ignore", category=dg.BetaWarning, message=r"Parameter `backfill_policy`")

GROUP = "inode"
POOL = "warehouse"

RAW_LINKS, TABLE = ASSETS["pages"], ASSETS["table"]
FACTS = (LINK_FACTS.versions, LINK_FACTS.snapshots, LINK_FACTS.observations)
"""The fact tables that are shown; corrections and bins follow from the observations."""

PREVIEWS = {
    "links": ("link_id", "name", "last_speed_kmh"),
    "link_versions": ("link_id", "name", "length_m"),
    "link_snapshots": ("link_id", "snapshot_date"),
    "link_observations": ("link_id", "observed_at", "speed_kmh"),
}

# The walk has its own retries within its deadline. These, after one minute and after three more, are for a server or a
# warehouse that is unavailable for longer. Without jitter, which could make the pause zero.
RETRIES = dg.RetryPolicy(max_retries=2, delay=60, backoff=dg.Backoff.EXPONENTIAL)

# A failed step must not be run again as a whole run: the step itself knows whether a retry can help.
NO_SECOND_RUN = {"dagster/retry_on_asset_or_op_failure": "false"}


class SyncConfig(dg.Config):
    """What a person may allow for the date of a run."""

    allow_shrink: bool = Field(
        default=False,
        description="Load this date although more links are missing than INODE_MAX_SHRINK_FRACTION allows. "
        "The permission is kept with the walk.",
    )


# A tuple, because the loader would take a list for assets of its own.
SPECS = (
    dg.AssetSpec(
        RAW_LINKS,
        group_name=GROUP,
        kinds={"json"},
        description="The pages of the links endpoint exactly as received on a date, in the tables `walks` and "
        "`raw_pages`. Today is fetched; an earlier date keeps what was landed on it, since the API returns only the "
        "present.",
        metadata={"dagster/column_schema": pages_schema(), "dagster/table_name": "raw_pages"},
    ),
    dg.AssetSpec(
        TABLE,
        deps=[RAW_LINKS],
        group_name=GROUP,
        kinds={"table", "pandas"},
        description=f"{LINKS.description} Loading an earlier date again never writes over newer values.",
        metadata={"dagster/column_schema": table_schema(LINKS), "dagster/table_name": LINKS.name},
    ),
    *(
        dg.AssetSpec(
            table.name,
            deps=[RAW_LINKS],
            group_name=GROUP,
            kinds={"table", "pandas"},
            description=f"{table.comment} The same rows whatever the order in which dates are loaded.",
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
    # Dagster's default as well; named, it also takes "Single run" out of the dialog for a range of dates.
    backfill_policy=dg.BackfillPolicy.multi_run(1),
    retry_policy=RETRIES,
    pool=POOL,
)
def links_by_date(
    context: dg.AssetExecutionContext, config: SyncConfig, inode: InodeResource
) -> Iterator[dg.MaterializeResult[None]]:
    """Fetch the date if it is today, load again what was landed on it if it is past, or fail and say why."""
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
    """Bring one date into the tables, log each receipt in a line, and return what to show of each asset."""
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
    """What to show of each asset after the loads of one date, an asset after those it is made of."""
    facts = about_facts(warehouse, LINKS, receipts, PREVIEWS)
    return {
        RAW_LINKS: about_walks(warehouse, receipts),
        TABLE: about_table(warehouse, LINKS, receipts, PREVIEWS, unanswerable_questions(warehouse, settings)),
        **{dg.AssetKey(name): about for name, about in facts.items()},
    }


def _results(
    context: dg.AssetExecutionContext, day: date, shown: Mapping[dg.AssetKey, AssetMetadata]
) -> Iterator[dg.MaterializeResult[None]]:
    """One result for each selected asset. One that was not selected is made as well, so it is logged as such."""
    for key, metadata in shown.items():
        if key in context.selected_asset_keys:
            yield dg.MaterializeResult(asset_key=key, metadata=metadata)
        else:
            context.log_event(dg.AssetMaterialization(key, partition=day.isoformat(), metadata=metadata))


def _log_checks(context: dg.AssetExecutionContext, inode: InodeResource) -> None:
    """Run the checks here: those of a failed run are not executed, and Dagster would show each of them as failed."""
    for check, result in results(inode):
        context.log_event(evaluation(check, result))


sync_links = dg.define_asset_job(
    "sync_links",
    selection=dg.AssetSelection.assets(links_by_date),
    description="Fetch today's links, or load an earlier date again from what was landed on it.",
    tags=NO_SECOND_RUN,
    executor_def=dg.in_process_executor,  # a process for each step would cost ten seconds
)
