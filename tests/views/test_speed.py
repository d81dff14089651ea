"""Each query is fast enough on fifteen months of quarter hours of 500 links, without database statistics."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from inode_pipeline.analysis.query import all_queries, ask
from inode_pipeline.warehouse.engine import Warehouse
from tests.views.slice import Slice

SLICE = Slice(links=500, days=461, samples=461 * 96, every_min=15, first=date(2025, 10, 1))
LIMIT_S = {"sqlite": 5.0, "postgresql": 2.0}

# The parameters of queries about one link, corridor or month.
ABOUT = {
    "corridor_heat_map": {"month": "2026-12", "corridor_id": "c10000"},
    "corridor_period_daily": {"month": "2026-12"},
    "corridor_series": {"month": "2026-12", "corridor_id": "c10000"},
    "link_heat_map": {"month": "2026-12", "link_id": "100001"},
    "link_hourly": {"month": "2026-12", "link_id": "100001"},
    "link_series": {"month": "2026-12", "link_id": "100001", "grain": "15min"},
}
# They read ten million bins of a year, or two million of all months: reported, without a limit.
READS_MORE = {"link_lottr_annual", "link_lottr_rolling", "network_monthly"}
# Nothing changed in the night before, and no link is silent.
WITHOUT_ROWS = {"links_silent", "network_changes"}


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_every_question_is_answered_in_time(world):
    """At most 5 s on SQLite and 2 s on PostgreSQL, on a database without statistics.

    Measured is the CPU time of the process that computes the answer (PostgreSQL's backend, or this one), so that other
    processes on the machine do not matter.
    """
    kind = "postgresql" if world.warehouse.is_postgresql else "sqlite"
    if kind == "postgresql":
        world.execute("ALTER TABLE link_bins SET (autovacuum_enabled = off)")
    SLICE.fill(world)
    assert world.one("SELECT count(*) AS n FROM link_bins")["n"] > 20_000_000
    sys.stdout.write(report(kind, found := figures(world.warehouse)))
    assert {name: s for name, s in found.items() if s > LIMIT_S[kind] and name not in READS_MORE} == {}


def figures(warehouse: Warehouse) -> dict[str, float]:
    """Seconds of CPU of each query, the lower of two runs."""
    clock = clock_of(warehouse)
    found: dict[str, float] = {}
    for name, query in all_queries().items():
        for _ in range(1 if name in READS_MORE else 2):
            begun = clock()
            answer = ask(warehouse, query, ABOUT.get(name, {}))
            found[name] = min(found.get(name, 3600), clock() - begun)
        assert answer.rows or name in WITHOUT_ROWS, name
    return found


def clock_of(warehouse: Warehouse) -> Callable[[], float]:
    """The CPU clock of the process that answers. The pool has one connection, without parallel workers."""
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
