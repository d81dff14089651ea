"""`make bench`: run every case once, keep the figures in data/bench.json, and write them into docs/performance.md.

BENCH_SIZES (10000,100000), BENCH_LARGE (1000000), BENCH_ROUNDS (3) and BENCH_DATES (365) make a quick look quicker.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))  # for tests.postgresql

import cases  # noqa: E402 - after the path
import contest  # noqa: E402
import report  # noqa: E402

from tests.postgresql import PostgreSQLServer, running_postgresql  # noqa: E402

FIGURES = HERE.parent / "data" / "bench.json"
DOCUMENT = HERE.parent / "docs" / "performance.md"
SHOWN = ("case", "round", "database", "records", "step", "kind", "who", "name")


def main() -> None:
    """Run everything, and write the report."""
    contest.make_environment()
    rows: list[dict[str, Any]] = []
    begun = time.monotonic()
    FIGURES.parent.mkdir(exist_ok=True)
    with running_postgresql() as server:
        for row in _runs(server):
            rows.append(row)
            what = " ".join(str(row[name]) for name in SHOWN if name in row)
            figures = f"{row['cpu_s']:.2f} s CPU, {row['wall_s']:.2f} s, {row['peak_mb']:.0f} MB"
            print(f"{time.monotonic() - begun:6.0f} s  {what}: {figures}", flush=True)
            FIGURES.write_text(json.dumps(rows, indent=1))
    report.write(rows, DOCUMENT)
    print(f"Written: {DOCUMENT}", file=sys.stderr)


def _runs(server: PostgreSQLServer) -> Iterator[dict[str, Any]]:
    rounds = int(os.environ.get("BENCH_ROUNDS", "3"))
    sizes = [int(size) for size in os.environ.get("BENCH_SIZES", "10000,100000").split(",")]
    yield from cases.start_up(server, rounds)
    yield from cases.nightly(server, rounds)
    yield from cases.latency(server)
    yield from cases.replay(server, int(os.environ.get("BENCH_DATES", "365")), 500)
    yield from cases.throughput(server, sizes, rounds)
    yield from cases.large(server, int(os.environ.get("BENCH_LARGE", "1000000")))


if __name__ == "__main__":
    main()
