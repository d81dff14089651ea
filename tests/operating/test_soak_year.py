"""A year of landed dates with gaps: a month of it and a week with gaps from the UI, all of it with `replay`."""

from __future__ import annotations

import itertools
import json
import logging
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

import pytest
import time_machine

from inode_pipeline.config import Settings
from inode_pipeline.emulator import EmulatorConfig, EmulatorServer
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.sync import land
from inode_pipeline.warehouse.engine import open_warehouse
from inode_pipeline.warehouse.fact_tables import LINK_FACTS
from inode_pipeline.warehouse.tables import LINKS_TABLE, LOADS
from tests.conftest import BOTH
from tests.operating.processes import BIN, deployed, land_and_load, settings_of, zone_at_noon
from tests.operating.running import Deployment, date_of

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3000)]

LOG = logging.getLogger(__name__)

LINKS_A_DATE = 500
NIGHT = time_of_day(4, 30)
GAPS = (1, 3, 4, 100, 101, 250, 300)
"""Places among the year's dates: alone and side by side; three of them in the first week, none in the last month."""

MONTH_S = 120.0
REPLAY_S = 60.0
ASSETS = ("raw_links", "links", "link_versions", "link_snapshots", "link_observations")


@dataclass
class Year(Deployment):
    """The deployment of which a year is landed but for the gaps, and only its first date is loaded."""

    days: list[date]
    gaps: list[date]

    @property
    def landed(self) -> set[str]:
        return {str(day) for day in self.days if day not in self.gaps}


@pytest.fixture(scope="module", params=BOTH)
def year(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Year]:
    """A year of nights, ready to be loaded."""
    home = tmp_path_factory.mktemp("dagster")
    today = datetime.now(ZoneInfo(zone_at_noon())).date()
    days = [today - timedelta(days=365 - number) for number in range(365)]
    url = f"sqlite:///{home / 'inode.db'}"
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql_server")
        url = server.url(server.new_database())
    config = EmulatorConfig(links=LINKS_A_DATE, page_size=LINKS_A_DATE)
    with EmulatorServer(config) as emulator:
        variables = {
            "INODE_BASE_URL": emulator.base_url,
            "INODE_API_KEY": config.api_key,
            "INODE_WAREHOUSE_URL": url,
            "INODE_TIMEZONE": zone_at_noon(),
            "INODE_START_DATE": str(days[0]),
        }
        settings = settings_of(variables)
        gaps = [days[number] for number in GAPS]
        land_a_year(settings, [day for day in days if day not in gaps])
    with deployed(home, variables) as (address, processes):
        yield Year(address, settings, processes, days, gaps)


def land_a_year(settings: Settings, days: list[date]) -> None:
    """Sync the first date, and land the others as nights on which the load was stopped before it began."""
    first, *others = (datetime.combine(day, NIGHT, settings.zone) for day in days)
    with time_machine.travel(first) as clock:
        land_and_load(settings, first.date())
        with open_warehouse(settings) as warehouse:
            for night in others:
                clock.move_to(night)
                land(settings, warehouse, LINKS, f"night of {night.date()}", snapshot_date=night.date())


def test_thirty_landed_dates_are_loaded_within_two_minutes(year: Year) -> None:
    """From the first run's start until the end of the last, one after the other; each date once."""
    days = year.days[-30:]
    runs = year.ended(year.backfill("job", days), 600)
    assert {date_of(run): run["status"] for run in runs} == {str(day): "SUCCESS" for day in days}
    seconds = max(run["endTime"] for run in runs) - min(run["startTime"] for run in runs)
    LOG.info("thirty dates: %.0f s", seconds)
    loads = sorted(year.rows(LOADS, "started_at", "finished_at", "run_id"))
    ids = {run["runId"] for run in runs}
    assert len([load for load in loads if load[2] in ids]) == len(days)
    assert all(ended <= begun for (_, ended, _), (begun, _, _) in itertools.pairwise(loads))
    assert seconds < MONTH_S


@pytest.mark.parametrize("form", ["job", "asset"])
def test_a_week_with_three_gaps_reads_four_succeeded_and_three_failed(year: Year, form: str) -> None:
    """The page of either backfill counts true, and exactly the gaps are red at each asset."""
    week = year.days[:7]
    backfill = year.backfill(form, week)
    year.ended(backfill)
    assert year.counts(backfill) == (4, 3)
    gaps = {str(day) for day in week if day in year.gaps}
    for asset in ASSETS:
        assert year.red(asset) == gaps
        assert {str(day) for day in week} - gaps <= year.green(asset)


def test_the_command_loads_the_year_within_a_minute(year: Year) -> None:
    """`replay` needs no Dagster: one receipt for each landed date, every date in the tables."""
    command = [BIN / "inode-pipeline", "replay", "--from", str(year.days[0]), "--to", str(year.days[-1]), "--json"]
    began = time.monotonic()
    done = subprocess.run(command, env=year.processes.environment, capture_output=True, check=False, timeout=600)
    seconds = time.monotonic() - began
    LOG.info("replay: %.1f s", seconds)
    assert done.returncode == 0, done.stderr.decode()
    receipts = json.loads(done.stdout)
    assert {receipt["snapshot_date"] for receipt in receipts} == year.landed
    assert {receipt["received"] for receipt in receipts} == {LINKS_A_DATE}
    assert len(year.rows(LINKS_TABLE, "link_id")) == LINKS_A_DATE
    held = Counter(str(day) for (day,) in year.rows(LINK_FACTS.snapshots, "snapshot_date"))
    assert held == dict.fromkeys(year.landed, LINKS_A_DATE)
    assert seconds < REPLAY_S
