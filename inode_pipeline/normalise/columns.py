"""All columns of one page: each filled by its source and typed; a value that cannot be typed is a fault of its record.

The column of kind `rest` has the fields that no other column holds, so that nothing the API sends is lost.

Not here: which rows a page gives, see `normaliser.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from inode_pipeline.endpoints.endpoint import Column, Endpoint, Type
from inode_pipeline.normalise.fields import Counts, Fields, Filling, fill
from inode_pipeline.normalise.geometry import GeometryReader
from inode_pipeline.normalise.times import EARLIEST_MEASUREMENT, microseconds, read_times
from inode_pipeline.normalise.values import (
    UNSTORABLE,
    Typed,
    UnreadableError,
    canonical_json,
    canonical_lines,
    leave_out_unstorable,
    read_counts,
    read_doubles,
    read_each,
    read_keys,
    read_texts,
)

Fault = tuple[str, str]
"""The field that could not be typed and why, without its value."""

Tree = dict[str, Any]
"""The claimed fields: a key leads to None (claimed whole) or to the tree of what is claimed inside."""


@dataclass(slots=True)
class TypedPage:
    """Typed values by column name, one entry per record (times in microseconds since 1970, None for NULL).

    `faults` holds the first fault of each record that cannot be typed, by its row.
    """

    values: dict[str, list[Any]] = field(default_factory=dict)
    faults: dict[int, Fault] = field(default_factory=dict)


class ColumnReader:
    """Reads pages into columns and counts what it finds.

    A time of measurement must not lie more than a day after `snapshot_at`, the walk's instant.
    """

    def __init__(self, endpoint: Endpoint, counts: Counts, snapshot_at: datetime | None) -> None:
        self._endpoint = endpoint
        self._counts = counts
        self._latest = None if snapshot_at is None else microseconds(snapshot_at + timedelta(days=1))
        self._geometry = {c.name: GeometryReader(c) for c in endpoint.columns if c.type == "geometry"}

    def read(self, endpoint: Endpoint, fields: Fields, *, is_clean: bool) -> TypedPage:
        """Type every column of a page's records; `endpoint` says where this page has its measurements."""
        page = TypedPage()
        fillings = []
        for column in endpoint.columns:
            if column.kind != "rest":
                filling = fill(column, fields)
                fillings.append(filling)
                values, reasons = self._typed(column, filling.values)
                page.values[column.name] = values
                self._remember(column, filling, reasons, len(fields.records))
                self._blame(page, column, filling, reasons)
        self._check_times(endpoint, page.values)
        self._derive_free_flow(page.values)
        for column in endpoint.columns:
            if column.kind == "rest":
                page.values[column.name], left_out = _rest(fields, fillings, is_clean=is_clean)
                self._counts.left_out += left_out
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
            "json": lambda: read_each(values, _json),  # not of kind `rest`, which is read last
        }
        return readers[column.type]()

    def _remember(self, column: Column, filling: Filling, reasons: Mapping[int, str], count: int) -> None:
        self._counts.missing[column.name] += filling.missing
        used = filling.used if isinstance(filling.used, list) else [filling.used]
        self._counts.used.setdefault(column.name, set()).update(path for path in used if path is not None)
        history = self._counts.history(column.name)
        history.attempted += count - filling.values.count(None)
        history.failed += sum(filling.values[row] is not None for row in reasons)
        if reasons and not history.reason:
            history.reason = next(iter(reasons.values()))

    def _blame(self, page: TypedPage, column: Column, filling: Filling, reasons: Mapping[int, str]) -> None:
        """Record a fault for each unreadable value; an unreadable geometry is NULL instead, and counted."""
        if column.type == "geometry":
            self._counts.geometries += len(reasons)
            self._counts.broken_points = sum(reader.broken_points for reader in self._geometry.values())
            return
        for row, reason in reasons.items():
            place = filling.path(row) or column.sources[0]
            page.faults.setdefault(row, (place, f"{column.name}: {reason}"))

    def _check_times(self, endpoint: Endpoint, values: dict[str, list[Any]]) -> None:
        """Replace by NULL a time of measurement that means "no date": before 2000, or after the walk."""
        column = endpoint.observed_at
        if column is None:
            return
        times = values[column.name]
        latest = self._latest
        known = [time for time in times if time is not None]
        if not known or (min(known) >= EARLIEST_MEASUREMENT and (latest is None or max(known) <= latest)):
            return
        checked = [
            None if time is None or time < EARLIEST_MEASUREMENT or (latest is not None and time > latest) else time
            for time in times
        ]
        self._counts.odd_times += len(known) - (len(checked) - checked.count(None))
        values[column.name] = checked

    def _derive_free_flow(self, values: dict[str, list[Any]]) -> None:
        """Compute a missing free-flow time from length and speed, where both are known."""
        motion = self._endpoint.free_flow
        if motion is None or None not in values[motion.time]:
            return
        given = values[motion.time]
        derived = _free_flow_times(values[motion.length], values[motion.speed])
        values[motion.time] = [mine if time is None else time for time, mine in zip(given, derived, strict=True)]


def _json(value: object) -> str:
    text = canonical_json(value)
    if text is None:
        raise UnreadableError(UNSTORABLE)
    return text


def _free_flow_times(lengths_m: Sequence[float | None], speeds_kmh: Sequence[float | None]) -> list[float | None]:
    """The seconds that each length takes at its speed; None where either is unknown or the result is not finite."""
    with np.errstate(all="ignore"):
        seconds = 3.6 * np.array(lengths_m, dtype=np.float64) / np.array(speeds_kmh, dtype=np.float64)
    known = np.isfinite(seconds).tolist()
    return [second if is_known else None for second, is_known in zip(seconds.tolist(), known, strict=True)]


def _rest(fields: Fields, fillings: Sequence[Filling], *, is_clean: bool) -> tuple[list[str], int]:
    """Return each record's rest as JSON text, and how many fields were left out because no database can store them.

    A field belongs to a column only in the records where it filled it: an unused candidate stays in the rest, as do the
    other fields of an object with a claimed field. In a page that `is_clean` everything can be stored.
    """
    rests = [_without(record, tree) for record, tree in zip(fields.records, _trees(fields, fillings), strict=True)]
    left_out = 0 if is_clean else sum(map(leave_out_unstorable, rests))
    return canonical_lines(rests), left_out


def _trees(fields: Fields, fillings: Sequence[Filling]) -> Iterable[Tree]:
    """Return the claimed fields of each record; records that are filled alike share one tree."""
    alike = {filling.used for filling in fillings if isinstance(filling.used, str)}
    differing = [filling.used for filling in fillings if isinstance(filling.used, list)]
    if not differing and not fields.has_dotted_keys:
        return [_tree(alike)] * len(fields.records)
    by_paths: dict[tuple[str | None, ...], Tree] = {}
    trees = []
    for record, used in zip(fields.records, _rows(differing, len(fields.records)), strict=True):
        if fields.has_dotted_keys:
            trees.append(_tree({*alike, *used} - {None}, record))
            continue
        if (tree := by_paths.get(used)) is None:
            tree = by_paths[used] = _tree({*alike, *used} - {None})
        trees.append(tree)
    return trees


def _rows(columns: Sequence[list[str | None]], count: int) -> Iterable[tuple[str | None, ...]]:
    return zip(*columns, strict=True) if columns else [()] * count


def _tree(paths: Iterable[str | None], record: Mapping[str, Any] | None = None) -> Tree:
    """Build the tree of claimed paths; a key of the record spelled like a path is claimed as that key."""
    tree: Tree = {}
    for path in sorted(path for path in paths if path is not None):  # a.b after a, which claims it whole
        if record is not None and path in record:
            tree[path] = None
            continue
        branch: Tree | None = tree
        *outer, last = path.split(".")
        for key in outer:
            branch = branch.setdefault(key, {}) if branch is not None else None
        if branch is not None:
            branch[last] = None
    return tree


def _without(record: Mapping[str, Any], tree: Tree) -> dict[str, Any]:
    """Copy what the tree does not claim. An object whose fields are all claimed is left out."""
    rest = {key: value for key, value in record.items() if key not in tree}
    for key, inner in tree.items():
        if inner is None or key not in record:
            continue
        value = record[key]
        if type(value) is not dict:
            rest[key] = value
        elif (left := _without(value, inner)) or not value:
            rest[key] = left
    return rest
