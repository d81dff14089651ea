"""The assets of the links endpoint: the pages as received and the tables made of them, together for each date.

They are one multi-asset because the tables are filled in one transaction, and because only so a range of dates in one
run leaves each date with its own status. Concept: https://docs.dagster.io/guides/build/assets
"""

import warnings
from collections.abc import Iterator, Sequence
from datetime import datetime

import dagster as dg
from pydantic import Field

from inode_pipeline.analysis.sampling import what_is_not_known
from inode_pipeline.config import LocalSettings
from inode_pipeline.defs.attempts import attempt_of
from inode_pipeline.defs.dates import AssetMetadata, DatesOfRun
from inode_pipeline.defs.findings import ABOUT
from inode_pipeline.defs.metadata import about_facts, about_table, about_walks, fact_schema, pages_schema, table_schema
from inode_pipeline.defs.partitions import DAYS
from inode_pipeline.defs.resources import InodeResource
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.sync import sync_date
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse
from inode_pipeline.warehouse.receipt import Receipt
from inode_pipeline.warehouse.tables import LINK_FACTS

# The parameter is what backfills of a range need, and Dagster tells of its being new at every load.
warnings.filterwarnings("ignore", category=dg.BetaWarning, message=r"Parameter `backfill_policy`")

GROUP = "inode"
POOL = "warehouse"
OWNERS = ["team:inode-pipeline"]

RAW_LINKS, TABLE = ABOUT["pages"], ABOUT["table"]
FACTS = (LINK_FACTS.versions, LINK_FACTS.snapshots, LINK_FACTS.observations)
"""The fact tables that are shown; corrections and bins follow from the observations."""

# The walk has its own retries within its deadline; these, after one minute and after three more, are for a server or a
# warehouse that is away for longer. No jitter: it could make the wait nothing.
RETRIES = dg.RetryPolicy(max_retries=2, delay=60, backoff=dg.Backoff.EXPONENTIAL)

DATES_A_RUN = 31


class SyncConfig(dg.Config):
    """What a person may allow for the dates of one run."""

    allow_shrink: bool = Field(
        default=False,
        description="Load these dates although more links are missing than INODE_MAX_SHRINK_FRACTION allows. "
        "The permission is kept with the walk.",
    )


# A tuple: the loader takes a list of specs for assets of their own.
SPECS = (
    dg.AssetSpec(
        RAW_LINKS,
        skippable=True,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"json"},
        description="The pages of the links endpoint exactly as received on a date, in the tables `walks` and "
        "`raw_pages`. Today is fetched; an earlier date keeps what was landed on it, since the API returns only the "
        "present.",
        metadata={"dagster/column_schema": pages_schema(), "dagster/table_name": "raw_pages"},
    ),
    dg.AssetSpec(
        TABLE,
        deps=[RAW_LINKS],
        skippable=True,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"table", "pandas"},
        description=f"{LINKS.description} Loading an earlier date again never writes over newer values.",
        metadata={"dagster/column_schema": table_schema(LINKS), "dagster/table_name": LINKS.name},
    ),
    *(
        dg.AssetSpec(
            table.name,
            deps=[RAW_LINKS],
            skippable=True,
            group_name=GROUP,
            owners=OWNERS,
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
    backfill_policy=dg.BackfillPolicy.multi_run(DATES_A_RUN),
    retry_policy=RETRIES,
    pool=POOL,
)
def links_by_date(
    context: dg.AssetExecutionContext, config: SyncConfig, inode: InodeResource
) -> Iterator[dg.MaterializeResult[None]]:
    """Each date of the run: fetched if it is today, else loaded again from what was landed on it, else red."""
    dates = DatesOfRun(context, inode)
    with dates.told():
        settings = inode.settings()
        today = datetime.now(settings.zone).date()
        with open_warehouse(settings) as warehouse:
            for day in dates:
                with dates.one(day):
                    receipts = sync_date(
                        settings,
                        warehouse,
                        LINKS,
                        day,
                        today=today,
                        attempt=attempt_of(context.op_execution_context),
                        allow_shrink=config.allow_shrink,
                        listen=lambda step: context.log.info(step.text),
                    )
                    dates.loaded(day, about_links(warehouse, receipts, settings))
    yield from dates.results()


def about_links(
    warehouse: Warehouse, receipts: Sequence[Receipt], settings: LocalSettings
) -> dict[dg.AssetKey, AssetMetadata]:
    """What to show of each asset after the loads of one date, an asset after those it is made of.

    Beside the receipt stands what the tables cannot answer in spite of it, while no samples arrive.
    """
    facts = about_facts(warehouse, LINKS, receipts)
    not_known = what_is_not_known(warehouse, settings)
    return {
        RAW_LINKS: about_walks(warehouse, receipts),
        TABLE: about_table(warehouse, LINKS, receipts) | ({"not_known": not_known} if not_known else {}),
        **{dg.AssetKey(name): about for name, about in facts.items()},
    }
