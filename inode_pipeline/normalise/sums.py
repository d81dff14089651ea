"""What the records of a walk add up to: each count is a sum over its records, whichever page they stand on.

So the sums of a walk are those of another one, less the records that it lacks and more those that it has instead.
Keep out: whether a walk with such sums may be loaded (`checks.py`, `units.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.normalise.fields import MAX_KEYS


@dataclass(slots=True)
class Sums:
    """Counts of records.

    By dotted path, how many have there a value other than an object (`leaves`), an object (`objects`), and null
    (`nulls`); by column, how many have none of its sources (`missing`), and which source fills it (`used`).

    `records` are those without a flaw as a whole, `no_data` those without a time or a measurement; length, time and
    speed are known of those `moving`, and of them contradict each other in the `slow` and the `fast`. `broken_points`
    counts points of geometries that were dropped, `cut` pages of which not every field is counted.
    """

    records: int = 0
    no_data: int = 0
    moving: int = 0
    slow: int = 0
    fast: int = 0
    broken_points: int = 0
    cut: int = 0
    leaves: Counter[str] = field(default_factory=Counter)
    objects: Counter[str] = field(default_factory=Counter)
    nulls: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    used: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(_added(mine, theirs, 1) for mine, theirs in zip(self._values(), other._values(), strict=True)))

    def __sub__(self, other: Sums) -> Sums:
        return Sums(*(_added(mine, theirs, -1) for mine, theirs in zip(self._values(), other._values(), strict=True)))

    def _values(self) -> list[Any]:
        return [getattr(self, one.name) for one in fields(self)]

    @property
    def is_exact(self) -> bool:
        """Whether every field of every record is counted, however the records are spread over pages."""
        return not self.cut and len(self.leaves.keys() | self.objects.keys()) <= MAX_KEYS

    def use(self, column: str, path: str, count: int) -> None:
        """Enter that a field fills a column in so many records."""
        self.used[f"{column}={path}"] += count

    def paths_of(self, column: str) -> set[str]:
        """The fields that fill a column in any record."""
        return {path for name, _, path in (key.partition("=") for key in self.used) if name == column}

    def has_null_above(self, path: str) -> bool:
        """Whether an object that would hold this field was null, so that the field is null rather than gone."""
        parts = path.split(".")
        return any(".".join(parts[:length]) in self.nulls for length in range(1, len(parts)))

    def missing_of(self, endpoint: Endpoint) -> dict[str, int]:
        """How many records had none of a column's sources, by column; not where the object around one was null."""
        return {
            column.name: self.missing[column.name]
            for column in endpoint.columns
            if not any(self.has_null_above(path) for path in column.sources)
        }

    def as_json(self) -> dict[str, Any]:
        """What `of_json` reads; without the leaves, which a load keeps as its fields."""
        values = zip(fields(self), self._values(), strict=True)
        return {one.name: value for one, value in values if value and one.name != "leaves"}

    @classmethod
    def of_json(cls, kept: Mapping[str, Any], leaves: Mapping[str, int]) -> Sums:
        """The sums that a load kept."""
        read: dict[str, Any] = {
            name: Counter(value) if isinstance(value, dict) else value for name, value in kept.items()
        }
        return cls(**read, leaves=Counter(leaves))


def _added(mine: Any, theirs: Any, sign: int) -> Any:
    if isinstance(mine, int):
        return mine + sign * theirs
    return Counter({key: count for key in mine | theirs if (count := mine[key] + sign * theirs[key])})
