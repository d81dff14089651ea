"""What a year costs: `python bench/scale.py` measures slices of it and prints the table in docs/scale.md.

A slice is a first load and then samples, each with another measurement of every link, or landed nights.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))  # for tests.postgresql

from api import Api  # noqa: E402 - after the path
from contest import OURS, Target, run  # noqa: E402

from tests.postgresql import PostgreSQLServer, running_postgresql  # noqa: E402

SIZES = {500: 8, 5_000: 8, 50_000: 3}
"""How many links, and how many samples or nights of them are measured."""

FIRST = date(2026, 10, 1)
SETTLE_S = 3
"""Autovacuum looks every second here and every minute elsewhere, where a quarter of an hour lies between samples."""


class Slice(NamedTuple):
    """What one sample or night costs; MB of disk, and the peak MB of memory."""

    mb: float
    cpu_s: float
    wall_s: float
    peak_mb: float


def main() -> None:
    """Print one line for each size, database and rhythm."""
    print("| links | database | rhythm | MB each | GB a year | CPU s each | s each | peak MB |")
    print("|---|---|---|---|---|---|---|---|")
    with running_postgresql() as server:
        server.execute("ALTER SYSTEM SET autovacuum_naptime = '1s'")
        server.execute("SELECT pg_reload_conf()")
        for links, times in SIZES.items():
            for database in ("sqlite", "postgresql"):
                with tempfile.TemporaryDirectory() as folder:
                    for line in _slices(server, Path(folder), database, links, times):
                        print(line, flush=True)


def _slices(server: PostgreSQLServer, folder: Path, database: str, links: int, times: int) -> Iterator[str]:
    yield _row(links, database, "15 min", 96 * 365, _samples(server, folder / "samples", database, links, times))
    yield _row(links, database, "nightly", 365, _nights(server, folder / "nights", database, links, times))


def _samples(server: PostgreSQLServer, folder: Path, database: str, links: int, times: int) -> Slice:
    """Samples after a first load, each a process of its own."""
    with Api() as api:
        target = _target(api, server, folder, database)
        sizes, costs = [], []
        for number in range(times + 1):
            api.serve(links, quarters=number)
            costs.append(run([*OURS, "sync"], target))
            time.sleep(SETTLE_S)
            sizes.append(_size_mb(server, target))
    if database == "postgresql":
        print(f"{links} links after {times} samples: {_vacuum(server, target)}", file=sys.stderr)
    cpu_s, wall_s = (statistics.median(cost[name] for cost in costs[1:]) for name in ("cpu_s", "wall_s"))
    return Slice((sizes[-1] - sizes[0]) / times, cpu_s, wall_s, max(cost["peak_mb"] for cost in costs))


def _nights(server: PostgreSQLServer, folder: Path, database: str, links: int, times: int) -> Slice:
    """Nights that are landed and then loaded by one `replay`, whose cost is shared among them."""
    with Api() as api:
        target = _target(api, server, folder, database)
        empty_mb = _size_mb(server, target)
        run([sys.executable, str(HERE / "clients" / "land_dates.py"), str(FIRST), str(times), str(links)], target)
        last = FIRST + timedelta(days=times - 1)
        cost = run([*OURS, "replay", "--from", str(FIRST), "--to", str(last)], target)
        size_mb = _size_mb(server, target) - empty_mb
    return Slice(size_mb / times, cost["cpu_s"] / times, cost["wall_s"] / times, cost["peak_mb"])


def _row(links: int, database: str, rhythm: str, a_year: int, part: Slice) -> str:
    figures = (
        f"{part.mb:.2f} | {part.mb * a_year / 1000:.1f} | {part.cpu_s:.1f} | {part.wall_s:.1f} | {part.peak_mb:.0f}"
    )
    return f"| {links:,} | {database} | {rhythm} | {figures} |"


def _target(api: Api, server: PostgreSQLServer, folder: Path, database: str) -> Target:
    folder.mkdir()
    url = f"sqlite:///{folder / 'scale.db'}" if database == "sqlite" else server.url(server.new_database())
    target = Target(api.base_url, url, folder)
    run([*OURS, "migrate"], target)
    return target


def _size_mb(server: PostgreSQLServer, target: Target) -> float:
    if target.url.startswith("sqlite"):
        return sum(path.stat().st_size for path in target.folder.glob("scale.db*")) / 1e6
    name = target.url.rpartition("/")[2]
    ((size,),) = server.execute(f"SELECT pg_database_size('{name}')")
    assert isinstance(size, int)
    return size / 1e6


def _vacuum(server: PostgreSQLServer, target: Target) -> str:
    """The size of `links` with its dead rows, and how often autovacuum came."""
    ((text,),) = server.execute(
        "SELECT format('links %s MB, %s live and %s dead rows, vacuumed %s times', "
        "pg_total_relation_size(relid) / 1000000, n_live_tup, n_dead_tup, autovacuum_count) "
        "FROM pg_stat_user_tables WHERE relname = 'links'",
        target.url.rpartition("/")[2],
    )
    return str(text)


if __name__ == "__main__":
    main()
