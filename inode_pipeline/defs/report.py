"""The asset `network_report`, written by a separate job after each run of `sync_links`.

The job runs outside the pool and only reads, so a failure does not affect the loaded dates. The report is also written
after a failed run, to show that the data is of an earlier night, but only once for a backfill, at its end, because each
report takes as long as a load. If runs start on several machines, no report is written, because it would not be clear
which of them has the newest file.
Concept: https://docs.dagster.io/guides/automate/run-status-sensors
Not here: the content of the report, see `analysis/report/`.
"""

import dagster as dg

from inode_pipeline.analysis.report import DEFAULT, write_report
from inode_pipeline.analysis.status import open_existing
from inode_pipeline.config import LocalSettings
from inode_pipeline.defs.attempts import BACKFILL_TAG
from inode_pipeline.defs.failures import as_failure
from inode_pipeline.defs.links import FACTS, GROUP, TABLE, sync_links
from inode_pipeline.defs.resources import InodeResource, runs_on_several_machines
from inode_pipeline.errors import ConfigError

NOT_HERE = "The report is a file on the machine that writes it, but runs start on several machines."
INSTEAD = "Run `inode-pipeline report` on the machine where people read it, for example from cron."


@dg.asset(
    deps=[TABLE, *(table.name for table in FACTS)],
    group_name=GROUP,
    kinds={"html"},
    description=f"One HTML file, `{DEFAULT}`, that opens in any browser, also offline: a map of links by speed over "
    "free flow, the worst links, what changed, which links are silent, and the receipt.",
)
def network_report(context: dg.AssetExecutionContext, inode: InodeResource) -> dg.MaterializeResult[None]:
    """Write the report from the tables as they are now; if this fails, the existing file is kept."""
    with as_failure(again="`inode-pipeline report --debug`"):
        if runs_on_several_machines(context.instance):
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
    description="Write the network report from the tables as they are now.",
    executor_def=dg.in_process_executor,
)


UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def _report_sensor(status: dg.DagsterRunStatus, name: str) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        run_status=status,
        name=name,
        monitored_jobs=[sync_links],
        request_job=write_report_job,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Write the report after a run of sync_links; in a backfill, after the last one.",
    )
    def request(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
        if runs_on_several_machines(context.instance):
            return dg.SkipReason(f"{NOT_HERE} {INSTEAD}")
        backfill = context.dagster_run.tags.get(BACKFILL_TAG)
        if backfill and context.instance.get_runs_count(
            dg.RunsFilter(tags={BACKFILL_TAG: backfill}, statuses=UNFINISHED)
        ):
            return dg.SkipReason(f"Backfill {backfill} has more runs; the report is written after the last one.")
        return dg.RunRequest(run_key=context.dagster_run.run_id)

    return request


report_after_success = _report_sensor(dg.DagsterRunStatus.SUCCESS, "report_after_success")
report_after_failure = _report_sensor(dg.DagsterRunStatus.FAILURE, "report_after_failure")
