"""Typed columns -> a DataFrame with nullable types. The only file here that knows pandas' arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from inode_pipeline.endpoints.endpoint import Column, Endpoint

_NOT_A_TIME = int(np.iinfo(np.int64).min)


def make_frame(endpoint: Endpoint, typed: Mapping[str, list[Any]], added: Mapping[str, list[Any]]) -> pd.DataFrame:
    """Return one row per typed record: the endpoint's columns, then the added ones, with a plain index.

    string, Float64, Int64 and datetime64[us, UTC], NA for NULL; geometry and json are JSON text. Added columns are
    int64 or string by their content.
    """
    arrays = {column.name: _array(column, typed[column.name]) for column in endpoint.columns}
    arrays |= {name: _texts(values) if name.endswith("_hash") else _integers(values) for name, values in added.items()}
    return pd.DataFrame(arrays, copy=False)


def rejected_frame(rows: list[tuple[int, int, str | None, str, str]]) -> pd.DataFrame:
    """Return one row per record set aside: page and position (from 1), link_id (NA if unreadable), field, reason."""
    pages, positions, keys, fields, reasons = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    return pd.DataFrame(
        {
            "page": _integers(list(pages)),
            "position": _integers(list(positions)),
            "link_id": _texts(list(keys)),
            "field": _texts(list(fields)),
            "reason": _texts(list(reasons)),
        }
    )


def _array(column: Column, values: list[Any]) -> Any:
    if column.type == "double":
        return _doubles(values)
    if column.type == "bigint":
        return _counts(values)
    if column.type == "timestamp":
        return _times(values)
    return _texts(values)


def _texts(values: list[Any]) -> Any:
    return pd.arrays.ArrowStringArray(pa.array(values, pa.large_string()))


def _integers(values: list[int]) -> Any:
    return np.array(values, dtype=np.int64)


def _doubles(values: list[Any]) -> Any:
    numbers = np.array(values, dtype=np.float64)  # None becomes NaN
    return pd.arrays.FloatingArray(numbers, np.isnan(numbers))


def _counts(values: list[Any]) -> Any:
    absent = np.array([value is None for value in values], dtype=bool)
    numbers = np.array([0 if value is None else value for value in values], dtype=np.int64)
    return pd.arrays.IntegerArray(numbers, absent)


def _times(values: list[Any]) -> Any:
    instants = np.array([_NOT_A_TIME if value is None else value for value in values], dtype=np.int64)
    return pd.DatetimeIndex(instants.view("M8[us]")).tz_localize("UTC").array
