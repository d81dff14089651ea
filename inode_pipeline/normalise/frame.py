"""Typed columns -> a DataFrame with nullable types. The only file here that knows pandas' arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from inode_pipeline.endpoints.endpoint import Endpoint, Type

TEXT = pa.large_string()
TYPES: Mapping[Type, pa.DataType] = {
    "double": pa.float64(),
    "bigint": pa.int64(),
    "timestamp": pa.timestamp("us", "UTC"),
}
"""Of the types that are not kept as text."""


def make_frame(endpoint: Endpoint, typed: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """Return one row per typed record: the endpoint's columns, then the other ones, with a plain index.

    Every column is an Arrow array: large_string, double, int64 or timestamp[us, UTC], NA for NULL; geometry and json
    are JSON text. The others are hashes, which are texts, and int64.
    """
    arrays = {column.name: _array(typed[column.name], TYPES.get(column.type, TEXT)) for column in endpoint.columns}
    for name in typed:
        if name not in arrays:
            arrays[name] = _array(typed[name], TEXT if name.endswith("_hash") else pa.int64())
    return pd.DataFrame(arrays, copy=False)


def rejected_frame(rows: Sequence[tuple[int, int, str | None, str, str]]) -> pd.DataFrame:
    """Return one row per record set aside: page and position (from 1), link_id (NA if unreadable), field, reason."""
    kinds = {"page": pa.int64(), "position": pa.int64(), "link_id": TEXT, "field": TEXT, "reason": TEXT}
    columns = list(zip(*rows, strict=True)) or [()] * len(kinds)
    return pd.DataFrame({name: _array(values, kinds[name]) for name, values in zip(kinds, columns, strict=True)})


def _array(values: Sequence[Any], kind: pa.DataType) -> Any:
    return pd.arrays.ArrowExtensionArray(pa.array(values, kind))
