"""A running Dagster, asked and told what to do as its UI does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import httpx
from sqlalchemy import select

from inode_pipeline.config import Settings
from inode_pipeline.warehouse.engine import open_warehouse, reading
from tests.operating.processes import Processes, wait_for

ENDED = {"SUCCESS", "FAILURE", "CANCELED"}
REPOSITORY = {"repositoryLocationName": "inode_pipeline", "repositoryName": "__repository__"}

RUNS = """
query Runs($filter: RunsFilter!) { runsOrError(filter: $filter) { ... on Runs { results {
  runId status jobName startTime endTime tags { key value } } } } }
"""
FAILURES = """
query Failures($runId: ID!) { logsForRun(runId: $runId) { ... on EventConnection { events {
  __typename ... on ExecutionStepFailureEvent { failureMetadata { description } error { message } } } } } }
"""
STATUSES = """
query Statuses($asset: AssetKeyInput!) { assetNodeOrError(assetKey: $asset) { ... on AssetNode {
  assetPartitionStatuses { ... on TimePartitionStatuses { ranges { status startKey endKey } } } } } }
"""
LAUNCH_BACKFILL = """
mutation LaunchPartitionBackfill($backfillParams: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $backfillParams) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
    ... on PartitionSetNotFoundError { message }
  }
}
"""
BACKFILL = """
query Backfill($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }
"""
COUNTS = """
query Counts($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill {
  partitionStatusCounts { runStatus count }
  assetBackfillData { assetBackfillStatuses { ... on AssetPartitionsStatusCounts {
    assetKey { path } numPartitionsTargeted numPartitionsMaterialized numPartitionsFailed } } } } } }
"""
LAUNCH_RUN = """
mutation LaunchPipelineExecution($executionParams: ExecutionParams!) {
  launchPipelineExecution(executionParams: $executionParams) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
ASSETS = """
{ assetNodes { assetKey { path } jobNames assetChecksOrError { ... on AssetChecks { checks { name } } } } }
"""


def date_of(run: dict[str, Any]) -> str:
    """The one date that a run is about; a backfill of assets names it as a range."""
    names = ("dagster/partition", "dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
    [day] = {run["tags"][name] for name in names if name in run["tags"]}
    return str(day)


@dataclass
class Deployment:
    """A running deployment."""

    address: str
    settings: Settings
    processes: Processes

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of a GraphQL answer, which has no error."""
        answer = httpx.post(f"{self.address}/graphql", json={"query": query, "variables": variables}, timeout=60).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def runs(self, **tags: str) -> list[dict[str, Any]]:
        """The runs with these tags, the newest first; two underscores of a name are a slash."""
        wanted = [{"key": k.replace("__", "/"), "value": v} for k, v in tags.items()]
        found: list[dict[str, Any]] = self.ask(RUNS, filter={"tags": wanted})["runsOrError"]["results"]
        return [run | {"tags": {tag["key"]: tag["value"] for tag in run["tags"]}} for run in found]

    def status(self, run_id: str) -> str:
        """Where a run stands."""
        [status] = [run["status"] for run in self.runs() if run["runId"] == run_id]
        return str(status)

    def end_of(self, run_id: str, seconds: float = 240) -> str:
        """The status of a run that has ended, once it has."""
        wait_for(f"the end of run {run_id}", lambda: self.status(run_id) in ENDED, seconds)
        return self.status(run_id)

    def launch(self, day: date) -> str:
        """Start a run of one date as the dialog of the job's page does, and return its id."""
        answer = self.ask(LAUNCH_RUN, executionParams=self.run_form(day))["launchPipelineExecution"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def backfill(self, form: str, days: Sequence[date]) -> str:
        """Launch a backfill from the form of the `job` page or of the `asset` page of links, and return its id."""
        params = self.backfill_form(form, days)
        answer = self.ask(LAUNCH_BACKFILL, backfillParams=params)["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return str(answer["backfillId"])

    def run_form(self, day: date) -> dict[str, Any]:
        """The variables that the UI sends for one date; test_browser.py holds that it does."""
        tags = {
            "dagster/partition": str(day),
            "dagster/partition_set": "sync_links_partition_set",
            "dagster/from_ui": "true",
        }
        return {
            "mode": "default",
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
            "runConfigData": "{}\n",
            "selector": {**REPOSITORY, "pipelineName": "sync_links", **self._everything()},
        }

    def backfill_form(self, form: str, days: Sequence[date]) -> dict[str, Any]:
        """The variables that the UI sends for a range; test_browser.py holds that it does."""
        every_asset = self._everything()["assetSelection"]
        params = {
            "tags": [{"key": "dagster/from_ui", "value": "true"}],
            "assetSelection": every_asset if form == "job" else [{"path": ["links"]}],
            "partitionNames": [str(day) for day in days],
            "fromFailure": False,
        }
        if form == "job":
            params["selector"] = {"partitionSetName": "sync_links_partition_set", "repositorySelector": REPOSITORY}
        return params

    def _everything(self) -> dict[str, list[dict[str, Any]]]:
        """Every asset of the job and every check of it, in the order in which the UI names them."""
        nodes = wait_for("the code location", lambda: self.ask(ASSETS)["assetNodes"])
        nodes = [node for node in nodes if "sync_links" in node["jobNames"]]
        nodes.sort(key=lambda node: str(node["assetKey"]["path"]))
        checks = [
            {"name": check["name"], "assetKey": node["assetKey"]}
            for node in nodes
            for check in node["assetChecksOrError"]["checks"]
        ]
        return {"assetSelection": [node["assetKey"] for node in nodes], "assetCheckSelection": checks}

    def ended(self, backfill: str, seconds: float = 400) -> list[dict[str, Any]]:
        """The runs of a backfill, once it has requested all of them and each has ended."""

        def look() -> list[dict[str, Any]]:
            status = self.ask(BACKFILL, id=backfill)["partitionBackfillOrError"]["status"]
            return self.runs(dagster__backfill=backfill) if status.startswith("COMPLETED") else []

        runs: list[dict[str, Any]] = wait_for(f"the end of backfill {backfill}", look, seconds)
        assert {run["status"] for run in runs} <= ENDED
        return runs

    def counts(self, backfill: str) -> tuple[int, int]:
        """How many dates the backfill's page shows as succeeded and as failed."""
        found = self.ask(COUNTS, id=backfill)["partitionBackfillOrError"]
        if found["assetBackfillData"]:
            assets = found["assetBackfillData"]["assetBackfillStatuses"]
            [both] = {(asset["numPartitionsMaterialized"], asset["numPartitionsFailed"]) for asset in assets}
            return both
        runs = {status["runStatus"]: status["count"] for status in found["partitionStatusCounts"]}
        return runs["SUCCESS"], runs["FAILURE"]

    def sentence(self, run_id: str) -> str:
        """What the run's page shows of its failed step."""
        events = self.ask(FAILURES, runId=run_id)["logsForRun"]["events"]
        [failure] = [event for event in events if event["__typename"] == "ExecutionStepFailureEvent"]
        return f"{(failure['failureMetadata'] or {}).get('description')} {(failure['error'] or {}).get('message')}"

    def event_types(self, run_id: str) -> list[str]:
        """The types of everything that the run's page shows."""
        return [event["__typename"] for event in self.ask(FAILURES, runId=run_id)["logsForRun"]["events"]]

    def green(self, asset: str) -> set[str]:
        """The dates that the asset's page shows as materialized."""
        return self._dates(asset, "MATERIALIZED")

    def red(self, asset: str) -> set[str]:
        """The dates that the asset's page shows as failed."""
        return self._dates(asset, "FAILED")

    def _dates(self, asset: str, status: str) -> set[str]:
        node = self.ask(STATUSES, asset={"path": [asset]})["assetNodeOrError"]
        days = set()
        for found in node["assetPartitionStatuses"]["ranges"]:
            day, last = date.fromisoformat(found["startKey"]), date.fromisoformat(found["endKey"])
            while found["status"] == status and day <= last:
                days.add(str(day))
                day += timedelta(days=1)
        return days

    def rows(self, table: Any, *columns: str) -> list[tuple[Any, ...]]:
        """The table's rows in the warehouse."""
        with open_warehouse(self.settings) as warehouse, reading(warehouse) as connection:
            return [tuple(row) for row in connection.execute(select(*(table.c[name] for name in columns)))]
