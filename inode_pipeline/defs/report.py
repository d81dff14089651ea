"""The report about the network: an asset made of the tables, in a job of its own after each run of `sync_links`.

It only reads, outside the pool, and its failure is its own: the dates that were loaded stay green. It is written after
a failed run as well, because then its readers must know that the data is of an earlier night. A backfill has it written
once, at its end: a report for each of its runs would take as long as the loads. Where runs start on several machines it
is not written here: nobody would know which of them has the newest file.
Concept: https://docs.dagster.io/guides/automate/run-status-sensors
Not here: what the report says, see `analysis/report/`.
"""

import dagster as dg

from inode_pipeline.analysis.report import DEFAULT, write_report
from inode_pipeline.analysis.status import open_existing
from inode_pipeline.config import LocalSettings
from inode_pipeline.defs.attempts import BACKFILL_TAG
from inode_pipeline.defs.failures import as_failure
from inode_pipeline.defs.links import FACTS, GROUP, TABLE, sync_links
from inode_pipeline.defs.resources import InodeResource, is_spread
from inode_pipeline.errors import ConfigError

NOT_HERE = "The report is a file of the machine that writes it, and runs start on several machines."
INSTEAD = "Run `inode-pipeline report` where its readers look for it, for example by cron."


@dg.asset(
    deps=[TABLE, *(table.name for table in FACTS)],
    group_name=GROUP,
    kinds={"html"},
    description=f"One HTML file, `{DEFAULT}`, that opens in any browser without the internet: the map of the links by "
    "speed over free flow, the worst links, what changed, which links are silent, and the receipt.",
)
def network_report(context: dg.AssetExecutionContext, inode: InodeResource) -> dg.MaterializeResult[None]:
    """The file of the tables as they are now; an earlier file stays where this fails."""
    with as_failure(again="`inode-pipeline report --debug`"):
        if is_spread(context.instance):
            raise ConfigError(NOT_HERE, remedy=INSTEAD)
        settings = LocalSettings.load(dotenv=inode.read_dotenv)
        with open_existing(settings) as warehouse:
            written = write_report(warehouse, settings)
    as_of = written.data_as_of.isoformat() if written.data_as_of else "nothing is loaded yet"
    path = dg.MetadataValue.path(written.path)
    return dg.MaterializeResult(metadata={"path": path, "size_bytes": written.size_bytes, "data_as_of": as_of})


write_report_job = dg.define_asset_job(
    "write_report",
    selection=dg.AssetSelection.assets(network_report),
    description="Write the report about the network from the tables as they are.",
    executor_def=dg.in_process_executor,
)


UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def _after(status: dg.DagsterRunStatus, name: str) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        run_status=status,
        name=name,
        monitored_jobs=[sync_links],
        request_job=write_report_job,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Write the report again after a run of sync_links; after the last one of a backfill.",
    )
    def ask(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
        if is_spread(context.instance):
            return dg.SkipReason(f"{NOT_HERE} {INSTEAD}")
        backfill = context.dagster_run.tags.get(BACKFILL_TAG)
        if backfill and context.instance.get_runs_count(
            dg.RunsFilter(tags={BACKFILL_TAG: backfill}, statuses=UNFINISHED)
        ):
            return dg.SkipReason(f"Backfill {backfill} has more runs; the last one has the report written.")
        return dg.RunRequest(run_key=context.dagster_run.run_id)

    return ask


report_after_success = _after(dg.DagsterRunStatus.SUCCESS, "report_after_success")
report_after_failure = _after(dg.DagsterRunStatus.FAILURE, "report_after_failure")
