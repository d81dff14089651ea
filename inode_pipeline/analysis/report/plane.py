"""Lines of longitude and latitude laid on a plane, in kilometres, and moved aside so that both directions are seen.

Equirectangular about the middle of the network: true enough for a city or a province. Keep out: drawing (`map.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inode_pipeline.analysis.report.network import Line

KM_PER_DEGREE = 111.2
LEAST_LEAP_KM = 0.5

Points = NDArray[np.float64]
"""One row a point: kilometres to the east and to the north of the middle."""


@dataclass(frozen=True, slots=True)
class Plane:
    """Where longitude and latitude lie on the map, and which part of it is shown."""

    longitude: float
    latitude: float
    west: float
    east: float
    south: float
    north: float

    @property
    def width_km(self) -> float:
        """From the western edge to the eastern."""
        return self.east - self.west

    @property
    def height_km(self) -> float:
        """From the southern edge to the northern."""
        return self.north - self.south

    def place(self, line: Line) -> Points:
        """The points of a line, without those outside the map and those that are a mistake within the line."""
        points = _project(np.array(line), self.longitude, self.latitude)
        low, high = (self.west, self.south), (self.east, self.north)
        return _without_spikes(points[((points >= low) & (points <= high)).all(axis=1)])


def plane_of(lines: Iterable[Line]) -> Plane | None:
    """The plane that shows these lines; None if there is none.

    A point that is farther out than the inner 96 % of them are wide is a broken one and does not count: it would make
    the map a dot.
    """
    every = [point for line in lines for point in line]
    if not every:
        return None
    degrees = np.array(every)
    longitude, latitude = np.median(degrees, axis=0)
    points = _project(degrees, longitude, latitude)
    low, high = np.percentile(points, (2, 98), axis=0)
    span = np.maximum(high - low, 1.0)
    inside = points[((points >= low - span) & (points <= high + span)).all(axis=1)]
    west, south = inside.min(axis=0)
    east, north = inside.max(axis=0)
    margin = 0.02 * max(east - west, north - south, 0.5)
    return Plane(
        float(longitude), float(latitude), west - margin, east + margin, south - margin, north + margin
    )  # fmt: skip


def aside(points: Points, distance_km: float) -> Points:
    """The line moved to the right of its direction, where traffic drives in most countries."""
    steps = np.diff(points, axis=0)
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    steps, points = steps[lengths > 0], points[np.append(True, lengths > 0)]
    if not len(steps):
        return points
    right = np.column_stack((steps[:, 1], -steps[:, 0])) / np.hypot(steps[:, 0], steps[:, 1])[:, None]
    sums = np.vstack((right[:1], right[:-1] + right[1:], right[-1:]))
    # Where a line turns back on itself the two sides cancel out.
    sizes = np.maximum(np.hypot(sums[:, 0], sums[:, 1]), 0.5)
    return points + distance_km * sums / sizes[:, None]


def middle(points: Sequence[Points]) -> tuple[float, float]:
    """A point half way along the longest of a link's lines."""
    line = max(points, key=lambda each: float(np.hypot(*np.diff(each, axis=0).T).sum()))
    along = np.append(0.0, np.hypot(*np.diff(line, axis=0).T).cumsum())
    half = along[-1] / 2
    return float(np.interp(half, along, line[:, 0])), float(np.interp(half, along, line[:, 1]))


def _without_spikes(points: Points) -> Points:
    """Without each single point to which the line leaps and from which it comes straight back.

    Both leaps are far longer than the way past the point and than the line's usual steps, which no road's are.
    """
    if len(points) < 4:
        return points
    steps = np.hypot(*np.diff(points, axis=0).T)
    past = np.hypot(*(points[2:] - points[:-2]).T)
    leap = np.minimum(steps[:-1], steps[1:])
    is_spike = (leap > 10 * past) & (leap > 10 * np.median(steps)) & (leap > LEAST_LEAP_KM)
    return points[np.concatenate(([True], ~is_spike, [True]))]


def _project(degrees: Points, longitude: float, latitude: float) -> Points:
    scale = (KM_PER_DEGREE * np.cos(np.radians(latitude)), KM_PER_DEGREE)
    return (degrees - (longitude, latitude)) * scale
