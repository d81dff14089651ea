"""A year of landed dates with gaps: loaded from both of the UI's forms and from the command line, in minutes."""

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
from typing import Any
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
from tests.operating.running import Deployment

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3000)]

LOG = logging.getLogger(__name__)

LINKS_A_DATE = 500
NIGHT = time_of_day(4, 30)
GAPS = (1, 30, 31, 100, 101, 250, 363)
"""Places among the year's dates: alone, side by side, and on both sides of where one run ends and the next begins."""

BACKFILL_S = 360.0
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


@pytest.fixture(scope="module")
def backfills(year: Year) -> dict[str, tuple[float, list[dict[str, Any]]]]:
    """The seconds and the runs of a backfill of the whole year from the job page's form, then from the asset page's."""
    done = {}
    for form in ("job", "asset"):
        began = time.monotonic()
        runs = year.ended(year.backfill(form, year.days), 1200)
        done[form] = time.monotonic() - began, runs
        LOG.info("the %s page's form: %.0f s in %d runs", form, done[form][0], len(runs))
    return done


@pytest.mark.parametrize("form", ["job", "asset"])
def test_a_year_is_loaded_within_six_minutes(
    year: Year, backfills: dict[str, tuple[float, list[dict[str, Any]]]], form: str
) -> None:
    """From the launch until the last of its runs has ended; exactly the runs that have a gap are failed ones."""
    seconds, runs = backfills[form]
    for run in runs:
        first, last = (run["tags"][f"dagster/asset_partition_range_{end}"] for end in ("start", "end"))
        has_gap = any(first <= str(gap) <= last for gap in year.gaps)
        assert (first, last, run["status"]) == (first, last, "FAILURE" if has_gap else "SUCCESS")
    assert seconds < BACKFILL_S


@pytest.mark.usefixtures("backfills")
@pytest.mark.parametrize("asset", ASSETS)
def test_exactly_the_gaps_are_red(year: Year, asset: str) -> None:
    """358 dates are green and 7 are red, for each asset."""
    assert (len(year.landed), len(year.gaps)) == (358, 7)
    assert year.green(asset) == year.landed
    assert year.red(asset) == {str(gap) for gap in year.gaps}


def test_every_landed_date_is_in_the_tables(
    year: Year, backfills: dict[str, tuple[float, list[dict[str, Any]]]]
) -> None:
    """Each backfill has loaded each date once, the second without changing a row, and no two loads overlap."""
    loads = year.rows(LOADS, "started_at", "finished_at", "run_id", "snapshot_date", "inserted", "updated")
    for form, (_, runs) in backfills.items():
        ids = {run["runId"] for run in runs}
        of_form = [load for load in loads if load[2] in ids]
        assert sorted(str(load[3]) for load in of_form) == sorted(year.landed)
        assert any(load[5] for load in of_form) == (form == "job")
    spans = sorted((begun, ended) for begun, ended, *_ in loads)
    assert all(ended <= begun for (_, ended), (begun, _) in itertools.pairwise(spans))
    assert len(year.rows(LINKS_TABLE, "link_id")) == LINKS_A_DATE
    held = Counter(str(day) for (day,) in year.rows(LINK_FACTS.snapshots, "snapshot_date"))
    assert held == dict.fromkeys(year.landed, LINKS_A_DATE)


@pytest.mark.usefixtures("backfills")
def test_the_command_loads_the_year_again_within_a_minute(year: Year) -> None:
    """`replay` needs no Dagster: one receipt for each landed date, and no row changes."""
    command = [BIN / "inode-pipeline", "replay", "--from", str(year.days[0]), "--to", str(year.days[-1]), "--json"]
    began = time.monotonic()
    done = subprocess.run(command, env=year.processes.environment, capture_output=True, check=False, timeout=600)
    seconds = time.monotonic() - began
    LOG.info("replay: %.1f s", seconds)
    assert done.returncode == 0, done.stderr.decode()
    receipts = json.loads(done.stdout)
    assert {receipt["snapshot_date"] for receipt in receipts} == year.landed
    assert {(receipt["received"], receipt["unchanged"] + receipt["superseded"]) for receipt in receipts} == {
        (LINKS_A_DATE, LINKS_A_DATE)
    }
    assert seconds < REPLAY_S
