"""Rows of figures: picked by what they are of, and reduced to a median."""

from __future__ import annotations

import statistics
from typing import Any

Rows = list[dict[str, Any]]


def of(rows: Rows, **wanted: object) -> Rows:
    """Return the rows that have these values."""
    return [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]


def median(rows: Rows, name: str) -> float:
    """Return the median of one figure; NaN where there is no row."""
    return statistics.median(row.get(name, 0) for row in rows) if rows else float("nan")


def per_record(rows: Rows) -> float:
    """Return the median client CPU in microseconds a record, without the confirming walk and without imports."""
    if not rows:
        return float("nan")
    return statistics.median((row["cpu_s"] - row.get("confirm_cpu_s", 0)) / row["records"] * 1e6 for row in rows)
