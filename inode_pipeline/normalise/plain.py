"""The fields of a plain page: what `fields.py`, `sources.py` and `extra.py` find record by record, found at once.

All records of one shape have the same fields, so one source fills a column in each of them, and what no column claims
is the same everywhere. A test holds that both ways end in the same rows.
Keep out: typing (`columns.py`), the fields of one shape (`plain_part.py`), and which pages are plain (`api/plain.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from inode_pipeline.api.packed import PlainRecords, spread
from inode_pipeline.endpoints.endpoint import Column
from inode_pipeline.normalise.plain_part import PartFields
from inode_pipeline.normalise.sources import Filling


class PlainFields:
    """Like `Fields`: `leaves`, `nulls` and `objects` count records by dotted path; no field is ever left out."""

    is_cut = False

    def __init__(self, records: PlainRecords) -> None:
        self.records = records
        self._parts = [PartFields(part) for part in records.parts]
        self.leaves: dict[str, int] = Counter()
        self.nulls: dict[str, int] = Counter()
        self.objects: dict[str, int] = Counter()
        for part in self._parts:
            self.leaves.update(part.leaves)
            self.nulls.update(part.nulls)
            self.objects.update(part.objects)

    def source(self, column: Column) -> str | None:
        """A field that fills the column, in the records of one shape at least; None if there is none in any."""
        return next((source for part in self._parts if (source := part.source(column)) is not None), None)

    def fill(self, column: Column) -> Filling:
        """As `sources.fill` does."""
        fillings = [part.fill(column) for part in self._parts]
        if any(one.is_typed for one in fillings) and not all(_is_final(one) for one in fillings):
            fillings = [part.fill(column, may_be_typed=False) for part in self._parts]
        return _whole([part.rows for part in self._parts], fillings, len(self.records))

    def rest(self, fillings: Sequence[Filling]) -> list[str]:
        """What is left of each record where the columns are filled so, as canonical JSON."""
        left = [(part.rows, part.rest({filling.path(part.rows[0]) for filling in fillings})) for part in self._parts]
        return spread(left, len(self.records))


def _is_final(filling: Filling) -> bool:
    return filling.is_typed or filling.values.count(None) == len(filling.values)


def _whole(rows: Sequence[Sequence[int]], fillings: Sequence[Filling], count: int) -> Filling:
    """One filling of a page from those of its parts."""
    if len(fillings) == 1:
        return fillings[0]
    used = {filling.path(0) for filling in fillings}

    def spread_of(values_of: Callable[[Filling], Sequence[Any]]) -> list[Any]:
        return spread([(at, values_of(one)) for at, one in zip(rows, fillings, strict=True)], count)

    return Filling(
        spread_of(lambda one: one.values),
        used.pop() if len(used) == 1 else spread_of(lambda one: [one.path(0)] * len(one.values)),
        sum(one.missing for one in fillings),
        is_typed=any(one.is_typed for one in fillings),
    )
