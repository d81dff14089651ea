"""What is counted over the records of a walk: which fields they have, what fills each column, what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.normalise.fields import Fields


@dataclass(slots=True)
class ColumnHistory:
    """How the values of one column could be read over the walk, and why the first of the others could not."""

    attempted: int = 0
    failed: int = 0
    reason: str = ""

    @property
    def never_parsed(self) -> bool:
        """Whether there were values and none of them could be read."""
        return 0 < self.attempted == self.failed


@dataclass(slots=True)
class Counts:
    """Counts of records.

    By dotted path, how many have there a value other than an object (`leaves`), an object (`objects`), and null
    (`nulls`); by column, how many have none of its sources (`missing`), which fields fill it (`used`), and how its
    values could be read (`histories`).

    `records` are the objects among the records. `no_data` are those without a time or a measurement; length, time and
    speed are known of those `moving`, and contradict each other in the `slow` and the `fast`. `broken_points` counts
    dropped points of geometries, `geometries` those that could not be read, `odd_times` times of measurement before
    2000 or after the walk, `left_out` the fields that no database keeps.
    """

    records: int = 0
    no_data: int = 0
    moving: int = 0
    slow: int = 0
    fast: int = 0
    broken_points: int = 0
    geometries: int = 0
    odd_times: int = 0
    left_out: int = 0
    leaves: Counter[str] = field(default_factory=Counter)
    objects: Counter[str] = field(default_factory=Counter)
    nulls: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    used: dict[str, set[str]] = field(default_factory=dict)
    histories: dict[str, ColumnHistory] = field(default_factory=dict)

    def add(self, fields: Fields) -> None:
        """Enter the fields of the next page."""
        self.records += len(fields.records)
        self.leaves.update(fields.leaves)
        self.objects.update(fields.objects)
        self.nulls.update(fields.nulls)

    def history(self, column: str) -> ColumnHistory:
        """How the values of a column could be read so far."""
        return self.histories.setdefault(column, ColumnHistory())

    def has_null_above(self, path: str) -> bool:
        """Whether an object that would hold this field was null, so that the field is null rather than gone."""
        parts = path.split(".")
        return any(".".join(parts[:length]) in self.nulls for length in range(1, len(parts)))

    def missing_of(self, endpoint: Endpoint) -> Mapping[str, int]:
        """How many records had none of a column's sources, by column; not where the object around one was null."""
        return {
            column.name: self.missing[column.name]
            for column in endpoint.columns
            if not any(self.has_null_above(path) for path in column.sources)
        }
