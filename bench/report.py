"""The figures as Markdown, between the markers of docs/performance.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from goals import SHOWN, goals
from records import mean_bytes
from slopes import Rows, median, middle, of, slopes

BEGIN, END = "<!-- figures of `make bench` begin -->", "<!-- figures of `make bench` end -->"


def write(rows: Rows, document: Path) -> None:
    """Put the report into the document, which must hold both markers."""
    before, begin, rest = document.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{document} lacks the markers between which the figures belong: {BEGIN} and {END}")
    document.write_text(f"{before}{BEGIN}\n\n{_report(rows)}\n{END}{after}")


def _report(rows: Rows) -> str:
    throughput = of(rows, case="throughput")
    sizes = sorted({row["records"] for row in throughput})
    rounds = len({row["round"] for row in throughput})
    machine = f"Python {platform.python_version()} on {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}"
    parts = [
        f"Run until {datetime.now(UTC):%Y-%m-%d %H:%M} UTC with {machine} at its end.",
        f"Rounds: {rounds}; slopes between {' and '.join(f'{size:,}' for size in sizes)} links.",
        f"A varied record has {mean_bytes('varied'):,.0f} bytes on average, a flat one {mean_bytes('flat'):,.0f}.",
        "### Goals",
        _table(("goal", "figure", "met"), ((one.words, one.figure, one.verdict) for one in goals(rows))),
        "### CPU of one more record",
        _throughput(throughput),
        "### Whole commands",
        _commands(of(rows, case="commands")),
    ]
    return "\n\n".join(parts) + "\n"


def _throughput(rows: Rows) -> str:
    largest = max((row["records"] for row in rows), default=0)
    lines = []
    for database, step, kind, who in dict.fromkeys(
        (row["database"], row["step"], row["kind"], row["who"]) for row in rows
    ):
        found = of(rows, database=database, step=step, kind=kind, who=who)
        lines.append(
            (
                SHOWN[database],
                step,
                kind,
                who,
                f"{middle(slopes(found)):.0f}",
                f"{middle(slopes(found, 'server_cpu_s')):.0f}" if database == "postgresql" else "",
                f"{median(of(found, records=largest), 'peak_mb'):.0f}",
            )
        )
    head = ("database", "step", "records", "who", "client µs", "server µs", f"peak MB at {largest:,}")
    return _table(head, lines)


def _commands(rows: Rows) -> str:
    names = dict.fromkeys(row["name"] for row in rows)
    lines = (
        (name, *(f"{median(of(rows, name=name), figure):.2f}" for figure in ("wall_s", "cpu_s"))) for name in names
    )
    return _table(("`inode-pipeline` ...", "wall s", "CPU s"), lines)


def _table(head: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *lines))
