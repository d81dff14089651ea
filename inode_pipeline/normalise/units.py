"""Units checked by physics: length over time must be the speed.

If it is not, one of the three is in another unit than the field map says; the usual slips have known factors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from math import log
from typing import Final

import numpy as np

from inode_pipeline.endpoints.endpoint import TO_WAREHOUSE, Endpoint, Motion
from inode_pipeline.errors import UnitsError
from inode_pipeline.normalise.fields import Counts

LOWEST, HIGHEST = 0.8, 1.25
"""Bounds, inclusive, for the median of length over time over speed."""

MOST: Final = 100_000
"""The most records a median is computed from: 2.4 MB, however long the walk is."""

PLAUSIBLE = ((20.0, 100_000.0), (1.0, 7200.0), (2.0, 150.0))
"""Plausible medians of length (m), travel time (s) and speed (km/h) in a road network. Kilometres read as metres and
milliseconds read as seconds contradict the speed alike; a length of 1 m or a time of 17 hours shows which it was."""

Numbers = Iterable[float | None]
Slip = Mapping[str, str]
"""The units that would make length, time and speed agree: column name -> unit on the wire."""


def motions(lengths_m: Numbers, times_s: Numbers, speeds_kmh: Numbers) -> np.ndarray:
    """Return length, time and speed, three rows, of each record in which all three are known and not zero."""
    columns = np.array([list(values) for values in (lengths_m, times_s, speeds_kmh)], dtype=np.float64)
    known: np.ndarray = columns[:, (columns > 0).all(axis=0)]  # None became NaN, which is not greater than 0
    return known


@dataclass(slots=True)
class Sample:
    """The `motions` of a walk's records: all of them, or every second, fourth and so on once there are over `MOST`."""

    stride: int = 1
    _added: int = 0
    _kept: list[np.ndarray] = field(default_factory=list)

    def add(self, known: np.ndarray) -> None:
        """Enter the records of the next page."""
        self._kept.append(known[:, -self._added % self.stride :: self.stride].copy())
        self._added += known.shape[1]
        while self._added > MOST * self.stride:
            self._kept = [self.values[:, ::2].copy()]
            self.stride *= 2

    @property
    def values(self) -> np.ndarray:
        """Length, time and speed, three rows."""
        return np.concatenate([np.empty((3, 0)), *self._kept], axis=1)


def count(counts: Counts, known: np.ndarray) -> None:
    """Add the `motions` of a page to the counts."""
    lengths, times, speeds = known
    ratios = 3.6 * lengths / times / speeds
    counts.moving += ratios.size
    counts.slow += int(np.count_nonzero(ratios < LOWEST))
    counts.fast += int(np.count_nonzero(ratios > HIGHEST))


def units_agree(counts: Counts) -> bool:
    """Whether a median of `3.6 * length / time / speed` lies within the bounds, or there is none."""
    return 2 * max(counts.slow, counts.fast) <= counts.moving


def check_units(endpoint: Endpoint, counts: Counts, sample: Sample) -> None:
    """Check that the units of a walk agree.

    Raises: UnitsError, naming the likeliest slip and the lines of the field map that correct it.
    """
    if endpoint.measured is None or units_agree(counts):
        return
    lengths, times, speeds = known = sample.values
    median = float(np.median(3.6 * lengths / times / speeds))
    slips = likely_slips(endpoint, endpoint.measured, median, np.median(known, axis=1))
    motion = endpoint.measured
    among = "" if sample.stride == 1 else f" of the {counts.moving}"
    raise UnitsError(
        f"3.6 * {motion.length} / {motion.time} / {motion.speed} should be near 1, but its median over "
        f"{lengths.size}{among} records is {median:.4g}.{_guess(slips)}",
        remedy=_remedy(endpoint, slips),
    )


def likely_slips(endpoint: Endpoint, motion: Motion, median: float, middle: Sequence[float]) -> list[Slip]:
    """Return the units that explain a median ratio, likeliest first.

    As few columns as possible; then plausible ones, by the median (`middle`) of each; then the ratio nearest to 1.
    """
    factors = _unit_factors(endpoint, motion)
    for size in (1, 2, 3):
        explained = []
        for names in combinations(factors, size):
            for units in product(*(factors[name] for name in names)):
                slip = dict(zip(names, units, strict=True))
                by_column = [factors[name][slip[name]] if name in slip else 1.0 for name in factors]
                ratio = median * by_column[0] / by_column[1] / by_column[2]
                if LOWEST <= ratio <= HIGHEST:
                    explained.append((_implausible(middle, by_column), abs(log(ratio)), slip))
        if explained:
            return [slip for *_, slip in sorted(explained, key=lambda found: found[:2])]
    return []


def _implausible(middle: Sequence[float], factors: Sequence[float]) -> int:
    """Count the columns whose median would lie outside of any road network."""
    return sum(
        not lowest <= value * factor <= highest
        for value, factor, (lowest, highest) in zip(middle, factors, PLAUSIBLE, strict=True)
    )


def _unit_factors(endpoint: Endpoint, motion: Motion) -> dict[str, dict[str, float]]:
    """Return, for each of the three columns, the factor by which each other unit would change its values."""
    factors = {}
    for name in (motion.length, motion.time, motion.speed):
        column = endpoint[name]
        units = TO_WAREHOUSE[column.unit or ""]
        factors[name] = {unit: factor / column.factor for unit, factor in units.items() if unit != column.source_unit}
    return factors


def _guess(slips: list[Slip]) -> str:
    if not slips:
        return " No slip of one unit for another explains that: two of them may not belong together."
    words = [" and ".join(f"{name} is in {unit}" for name, unit in slip.items()) for slip in slips[:3]]
    others = f" (or {', or '.join(words[1:])})" if len(words) > 1 else ""
    return f" Likely {words[0]}{others} on the wire."


def _remedy(endpoint: Endpoint, slips: list[Slip]) -> str:
    if not slips:
        return "Look at the three fields with `inode-pipeline inspect` and name the right ones in INODE_FIELD_MAP_FILE."
    lines = [f'[{endpoint.name}.columns.{name}]\nunit = "{unit}"' for name, unit in slips[0].items()]
    return "\n".join(["Verify it in iNode, then write into the file that INODE_FIELD_MAP_FILE names:", *lines])
