"""`make bench`: run every case, keep the figures in data/bench.json, and write docs/performance.md and its plot.

BENCH_RECORDS (10000,100000), BENCH_REPEATS (3), BENCH_DATES (365) make a quick look quicker; BENCH_FULL=1 adds a
million records. BENCH_ONLY names the cases to run again, separated by commas; BENCH_WHO the contestants, separated by
semicolons. The figures of other cases, sizes and contestants are kept.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cases
import contest
import postgresql
import report

HERE = Path(__file__).parent
FIGURES = HERE.parent / "data" / "bench.json"
DOCUMENT = HERE.parent / "docs" / "performance.md"
TOLD = ("case", "who", "database", "records", "step", "pagination", "latency_ms")
PLOT = HERE.parent / "docs" / "performance.svg"


def main() -> None:
    """Run what is asked for, and write the report."""
    contest.make_environment()
    wanted = os.environ.get("BENCH_ONLY", "throughput,latency,distance,nightly,replay,help").split(",")
    kept = json.loads(FIGURES.read_text()) if FIGURES.exists() else []
    rows = [row for row in kept if not _is_run_again(row, wanted)]
    begun = time.monotonic()
    with postgresql.running() as server:
        for row in _runs(server, wanted):
            rows.append(row)
            print(f"{time.monotonic() - begun:6.0f} s  {_told(row)}", flush=True)
            FIGURES.parent.mkdir(exist_ok=True)
            FIGURES.write_text(json.dumps(rows, indent=1))
    report.write(rows, DOCUMENT)
    subprocess.run([str(contest.OWN_PYTHON), str(HERE / "plot.py"), str(FIGURES), str(PLOT)], check=True)
    print(f"Written: {DOCUMENT}", file=sys.stderr)


def _is_run_again(row: dict[str, Any], wanted: list[str]) -> bool:
    if row["case"] != "throughput" or "throughput" not in wanted:
        return row["case"] in wanted
    return row["records"] in _sizes() and row["who"] in os.environ.get("BENCH_WHO", row["who"]).split(";")


def _sizes() -> list[int]:
    sizes = [int(size) for size in os.environ.get("BENCH_RECORDS", "10000,100000").split(",")]
    return [*sizes, 1_000_000] if os.environ.get("BENCH_FULL") == "1" else sizes


def _runs(server: postgresql.Server, wanted: list[str]) -> Iterator[dict[str, Any]]:
    repeats = int(os.environ.get("BENCH_REPEATS", "3"))
    if "help" in wanted:
        yield from cases.start_up(server, repeats)
    if "nightly" in wanted:
        yield from cases.nightly(server, repeats)
    if "latency" in wanted:
        yield from cases.latency(server, repeats)
    if "distance" in wanted:
        yield from cases.distance(server, repeats)
    if "replay" in wanted:
        yield from cases.replay(server, int(os.environ.get("BENCH_DATES", "365")), 500)
    if "throughput" in wanted:
        yield from cases.throughput(server, _sizes(), repeats)


def _told(row: dict[str, Any]) -> str:
    what = [str(row[name]) for name in TOLD if name in row]
    return f"{' '.join(what)}: {row['cpu_s']:.2f} s CPU, {row['wall_s']:.2f} s, {row['peak_mb']:.0f} MB"


if __name__ == "__main__":
    main()
