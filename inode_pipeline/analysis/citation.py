"""The citation of a query's answer: the query and its parameters, the data behind it, and how its measures are defined.

It uses the parameter values with which the query ran, defaults included, so it always matches the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

import inode_pipeline
from inode_pipeline.analysis.query import Answer, Query, ask_within, count_without_limit, view_entries
from inode_pipeline.analysis.receipts import many
from inode_pipeline.warehouse.engine import Warehouse
from inode_pipeline.warehouse.stored import stored_zone

_NOW = Query("now", "When is now?", (), "SELECT now_at, now_local FROM data_now")
_STUDY_DAYS = ("before_from", "before_to", "after_from", "after_to")


def citation(
    connection: Connection, warehouse: Warehouse, query: Query, answer: Answer, columns: Sequence[str] | None = None
) -> str:
    """One paragraph, with the parts for which the answer has columns.

    `columns` are the column names as shown, which differ from the answer's own in US units.
    """
    parts = [
        f"{query.question.rstrip('?')}{_asked(answer.parameters)}: {_rows(connection, warehouse, query, answer)}.",
        _as_of(connection, warehouse),
        *_basis(answer),
        *_definitions(query, dict(zip(answer.columns, columns or answer.columns, strict=True))),
        f"Computed by inode-pipeline {inode_pipeline.__version__}, query {query.name}.",
    ]
    return " ".join(part for part in parts if part)


def _asked(values: Mapping[str, object]) -> str:
    """The parameter values. A range of days is already described by `month`."""
    hidden = {"limit"} | ({"from", "to", "weekdays"} if "month" in values and "from" in values else set())
    said = [f"{name.replace('_id', '')} {_text(value)}" for name, value in values.items() if name not in hidden]
    return f" ({', '.join(said)})" if said else ""


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _rows(connection: Connection, warehouse: Warehouse, query: Query, answer: Answer) -> str:
    every = count_without_limit(connection, warehouse, query, answer)
    if every > len(answer.rows):
        return f"first {len(answer.rows)} of {every} rows"
    return many(every, "row")


def _as_of(connection: Connection, warehouse: Warehouse) -> str:
    rows = ask_within(connection, warehouse, _NOW, {}).rows
    if not rows:
        return "No data was loaded yet."
    return f"Data as of {rows[0][1]:%Y-%m-%d %H:%M} local time ({stored_zone(warehouse)}), {rows[0][0]:%H:%M} UTC."


def _basis(answer: Answer) -> list[str]:
    said = [*_study_days(answer)]
    if bins := [int(str(value)) for value in answer.values("n_bins")]:
        said.append(f"{sum(bins)} bins of 15 minutes")
    if days := [int(str(value)) for value in answer.values("n_days")]:
        said.append(f"{_range(min(days), max(days))} days per row")
    if coverage := [float(str(value)) for value in answer.values("coverage_pct")]:
        said.append(f"coverage {_range(round(min(coverage)), round(max(coverage)))} %")
    methods = sorted({str(value) for value in answer.values("baseline_method")})
    versions = sorted({int(str(value)) for value in answer.values("baseline_version")})
    if methods:
        which = f", version {', '.join(map(str, versions))}" if versions else ""
        said.append(f"baseline {', '.join(methods)}{which}")
    text = "; ".join(said)
    return [f"{text[0].upper()}{text[1:]}."] if text else []


def _study_days(answer: Answer) -> list[str]:
    if not set(_STUDY_DAYS) <= set(answer.columns):
        return []
    return [
        f"study {row['study_id']}: {row['before_from']} to {row['before_to']} ({row['n_days_before']} days counted) "
        f"before, {row['after_from']} to {row['after_to']} ({row['n_days_after']}) after"
        for row in answer.records()
    ]


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"


def _definitions(query: Query, shown: Mapping[str, str]) -> list[str]:
    """One sentence with each measure shown and the first part of its description in the view."""
    used = re.findall(r"\bFROM (\w+)", query.select)
    explained = view_entries()
    said = []
    for column, name in shown.items():
        entry = next((explained[view, column] for view in used if (view, column) in explained), None)
        if entry is not None and (entry.unit is not None or entry.type == "double"):
            said.append(f"{name}, {entry.description.split(';')[0]}")
    return [f"Measures: {'; '.join(said)}."] if said else []
