"""Typed pages -> DataFrames with nullable types. The only file here that knows pandas' arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
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
"""Types other than text."""

Rejected = tuple[int, int, str | None, str, str]
"""Page and position (from 1), key (None if unreadable), field, reason."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One page, typed: `typed` has the columns of its typed records (see `make_frame`), `set_aside` the other records.

    `received` counts the page's records; those neither typed nor set aside are `duplicate`.
    `unreadable` are the rejected ones without a readable key; `no_data` those without a time or a measurement.
    """

    endpoint: Endpoint
    typed: Mapping[str, Sequence[Any]]
    set_aside: Sequence[Rejected]
    received: int
    duplicate: int
    unreadable: int
    no_data: int

    @property
    def rows(self) -> int:
        """How many records to stage, the rejected ones included."""
        return len(self.typed["page"]) + len(self.set_aside)

    @property
    def frame(self) -> pd.DataFrame:
        """One row per typed record."""
        return frames([self])[0]

    @property
    def rejected(self) -> pd.DataFrame:
        """One row per record set aside."""
        return frames([self])[1]


def frames(batches: Sequence[Batch]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The typed records and the rejected ones of at least one batch, in their order."""
    first = batches[0]
    columns = {name: _joined([batch.typed[name] for batch in batches]) for name in first.typed}
    return make_frame(first.endpoint, columns), rejected_frame(_joined([batch.set_aside for batch in batches]))


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


def rejected_frame(rows: Sequence[Rejected]) -> pd.DataFrame:
    """Return one row per record set aside: page and position (from 1), link_id (NA if unreadable), field, reason."""
    kinds = {"page": pa.int64(), "position": pa.int64(), "link_id": TEXT, "field": TEXT, "reason": TEXT}
    columns = list(zip(*rows, strict=True)) or [()] * len(kinds)
    return pd.DataFrame({name: _array(values, kinds[name]) for name, values in zip(kinds, columns, strict=True)})


def _joined(parts: Sequence[Sequence[Any]]) -> Sequence[Any]:
    return parts[0] if len(parts) == 1 else list(chain.from_iterable(parts))


def _array(values: Sequence[Any], kind: pa.DataType) -> Any:
    return pd.arrays.ArrowExtensionArray(pa.array(values, kind))
