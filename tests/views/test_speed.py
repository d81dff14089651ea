"""Five million observations, and each of the twenty questions about one month of them within its limit."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from inode_pipeline.analysis.query import all_queries, ask
from inode_pipeline.warehouse.engine import Warehouse
from tests.views.slice import Slice

SLICE = Slice(links=500, days=35, samples=35 * 288)
LIMIT_S = {"sqlite": 5.0, "postgresql": 2.0}

# Where a question without parameters asks about less than a month, about a year that has no data here, or, although it
# speaks of one link, about all of them.
MONTH = {
    "corridor_period_daily": {"month": "2026-10"},
    "corridor_heat_map": {"month": "2026-10", "corridor_id": "c10001"},
    "corridor_series": {"month": "2026-10", "corridor_id": "c10001"},
    "coverage_daily": {"since": "2026-10-01"},
    "link_heat_map": {"month": "2026-10", "link_id": "100001"},
    "link_hourly": {"month": "2026-10", "link_id": "100001"},
    "link_lottr_annual": {"year": "2026"},
    "link_series": {"month": "2026-10", "link_id": "100001", "grain": "15min"},
    "network_changes": {"since": "2026-10-01"},
}
# There is no year before this one, and no link is silent.
WITHOUT_ROWS = {"year_on_year", "links_silent"}


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_every_question_about_a_month_is_answered_in_time(world):
    """Under 5 s on SQLite, whether or not it was ever analysed, and under 2 s on PostgreSQL.

    The time is that of the one process that computes the answer, SQLite's own or PostgreSQL's backend: so long it takes
    where nothing else is running, and a busy machine changes nothing.
    """
    SLICE.fill(world)
    assert world.one("SELECT count(*) AS n FROM link_observations")["n"] > 4_800_000
    kind = "postgresql" if world.warehouse.is_postgresql else "sqlite"
    if kind == "postgresql":
        world.execute("ANALYZE")
    else:
        sys.stdout.write(report(kind, fresh := figures(world.warehouse)))
        assert {name: s for name, s in fresh.items() if s >= LIMIT_S[kind]} == {}
        world.execute("ANALYZE")
    sys.stdout.write(report(f"{kind}, analysed", found := figures(world.warehouse)))
    assert {name: s for name, s in found.items() if s >= LIMIT_S[kind]} == {}


def figures(warehouse: Warehouse) -> dict[str, float]:
    """Seconds of CPU of each question, the lesser of two askings."""
    clock = clock_of(warehouse)
    found: dict[str, float] = {}
    for name, query in all_queries().items():
        for _ in range(2):
            begun = clock()
            answer = ask(warehouse, query, MONTH.get(name, {}))
            found[name] = min(found.get(name, 3600), clock() - begun)
        assert answer.rows or name in WITHOUT_ROWS, name
    return found


def clock_of(warehouse: Warehouse) -> Callable[[], float]:
    """The CPU clock of the process that answers. The pool has one connection; it is told to work alone."""
    if not warehouse.is_postgresql:
        return time.process_time
    with warehouse.engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("SET max_parallel_workers_per_gather = 0")
        process = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    state = Path(f"/proc/{process}/stat")
    ticks = os.sysconf("SC_CLK_TCK")
    # After the name in brackets; the 14th and 15th of all fields are user and system time.
    return lambda: sum(map(int, state.read_text().rpartition(")")[2].split()[11:13])) / ticks


def report(title: str, seconds: dict[str, float]) -> str:
    return "\n".join([f"\n{title}: seconds of CPU", *(f"  {name:30} {s:6.2f}" for name, s in seconds.items()), ""])
