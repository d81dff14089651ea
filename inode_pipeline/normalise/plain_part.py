"""The fields of the records that have one shape: each column's source, its values, and what no column claims.

Keep out: putting the parts of a page together (`plain.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any

import msgspec

from inode_pipeline.api.packed import Part
from inode_pipeline.endpoints.endpoint import CONTAINED, Column
from inode_pipeline.normalise.json_text import canonical_lines
from inode_pipeline.normalise.plain_lines import plain_lines
from inode_pipeline.normalise.sources import Filling, without_sentinels

_LINE = {"type", "coordinates"}


class PartFields:
    """Like `Fields`, of one part of a page; `rows` are the places of its records in the page."""

    def __init__(self, part: Part) -> None:
        self.rows = part.rows
        self._count = len(part.rows)
        self._shape = part.shape
        self._columns = part.columns
        self.leaves = dict.fromkeys(self._columns, self._count)
        scalars = (path for path in self._columns if path not in self._shape.lists)
        self.nulls = {path: count for path in scalars if (count := self._columns[path].count(None))}
        self.objects = dict.fromkeys(self._shape.objects, self._count)

    def column(self, path: str) -> list[Any]:
        """The value of each record at a path, None where there is no such field."""
        if path in self._shape.objects:
            return self._objects(path)
        if path in self._shape.lists:
            return list(map(msgspec.json.decode, self._columns[path]))
        return self._columns.get(path, [None] * self._count)

    def source(self, column: Column) -> str | None:
        """The field that fills the column in every record."""
        return next((path for path in column.sources if self._can_fill(column, path)), None)

    def fill(self, column: Column, *, may_be_typed: bool = True) -> Filling:
        """As `sources.fill` does; lines that need no conversion are typed already, if they may be."""
        source = self.source(column)
        if source is None:
            return Filling([None] * self._count, None, self._count)
        may_be_typed = may_be_typed and not (column.null_values or column.null_if)
        if may_be_typed and (lines := self._lines(column, source)) is not None:
            return Filling(lines, source, 0, is_typed=True)
        return without_sentinels(column, Filling(self.column(source), source, 0), self.column)

    def rest(self, claimed: Collection[str | None]) -> list[str]:
        """What is left of each record, as canonical JSON."""
        rows = self._rest(self._shape.fields, "", claimed)
        return ["{}"] * self._count if rows is None else canonical_lines(rows)

    def _can_fill(self, column: Column, path: str) -> bool:
        is_container = path in self._shape.objects or path in self._shape.lists
        return column.type in CONTAINED if is_container else path in self._columns

    def _lines(self, column: Column, path: str) -> list[str] | None:
        """Geometries that need no conversion, as text."""
        kinds, coordinates = self._columns.get(f"{path}.type"), f"{path}.coordinates"
        if column.type != "geometry" or column.format not in (None, "geojson") or coordinates not in self._shape.lists:
            return None
        if kinds is None or set(self._within(path)) != _LINE or kinds.count("LineString") != len(kinds):
            return None
        return plain_lines(self._columns[coordinates])

    def _within(self, path: str) -> dict[str, Any]:
        fields: Any = self._shape.fields
        for name in path.split("."):
            fields = fields[name]
        return dict(fields)

    def _objects(self, path: str) -> list[Any]:
        names = self._within(path)
        return _rows(names, (self.column(f"{path}.{name}") for name in names))

    def _rest(self, fields: dict[str, Any], above: str, claimed: Collection[str | None]) -> list[Any] | None:
        left: dict[str, list[Any]] = {}
        for name, kind in fields.items():
            path = f"{above}{name}"
            if path in claimed:
                continue
            values = self._rest(kind, f"{path}.", claimed) if isinstance(kind, dict) else self.column(path)
            if values is not None:
                left[name] = values
        return list(map(_object(tuple(left)), *left.values())) if left else None


def _rows(names: Iterable[str], columns: Iterable[list[Any]]) -> list[dict[str, Any]]:
    keys = tuple(names)
    return [dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)]


@lru_cache(maxsize=64)
def _object(names: tuple[str, ...]) -> type[msgspec.Struct]:
    """An object with these keys, which is made and written faster than a dict."""
    fields = [f"f{number}" for number in range(len(names))]
    return msgspec.defstruct("Rest", fields, rename=dict(zip(fields, names, strict=True)), gc=False)
