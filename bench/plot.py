"""The plot of the report: client CPU a record, by contestant and step. Run by the benchmark's own environment."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "bench"
import matplotlib.pyplot as plt  # noqa: E402 - after the backend is chosen

STEPS = ("first", "unchanged", "1 % changed")


def main() -> None:
    """Draw one panel for each database, of the largest size that every contestant has."""
    rows = [row for row in json.loads(Path(sys.argv[1]).read_text()) if row["case"] == "throughput"]
    figure, panels = plt.subplots(1, 2, figsize=(10, 4), sharey=True)
    whos = list(dict.fromkeys(row["who"] for row in rows))
    for panel, database in zip(panels, ("sqlite", "postgresql"), strict=True):
        for place, who in enumerate(whos):
            size = max(row["records"] for row in rows if row["who"] == who and row["records"] < 1_000_000)
            heights = [_median(rows, who, database, size, step) for step in STEPS]
            offsets = [step + (place - len(whos) / 2) * 0.16 for step in range(len(STEPS))]
            panel.bar(offsets, heights, 0.15, label=f"{who} ({size:,})")
        panel.set(title=database, xticks=range(len(STEPS)), xticklabels=STEPS, yscale="log")
    panels[0].set_ylabel("client CPU, µs a record (log)")
    panels[1].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(sys.argv[2], metadata={"Date": None})


def _median(rows: list[dict[str, float]], who: str, database: str, size: int, step: str) -> float:
    wanted = {"who": who, "database": database, "records": size, "step": step}
    found = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    costs = [(row["cpu_s"] - row.get("confirm_cpu_s", 0)) / size * 1e6 for row in found]
    return statistics.median(costs) if costs else float("nan")


if __name__ == "__main__":
    main()
