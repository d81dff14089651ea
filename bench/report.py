"""The figures as Markdown, between the markers of docs/performance.md.

Keep out: which goals there are (`goals.py`).
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from figures import Rows, median, of, per_record
from goals import goals

BEGIN, END = "<!-- figures of `make bench` begin -->", "<!-- figures of `make bench` end -->"


def write(rows: Rows, document: Path) -> None:
    """Put the report into the document, which must hold both markers."""
    before, begin, rest = document.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{document} lacks the markers between which the figures stand: {BEGIN} and {END}")
    document.write_text(f"{before}{BEGIN}\n\n{_report(rows)}\n{END}{after}")


def _report(rows: Rows) -> str:
    now = datetime.now(UTC)
    busy = os.getloadavg()[0]
    machine = f"Python {platform.python_version()} on {os.cpu_count()} cores, load average {busy:.1f} at its end"
    parts = [
        f"Run until {now:%Y-%m-%d %H:%M} UTC with {machine}.",
        "### Goals",
        _table(("goal", "figure", "met"), ((one.words, one.figure, one.verdict) for one in goals(rows))),
        "### Client CPU, memory and rows written",
        _throughput(of(rows, case="throughput")),
        "### Landing at a distance",
        _latency(of(rows, case="latency")),
        "### A first sync at a distance, in seconds of wall",
        _distance(of(rows, case="distance")),
        "### Whole commands",
        _commands(rows),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _throughput(rows: Rows) -> str:
    lines = []
    for records, database, step, who in dict.fromkeys(
        (row["records"], row["database"], row["step"], row["who"]) for row in rows
    ):
        found = of(rows, records=records, database=database, step=step, who=who)
        ours = of(rows, records=records, database=database, step=step, who="ours")
        cost = per_record(found)
        lines.append(
            (
                f"{records:,}",
                database,
                step,
                who,
                f"{cost:.1f}",
                f"{cost / per_record(ours):.1f}",
                f"{median(found, 'peak_mb'):.0f}",
                f"{median(found, 'rows_written'):,.0f}",
                f"{median(found, 'wal_bytes') / 1e6:.1f}" if database == "postgresql" else "",
            )
        )
    head = ("records", "database", "step", "who", "µs/rec", "of ours", "peak MB", "rows written", "WAL MB")
    return _table(head, sorted(lines, key=lambda line: (int(line[0].replace(",", "")), line[1])))


def _latency(rows: Rows) -> str:
    lines = (
        (
            pagination,
            str(latency_ms),
            *(f"{median(of(found, concurrency=number), 'land_wall_s'):.2f}" for number in (1, 8)),
        )
        for pagination, latency_ms in dict.fromkeys((row["pagination"], row["latency_ms"]) for row in rows)
        for found in [of(rows, pagination=pagination, latency_ms=latency_ms)]
    )
    return _table(("pages by", "latency ms", "s with INODE_CONCURRENCY=1", "s with 8"), lines)


def _distance(rows: Rows) -> str:
    whos = list(dict.fromkeys(row["who"] for row in rows))
    lines = (
        (str(latency_ms), *(f"{median(of(rows, latency_ms=latency_ms, who=who), 'wall_s'):.2f}" for who in whos))
        for latency_ms in dict.fromkeys(row["latency_ms"] for row in rows)
    )
    return _table(("latency ms", *whos), lines)


def _commands(rows: Rows) -> str:
    nights = dict.fromkeys(row["step"] for row in of(rows, case="nightly"))
    named = [(f"`inode-pipeline sync`, 5,000 links, {step}", of(rows, case="nightly", step=step)) for step in nights]
    named += [
        (f"`inode-pipeline replay`, {row['dates']} dates of {row['links']} links", [row])
        for row in of(rows, case="replay")
    ]
    named.append(("`inode-pipeline --help`", of(rows, case="help")))
    lines = ((name, *(f"{median(found, key):.2f}" for key in ("wall_s", "cpu_s"))) for name, found in named if found)
    return _table(("command", "wall s", "CPU s"), lines)


def _table(head: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *lines))
