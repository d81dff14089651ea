"""The records of a plain page, packed by their shapes: columns are read from them, and dicts made only if wanted.

Nearly always all records of a page have one shape; where an object is null in some of them, these are a part of their
own. Keep out: which pages are plain (`plain.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any

import msgspec
from msgspec.structs import astuple

from inode_pipeline.api.shape import Fields, Packed, Shape


@dataclass(frozen=True)
class Part:
    """Those records of a page that have one shape, at least one; `rows` are their places in it, from 0, in order."""

    shape: Shape
    rows: Sequence[int]
    packed: list[Packed]

    def column(self, path: str) -> list[Any]:
        """Of each record, the text or scalar at a path of the shape."""
        return list(map(attrgetter(self.shape.texts.get(path) or self.shape.scalars[path]), self.packed))

    @cached_property
    def columns(self) -> dict[str, list[Any]]:
        """All columns of texts and scalars by their paths, and those of lists as JSON."""
        return dict(_columns(self.packed, self.shape.fields, ""))


def _columns(packed: Sequence[Packed], fields: Fields, above: str) -> Iterator[tuple[str, list[Any]]]:
    values = zip(*map(astuple, packed), strict=True)
    for (name, kind), column in zip(fields.items(), values, strict=True):
        if isinstance(kind, dict):
            yield from _columns(column, kind, f"{above}{name}.")
        else:
            yield f"{above}{name}", list(map(bytes, column) if kind is msgspec.Raw else column)


class PlainRecords(Sequence[Any]):
    """The records of a plain page: a list of dicts that is made only if somebody asks for one of them."""

    def __init__(self, parts: Sequence[Part], generally: Callable[[], Sequence[Any]]) -> None:
        self.parts = parts
        self._generally = generally

    def __len__(self) -> int:
        return sum(len(part.rows) for part in self.parts)

    def __getitem__(self, index: Any) -> Any:
        return self._records[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._records)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._records == list(other)

    __hash__ = None  # type: ignore[assignment]  # how a class says that it has none

    def __repr__(self) -> str:
        return repr(self._records)

    @cached_property
    def _records(self) -> list[Any]:
        return list(self._generally())


def spread(columns: Sequence[tuple[Sequence[int], Sequence[Any]]], count: int) -> list[Any]:
    """One column of a page of so many rows, from the values of its parts and the rows at which they stand."""
    if len(columns) == 1 and len(columns[0][1]) == count:
        return list(columns[0][1])
    whole: list[Any] = [None] * count
    for rows, values in columns:
        for row, value in zip(rows, values, strict=True):
            whole[row] = value
    return whole
