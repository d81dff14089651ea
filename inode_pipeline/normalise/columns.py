"""All columns of one page: each filled by its source, typed, and the records set aside that cannot be.

Keep out: what is remembered over the pages of a walk (`normaliser.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from inode_pipeline.endpoints.endpoint import Column, Endpoint, Type
from inode_pipeline.normalise.checks import ColumnHistory
from inode_pipeline.normalise.extra import UNSTORABLE, read_extra
from inode_pipeline.normalise.fields import Fields
from inode_pipeline.normalise.geometry import GeometryReader
from inode_pipeline.normalise.json_text import canonical_json
from inode_pipeline.normalise.plain import PlainFields
from inode_pipeline.normalise.sources import Filling, fill
from inode_pipeline.normalise.sums import Sums
from inode_pipeline.normalise.times import read_times
from inode_pipeline.normalise.values import (
    Typed,
    UnreadableError,
    read_counts,
    read_doubles,
    read_each,
    read_keys,
    read_texts,
)

Fault = tuple[str, str]
"""The field that could not be typed and why, without its value."""


@dataclass(slots=True)
class TypedPage:
    """Typed values by column name, one entry per record (times in microseconds since 1970, None for NULL).

    `faults` holds the first fault of each record that cannot be typed, by its row.
    """

    values: dict[str, list[Any]] = field(default_factory=dict)
    faults: dict[int, Fault] = field(default_factory=dict)


class ColumnReader:
    """Reads pages into columns, keeps each column's history over the walk, and adds to its sums."""

    def __init__(self, endpoint: Endpoint, sums: Sums) -> None:
        self.endpoint = endpoint
        self.sums = sums
        self.histories = {column.name: ColumnHistory() for column in endpoint.columns}
        self._geometry = {c.name: GeometryReader(c) for c in endpoint.columns if c.type == "geometry"}

    def read(self, fields: Fields | PlainFields) -> TypedPage:
        """Type every column of a page's records."""
        page = TypedPage()
        fillings = []
        for column in self.endpoint.columns:
            if column.kind != "rest":
                filling = fields.fill(column) if isinstance(fields, PlainFields) else fill(column, fields)
                fillings.append(filling)
                typed = (filling.values, {}) if filling.is_typed else self._typed(column, filling.values)
                page.values[column.name], reasons = typed
                self._remember(column, filling, reasons, len(fields.records))
                for row, reason in reasons.items():
                    place = filling.path(row) or column.sources[0]
                    page.faults.setdefault(row, (place, f"{column.name}: {reason}"))
        for column in self.endpoint.columns:
            if column.kind == "rest":
                page.values[column.name], faults = _rest(fields, fillings)
                page.faults = faults | page.faults
        self._derive_free_flow(page.values)
        self.sums.broken_points = sum(reader.broken_points for reader in self._geometry.values())
        return page

    def _typed(self, column: Column, values: list[Any]) -> Typed:
        if column.kind == "key":
            return read_keys(values)
        readers: dict[Type, Callable[[], Typed]] = {
            "text": lambda: read_texts(values),
            "double": lambda: read_doubles(column, values),
            "bigint": lambda: read_counts(values),
            "timestamp": lambda: read_times(column, values),
            "geometry": lambda: self._geometry[column.name].read(values),
            "json": lambda: read_each(values, _json),  # other than the rest, which is read last
        }
        return readers[column.type]()

    def _remember(self, column: Column, filling: Filling, reasons: Mapping[int, str], count: int) -> None:
        self.sums.missing[column.name] += filling.missing
        paths = Counter(filling.used) if isinstance(filling.used, list) else {filling.used: count - filling.missing}
        for path, times in paths.items():
            if path is not None:
                self.sums.use(column.name, path, times)
        history = self.histories[column.name]
        history.attempted += count - filling.values.count(None)
        history.failed += sum(filling.values[row] is not None for row in reasons)
        if reasons and not history.reason:
            history.reason = next(iter(reasons.values()))

    def _derive_free_flow(self, values: dict[str, list[Any]]) -> None:
        """Fill in the free-flow time that a record does not give, where its length and speed are known."""
        motion = self.endpoint.free_flow
        if motion is None or None not in values[motion.time]:
            return
        given = values[motion.time]
        derived = _free_flow_times(values[motion.length], values[motion.speed])
        values[motion.time] = [mine if time is None else time for time, mine in zip(given, derived, strict=True)]


def _rest(fields: Fields | PlainFields, fillings: Sequence[Filling]) -> tuple[list[str | None], dict[int, Fault]]:
    if isinstance(fields, PlainFields):
        return [*fields.rest(fillings)], {}
    return read_extra(fields, fillings)


def _json(value: object) -> str:
    text = canonical_json(value)
    if text is None:
        raise UnreadableError(UNSTORABLE)
    return text


def _free_flow_times(lengths_m: list[float | None], speeds_kmh: list[float | None]) -> list[float | None]:
    """The seconds that each length takes at its speed; None where either is not known, or there is no such number."""
    with np.errstate(all="ignore"):
        seconds = 3.6 * np.array(lengths_m, dtype=np.float64) / np.array(speeds_kmh, dtype=np.float64)
    known = np.isfinite(seconds).tolist()
    return [second if is_known else None for second, is_known in zip(seconds.tolist(), known, strict=True)]
