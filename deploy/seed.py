"""Fill a new warehouse with fourteen nights and two days of samples, and show it to Dagster: part of `make dev`.

`python deploy/seed.py FILE`, with the environment of `deploy/dev.py`. FILE appears when it is complete, or not at all.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import dagster as dg
from sqlalchemy import URL

from inode_pipeline.cli.demo_days import fill
from inode_pipeline.config import Settings
from inode_pipeline.definitions import defs
from inode_pipeline.defs.links import describe
from inode_pipeline.defs.metadata import AssetMetadata
from inode_pipeline.sync.attempt import ignore
from inode_pipeline.warehouse.engine import open_warehouse
from inode_pipeline.warehouse.migrate import migrate
from inode_pipeline.warehouse.sqlite_file import DEMO_MARK

NIGHTS, SAMPLED_DAYS, GAP_DAYS_AGO = 14, 2, 5

Shown = dict[date, dict[dg.AssetKey, AssetMetadata]]


def main() -> None:
    """Fill a file beside the one that is named, report its dates to Dagster, then give it its name."""
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    for name in (unfinished, *(unfinished.with_name(unfinished.name + end) for end in ("-wal", "-shm"))):
        name.unlink(missing_ok=True)
    shown = fill_new(unfinished)
    with closing(sqlite3.connect(unfinished)) as connection:
        connection.execute(f"PRAGMA application_id = {DEMO_MARK}")  # so that the report says that its data is synthetic
        connection.execute("PRAGMA journal_mode = DELETE")
    report_dates(shown)
    unfinished.rename(path)
    check_and_write_report()


def fill_new(path: Path) -> Shown:
    """Read the past into a new SQLite file; what to show of each date."""
    now = datetime.now(UTC)
    settings = Settings.load(dotenv=False).model_copy(
        update={"warehouse_url": URL.create("sqlite", database=str(path))}
    )
    today = now.astimezone(settings.zone).date()
    first, gap, sampled_from = (today - timedelta(days=ago) for ago in (NIGHTS, GAP_DAYS_AGO, SAMPLED_DAYS))
    with open_warehouse(settings) as warehouse:
        migrate(warehouse)
        receipts = fill(settings, warehouse, first, now, ignore, sampled_from=sampled_from, gap=gap)
        dates = groupby(receipts, key=attrgetter("snapshot_date"))
        return {day: describe(warehouse, list(of_day), settings) for day, of_day in dates}


def report_dates(shown: Shown) -> None:
    """Tell Dagster of each date, as if its run had been seen."""
    with dg.DagsterInstance.get() as instance:
        for day, assets in shown.items():
            for key, metadata in assets.items():
                event = dg.AssetMaterialization(key, partition=day.isoformat(), metadata=metadata)
                instance.report_runless_asset_event(event)


def check_and_write_report() -> None:
    """Run every check and write the report, as they are after a sync."""
    selection = dg.AssetSelection.all_asset_checks() | dg.AssetSelection.assets("network_report")
    first_look = dg.define_asset_job("first_look", selection=selection, executor_def=dg.in_process_executor)
    definitions = dg.Definitions.merge(defs, dg.Definitions(jobs=[first_look]))
    with dg.DagsterInstance.get() as instance:
        definitions.resolve_job_def("first_look").execute_in_process(instance=instance)


if __name__ == "__main__":
    main()
