"""A code location beside an emulated account: an instance in memory, a warehouse of each kind, jobs run in process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance

from inode_pipeline.config import Settings
from inode_pipeline.emulator.config import EmulatorConfig
from inode_pipeline.emulator.server import EmulatorServer
from inode_pipeline.emulator.state import State
from inode_pipeline.warehouse.engine import Warehouse
from tests.invariants import assert_invariants

SECRETS = ("canary-password", "canary-client-secret")
LINKS_OF_THE_ACCOUNT = 25


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The code location silences these two itself when it is loaded, but pytest forgets that after each test."""
    for item in items:
        if item.path.parent.name == "defs":
            item.add_marker(pytest.mark.filterwarnings("ignore:Parameter `backfill_policy`"))


with pytest.MonkeyPatch.context() as patch:  # before any test module imports the definitions: the dates of the tests
    patch.setenv("INODE_START_DATE", "2026-01-01")
    import inode_pipeline.defs.partitions  # noqa: F401


@pytest.fixture(scope="session")
def emulator() -> Iterator[EmulatorServer]:
    """An emulated iNode that pages by ten."""
    config = EmulatorConfig(
        links=LINKS_OF_THE_ACCOUNT, page_size=10, max_page_size=10, password=SECRETS[0], client_secret=SECRETS[1]
    )
    with EmulatorServer(config) as server:
        yield server


@pytest.fixture
def account(emulator: EmulatorServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[State]:
    """The emulator's state; the environment holds the settings of its account."""
    config = emulator.config
    for name, value in {
        "BASE_URL": emulator.base_url,
        "USERNAME": config.username,
        "PASSWORD": config.password,
        "CLIENT_ID": config.client_id,
        "CLIENT_SECRET": config.client_secret,
        "WALK_DEADLINE_S": "30",
    }.items():
        monkeypatch.setenv(f"INODE_{name}", value)
    emulator.state.freeze()
    emulator.state.requests.clear()
    yield emulator.state
    emulator.state.records = None
    emulator.state.retry_after_s = None


@dataclass
class Run:
    """A finished run: what Dagster kept of it."""

    is_ok: bool
    events: list[dg.DagsterEvent]
    stored: list[dg.EventLogEntry]
    tags: Mapping[str, str] = field(default_factory=dict)

    def materialized(self, asset: str) -> dict[str | None, dict[str, Any]]:
        """The metadata of each partition of the asset that the run made."""
        made = {}
        for entry in self.stored:
            event = entry.asset_materialization
            if event is not None and event.asset_key == dg.AssetKey(asset):
                made[event.partition] = {name: value.value for name, value in event.metadata.items()}
        return made

    @property
    def failure(self) -> dg.DagsterEvent:
        """The failure of the step."""
        return next(event for event in self.events if event.is_step_failure)

    @property
    def sentence(self) -> str:
        """What the UI shows of the failure."""
        return str(self.failure.step_failure_data.user_failure_data.description)

    @property
    def text(self) -> str:
        """Everything that the event log holds, as it is stored."""
        return "\n".join(dg.serialize_value(entry) for entry in self.stored)

    def log(self) -> list[str]:
        """What the run itself said."""
        return [entry.user_message for entry in self.stored if not entry.is_dagster_event]


@dataclass
class Location:
    """The code location with an instance of its own."""

    definitions: dg.Definitions
    instance: DagsterInstance

    def sync(self, day: date, tags: Mapping[str, str] | None = None, **options: Any) -> Run:
        """Run `sync_links` for one date."""
        return self._run("sync_links", day, tags, **options)

    def sample(self, day: date, tags: Mapping[str, str] | None = None) -> Run:
        """Run `sample_links` for one date."""
        return self._run("sample_links", day, tags)

    def tick(self, schedule: str, at: datetime) -> dg.RunRequest | str:
        """What a tick of the schedule asks for, or why it is skipped."""
        from inode_pipeline.defs.resources import InodeResource

        definition = self.definitions.resolve_schedule_def(schedule)
        with dg.build_schedule_context(
            instance=self.instance,
            repository_def=self.definitions.get_repository_def(),
            scheduled_execution_time=at,
            resources={"inode": InodeResource(read_dotenv=False)},
        ) as context:
            result = definition.evaluate_tick(context)
        return result.run_requests[0] if result.run_requests else str(result.skip_message)

    def _run(self, job: str, day: date, tags: Mapping[str, str] | None, **options: Any) -> Run:
        tags = dict(tags or {})
        if "dagster/asset_partition_range_start" not in tags:  # else Dagster reads the date there
            options["partition_key"] = day.isoformat()
        result = self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance, raise_on_error=False, tags=tags, **options
        )
        return Run(result.success, list(result.all_events), list(self.instance.all_logs(result.run_id)), tags)

    def checks(self, *names: str) -> Run:
        """Execute some of the checks, as a person does in the UI: without loading anything."""
        keys = [key for key in self.definitions.resolve_asset_graph().asset_check_keys if key.name in names]
        job = dg.define_asset_job("some_checks", selection=dg.AssetSelection.checks(*keys))
        result = (
            dg.Definitions.merge(self.definitions, dg.Definitions(jobs=[job]))
            .resolve_job_def("some_checks")
            .execute_in_process(instance=self.instance, raise_on_error=False)
        )
        return Run(result.success, list(result.all_events), list(self.instance.all_logs(result.run_id)))


@pytest.fixture
def location() -> Iterator[Location]:
    """The code location: days in UTC from 2026-01-01, every other setting its default."""
    from inode_pipeline.definitions import defs

    with DagsterInstance.ephemeral() as instance:
        yield Location(defs, instance)


@pytest.fixture
def filled(
    warehouse: Warehouse, account: State, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Warehouse]:
    """The open warehouse of the environment's settings. Whatever was loaded, the invariants hold at the end."""
    monkeypatch.setenv("INODE_WAREHOUSE_URL", warehouse.engine.url.render_as_string(hide_password=False))
    yield warehouse
    assert_invariants(warehouse, request)


@pytest.fixture
def settings(filled: Warehouse) -> Settings:
    """The settings of the environment."""
    return Settings.load(dotenv=False)


@pytest.fixture
def today() -> date:
    """The date in UTC."""
    return datetime.now(UTC).date()
