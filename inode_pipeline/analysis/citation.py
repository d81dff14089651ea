"""The paragraph that stands under a number in a report: what it rests on, how it is defined, and what computed it.

Keep out: the number itself (`query.py`).
"""

from __future__ import annotations

import re

import inode_pipeline
from inode_pipeline.analysis.query import Answer, Query, ask, view_entries
from inode_pipeline.warehouse.engine import Warehouse
from inode_pipeline.warehouse.stored import stored_zone

_NOW = Query("now", "When is now?", (), "SELECT now_at, now_local FROM data_now")


def citation(warehouse: Warehouse, query: Query, answer: Answer) -> str:
    """One paragraph: data as of, days, bins, coverage, baseline and version, definition with source, package version.

    What the answer has no column for is left out.
    """
    parts = [
        f"{query.question.rstrip('?')}: {len(answer.rows)} row{'s'[: len(answer.rows) != 1]}.",
        _as_of(warehouse),
        *_basis(answer),
        *_definitions(query),
        f"Computed by inode-pipeline {inode_pipeline.__version__}, query {query.name}.",
    ]
    return " ".join(part for part in parts if part)


def _as_of(warehouse: Warehouse) -> str:
    rows = ask(warehouse, _NOW, {}).rows
    if not rows:
        return "No data was loaded yet."
    return f"Data as of {rows[0][1]:%Y-%m-%d %H:%M} local time ({stored_zone(warehouse)}), {rows[0][0]:%H:%M} UTC."


def _basis(answer: Answer) -> list[str]:
    said = []
    if bins := [int(str(value)) for value in answer.values("n_bins")]:
        said.append(f"{sum(bins)} bins of 15 minutes")
    if days := [int(str(value)) for value in answer.values("n_days")]:
        said.append(f"{_range(min(days), max(days))} days a row")
    if coverage := [float(str(value)) for value in answer.values("coverage_pct")]:
        said.append(f"coverage {_range(round(min(coverage)), round(max(coverage)))} %")
    methods = sorted({str(value) for value in answer.values("baseline_method")})
    versions = sorted({int(str(value)) for value in answer.values("baseline_version")})
    if methods:
        which = f", version {', '.join(map(str, versions))}" if versions else ""
        said.append(f"baseline {', '.join(methods)}{which}")
    text = "; ".join(said)
    return [f"{text[0].upper()}{text[1:]}."] if text else []


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"


def _definitions(query: Query) -> list[str]:
    """What the views of the query say of themselves; plumbing such as data_now apart."""
    used = re.findall(r"\bFROM (\w+)", query.select)
    said = view_entries()
    return [said[name, ""].description for name in dict.fromkeys(used) if (name, "") in said and name != "data_now"]
