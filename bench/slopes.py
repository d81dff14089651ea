"""What one more record costs: the difference between a large and a small run, in which the start of a process cancels.

A ratio of two contestants is taken within each round, where both had the same machine, and its median is reported.
"""

from __future__ import annotations

import math
import statistics
from typing import Any

Rows = list[dict[str, Any]]


def of(rows: Rows, **wanted: object) -> Rows:
    """Return the rows that have these values."""
    return [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]


def median(rows: Rows, name: str) -> float:
    """Return the median of one figure; NaN where there is no row."""
    return statistics.median(row[name] for row in rows) if rows else math.nan


def slopes(rows: Rows, name: str = "cpu_s", **wanted: object) -> dict[int, float]:
    """Return, by round, microseconds a record between the smallest and the largest size of these rows."""
    found = {(row["round"], row["records"]): row[name] for row in of(rows, **wanted)}
    sizes = sorted({records for _, records in found})
    if len(sizes) < 2:
        return {}
    small, large = sizes[0], sizes[-1]
    rounds = {number for number, _ in found if {(number, small), (number, large)} <= found.keys()}
    return {one: (found[one, large] - found[one, small]) / (large - small) * 1e6 for one in sorted(rounds)}


def middle(by_round: dict[int, float]) -> float:
    """Return the median over the rounds; NaN where there is none."""
    return statistics.median(by_round.values()) if by_round else math.nan


def ratio(one: dict[int, float], other: dict[int, float]) -> float:
    """Return the median ratio over the rounds that both have; NaN where there is none."""
    return middle({number: one[number] / other[number] for number in one.keys() & other.keys()})
