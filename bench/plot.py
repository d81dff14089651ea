"""The plot of the report: client CPU a record, by contestant and step. Run by the benchmark's own environment."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl
from figures import of, per_record

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
            theirs = of(rows, who=who, database=database, records=size)
            heights = [per_record(of(theirs, step=step)) for step in STEPS]
            offsets = [step + (place - len(whos) / 2) * 0.16 for step in range(len(STEPS))]
            panel.bar(offsets, heights, 0.15, label=f"{who} ({size:,})")
        panel.set(title=database, xticks=range(len(STEPS)), xticklabels=STEPS, yscale="log")
    panels[0].set_ylabel("client CPU, µs a record (log)")
    panels[1].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(sys.argv[2], metadata={"Date": None})


if __name__ == "__main__":
    main()
