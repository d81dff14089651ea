"""Units checked by physics: length over time must be the speed.

Where it is not, one of the three is in another unit than the field map says; the usual slips have known factors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations, product
from math import log, prod

import numpy as np

from inode_pipeline.endpoints.endpoint import TO_WAREHOUSE, Endpoint, Motion
from inode_pipeline.errors import UnitsError

LOWEST, HIGHEST = 0.8, 1.25
"""The median of length over time over speed may lie between these; both ends are allowed."""

Numbers = Iterable[float | None]
Slip = Mapping[str, str]
"""The units that would make length, time and speed agree: column name -> unit on the wire."""


def speed_ratios(lengths_m: Numbers, times_s: Numbers, speeds_kmh: Numbers) -> np.ndarray:
    """Return `3.6 * length / time / speed` for each record in which all three are known and not zero."""
    columns = (np.array(list(values), dtype=np.float64) for values in (lengths_m, times_s, speeds_kmh))
    length, time, speed = columns
    known = (length > 0) & (time > 0) & (speed > 0)  # NaN, which stands for None, is not greater than 0
    ratios: np.ndarray = 3.6 * length[known] / time[known] / speed[known]
    return ratios


def check_units(endpoint: Endpoint, ratios: np.ndarray) -> None:
    """Pass a walk whose median ratio lies within the bounds, or which has none.

    Raises: UnitsError, naming the likeliest slip and the lines of the field map that mend it.
    """
    if endpoint.measured is None or not ratios.size:
        return
    median = float(np.median(ratios))
    if LOWEST <= median <= HIGHEST:
        return
    slips = likely_slips(endpoint, endpoint.measured, median)
    motion = endpoint.measured
    raise UnitsError(
        f"3.6 * {motion.length} / {motion.time} / {motion.speed} should be near 1, but its median over "
        f"{ratios.size} records is {median:.4g}.{_guess(slips)}",
        remedy=_remedy(endpoint, slips),
    )


def likely_slips(endpoint: Endpoint, motion: Motion, median: float) -> list[Slip]:
    """Return the units that explain a median, likeliest first: as few columns as possible, then the nearest to 1."""
    factors = _unit_factors(endpoint, motion)
    for size in (1, 2, 3):
        explained = []
        for names in combinations(factors, size):
            for units in product(*(factors[name].items() for name in names)):
                ratio = median * prod(factor for _, factor in units)
                if LOWEST <= ratio <= HIGHEST:
                    slip = {name: unit for name, (unit, _) in zip(names, units, strict=True)}
                    explained.append((abs(log(ratio)), slip))
        if explained:
            return [slip for _, slip in sorted(explained, key=lambda pair: pair[0])]
    return []


def _unit_factors(endpoint: Endpoint, motion: Motion) -> dict[str, dict[str, float]]:
    """Return, for each of the three columns, what another unit of its field would multiply the ratio with."""
    factors = {}
    for name in (motion.length, motion.time, motion.speed):
        column = endpoint[name]
        units = TO_WAREHOUSE[column.unit or ""]
        power = 1 if name == motion.length else -1
        factors[name] = {
            unit: (factor / column.factor) ** power for unit, factor in units.items() if unit != column.source_unit
        }
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
    return "\n".join(["Make sure of it in iNode, then write into the file that INODE_FIELD_MAP_FILE names:", *lines])
