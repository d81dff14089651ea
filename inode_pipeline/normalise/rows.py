"""The rows that a page gives: which of its typed records stay, how many are no observation, and their hashes.

Keep out: how values are typed (`columns.py`), and what is remembered over the pages of a walk (`normaliser.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.normalise.hashes import fingerprints
from inode_pipeline.normalise.times import EARLIEST

NORMALISER_VERSION = 2
"""Raised when the same record would give another row or be refused, so that every record is read and written again."""


def winners(endpoint: Endpoint, values: Mapping[str, list[Any]], faults: Collection[int]) -> list[bool]:
    """Say which rows stay: typed, and of those with one key the one measured last, then the later one."""
    keys = values[endpoint.key.name]
    if not faults and len(set(keys)) == len(keys):
        return [True] * len(keys)
    column = endpoint.observed_at
    times = values[column.name] if column else [None] * len(keys)
    ranks = [EARLIEST - 1 if time is None else time for time in times]
    latest: dict[str, int] = {}
    for row, key in enumerate(keys):
        if row not in faults and (key not in latest or ranks[row] >= ranks[latest[key]]):
            latest[key] = row
    rows = set(latest.values())
    return [row in rows for row in range(len(keys))]


def without_data(endpoint: Endpoint, values: Mapping[str, list[Any]]) -> int:
    """Count the rows that are no observation: without a time, or with none of the measurements."""
    if (observed_at := endpoint.observed_at) is None:
        return 0
    names = [column.name for column in endpoint.columns if column.kind == "measurement" and column != observed_at]
    if None not in values[observed_at.name] and any(None not in values[name] for name in names):
        return 0
    measured = zip(*(values[name] for name in names), strict=True)
    return sum(
        time is None or all(value is None for value in measures)
        for time, measures in zip(values[observed_at.name], measured, strict=True)
    )


def with_hashes(
    endpoint: Endpoint, page: int, places: list[int], values: Mapping[str, list[Any]]
) -> dict[str, list[Any]]:
    """The columns of the rows with four more: each row's page, its place there and its two hashes."""
    columns = endpoint.columns
    configuration = [values[column.name] for column in columns if column.kind == "configuration"]
    others = [values[column.name] for column in columns if column.kind != "configuration"]
    content = fingerprints(zip(*configuration, strict=True))
    return {
        **values,
        "page": [page] * len(places),
        "position": places,
        "record_hash": fingerprints(zip(content, *others, strict=True), version=NORMALISER_VERSION),
        "content_hash": content,
    }
