"""The maps: each link is a line, moved to the right of its direction so that both directions of a road are visible.

Coordinates are projected to kilometres, equirectangular around the centre, which is accurate enough for a city or a
province. The links of one colour form one compound path, so that the file stays small with thousands of links.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from numpy.typing import NDArray

from inode_pipeline.analysis.report.figures import FAINT, INK, SLOW, Picture, figure, picture
from inode_pipeline.analysis.report.links import UNKNOWN_COLOUR, Band, Bands, Line, LinkNow, Units

KM_PER_DEGREE = 111.2
MIN_LEAP_KM = 0.5

Points = NDArray[np.float64]
"""One row per point: kilometres east and north of the centre."""

WIDTH_IN = 5.6
HEIGHTS_IN = (2.2, 6.5)
FOOT_IN = 0.3
"""Room for the scale below the map."""

DISC_ASIDE_PT = 9.0
"""The distance of a number from its link, so that those of both directions are visible."""

_THICKER = (1.7, 1.35, 1.0, 1.0)
"""The relative line widths of the bands, so that colour is not the only difference."""

_SCALES = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)


@dataclass(frozen=True, slots=True)
class NetworkMap:
    """The map; `picture` is None if no link has a line, and `not_drawn` are the links without one.

    Points far outside the network or far off their own line are left out.
    """

    picture: Picture | None
    not_drawn: tuple[LinkNow, ...]
    points_left_out: int


def network_map(bands: Bands, worst: Sequence[str], units: Units, words: str) -> NetworkMap:
    """Draw the links and number those in `worst` from 1."""
    every = [*chain.from_iterable(band.links for band in bands.known), *bands.unknown.links]
    plane = plane_of(line for link in every for line in link.lines)
    if plane is None:
        return NetworkMap(None, tuple(every), 0)
    placed = {link.link_id: _placed(link, plane) for link in every}
    thick = float(np.clip(30 / np.sqrt(len(every)), 0.7, 1.7))
    with _canvas(plane, units) as (drawn, axes, km_per_pt):
        moved = _moved_aside(placed, thick * km_per_pt)
        _draw(axes, bands.unknown, moved, thick * 0.8, is_dashed=True)
        for band, thicker in reversed(list(zip(bands.known, _THICKER, strict=True))):
            _draw(axes, band, moved, thick * thicker)
        _number(axes, worst, placed, km_per_pt)
        shown = picture(drawn, words)
    points = sum(len(line) for link in every for line in link.lines)
    kept = sum(len(line) for lines in placed.values() for line in lines)
    return NetworkMap(shown, tuple(link for link in every if not placed[link.link_id]), points - kept)


def place_map(links: Sequence[LinkNow], chosen: Sequence[str], units: Units, words: str) -> Picture | None:
    """Draw the chosen links in red and their surroundings in grey; several links are numbered in order."""
    among = {link.link_id: link for link in links}
    picked = [among[link_id] for link_id in chosen if link_id in among]
    plane = plane_of(line for link in picked for line in link.lines)
    if plane is None:
        return None
    around = replace(plane, **{edge: getattr(plane, edge) + reach for edge, reach in _reach(plane).items()})
    placed = {link.link_id: _placed(link, plane) for link in picked}
    others = {link.link_id: _near(link, around) for link in links if link.link_id not in placed}
    with _canvas(around, units) as (drawn, axes, km_per_pt):
        rest = tuple(link for link in links if others.get(link.link_id))
        _draw(axes, Band("", UNKNOWN_COLOUR, rest), _moved_aside(others, km_per_pt), 0.8)
        _draw(axes, Band("", SLOW, tuple(picked)), _moved_aside(placed, 1.5 * km_per_pt), 3.0)
        _number(axes, list(chosen) if len(chosen) > 1 else [], placed, km_per_pt)
        return picture(drawn, words)


def _reach(plane: Plane) -> dict[str, float]:
    reach = max(0.4 * max(plane.width_km, plane.height_km), 0.5)
    return {"west": -reach, "south": -reach, "east": reach, "north": reach}


def _near(link: LinkNow, plane: Plane) -> list[Points]:
    """The lines of a link with at least one point on the map; drawing clips the rest."""
    if not any(len(plane.place(line)) for line in link.lines):
        return []
    return [_project(np.array(line), plane.longitude, plane.latitude) for line in link.lines]


def _moved_aside(placed: Mapping[str, list[Points]], distance_km: float) -> dict[str, list[Points]]:
    return {link_id: [aside(line, distance_km) for line in lines] for link_id, lines in placed.items()}


@contextmanager
def _canvas(plane: Plane, units: Units) -> Iterator[tuple[Figure, Axes, float]]:
    """A figure for the plane with a scale bar below, and the kilometres per typographic point."""
    height = float(np.clip(WIDTH_IN * plane.height_km / plane.width_km, *HEIGHTS_IN))
    km_per_pt = max(plane.width_km / WIDTH_IN, plane.height_km / height) / 72
    with figure(WIDTH_IN, height + FOOT_IN) as drawn:
        axes = drawn.add_axes((0, FOOT_IN / (height + FOOT_IN), 1, height / (height + FOOT_IN)))
        _frame(axes, plane, km_per_pt, height)
        _scale_bar(axes, units, height)
        yield drawn, axes, km_per_pt


def _placed(link: LinkNow, plane: Plane) -> list[Points]:
    lines = (plane.place(line) for line in link.lines)
    return [points for points in lines if len(points) > 1]


def _frame(axes: Axes, plane: Plane, km_per_pt: float, height_in: float) -> None:
    """Use the same scale on both axes and centre the plane."""
    half_width, half_height = WIDTH_IN * 36 * km_per_pt, height_in * 36 * km_per_pt
    x, y = (plane.west + plane.east) / 2, (plane.south + plane.north) / 2
    axes.set_xlim(x - half_width, x + half_width)
    axes.set_ylim(y - half_height, y + half_height)
    axes.set_axis_off()


def _draw(
    axes: Axes, band: Band, placed: Mapping[str, list[Points]], width_pt: float, *, is_dashed: bool = False
) -> None:
    lines = [points for link in band.links for points in placed[link.link_id]]
    if not lines:
        return
    codes = np.concatenate([[Path.MOVETO, *[Path.LINETO] * (len(line) - 1)] for line in lines])
    path = Path(np.concatenate(lines), codes.astype(Path.code_type))
    drawn = PathPatch(path, fill=False, edgecolor=band.colour, linewidth=width_pt, joinstyle="round")
    drawn.set_capstyle("butt" if is_dashed else "round")
    drawn.set_linestyle((0, (3, 1.5)) if is_dashed else "-")
    axes.add_patch(drawn)


def _number(axes: Axes, numbered: Sequence[str], placed: Mapping[str, list[Points]], km_per_pt: float) -> None:
    """Draw a numbered disc next to each of these links, within the edges of the map."""
    margin = DISC_ASIDE_PT * km_per_pt
    low = np.array((axes.get_xlim()[0], axes.get_ylim()[0])) + margin
    high = np.array((axes.get_xlim()[1], axes.get_ylim()[1])) - margin
    disc = {"boxstyle": "circle,pad=0.25", "facecolor": "white", "edgecolor": INK, "linewidth": 0.8}
    for number, link_id in enumerate(numbered, start=1):
        if points := placed.get(link_id):
            x, y = np.clip(middle([aside(line, margin) for line in points]), low, high)
            axes.text(x, y, str(number), ha="center", va="center", fontweight="bold", bbox=disc)


def _scale_bar(axes: Axes, units: Units, height_in: float) -> None:
    """Draw a bar of a round length, at most a quarter of the width, below the map on the left."""
    left, right = axes.get_xlim()
    width = (right - left) / units.km
    length = max((scale for scale in _SCALES if scale <= width / 4), default=_SCALES[0])
    share, below = length / width, -0.5 * FOOT_IN / height_in
    foot = axes.transAxes
    axes.plot([0.02, 0.02 + share], [below] * 2, linewidth=2, color=FAINT, transform=foot, clip_on=False)
    axes.text(0.035 + share, below, f"{length:g} {units.length}", color=FAINT, va="center", transform=foot)


@dataclass(frozen=True, slots=True)
class Plane:
    """The projection's centre (longitude, latitude) and the map's edges in kilometres from it."""

    longitude: float
    latitude: float
    west: float
    east: float
    south: float
    north: float

    @property
    def width_km(self) -> float:
        """The width from west to east."""
        return self.east - self.west

    @property
    def height_km(self) -> float:
        """The height from south to north."""
        return self.north - self.south

    def place(self, line: Line) -> Points:
        """Project a line, without its spikes and without points outside the map."""
        points = _project(np.array(line), self.longitude, self.latitude)
        low, high = (self.west, self.south), (self.east, self.north)
        return _without_spikes(points[((points >= low) & (points <= high)).all(axis=1)])


def plane_of(lines: Iterable[Line]) -> Plane | None:
    """The plane that shows these lines; None if there is no line.

    Ignores broken points, which would shrink the map to a dot: those farther out than the width of the inner 96 %.
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
    """Move a line to the right of its direction, where traffic drives in most countries."""
    steps = np.diff(points, axis=0)
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    steps, points = steps[lengths > 0], points[np.append(True, lengths > 0)]
    if not len(steps):
        return points
    right = np.column_stack((steps[:, 1], -steps[:, 0])) / np.hypot(steps[:, 0], steps[:, 1])[:, None]
    sums = np.vstack((right[:1], right[:-1] + right[1:], right[-1:]))
    # Where a line turns back on itself, the offsets of the two sides cancel out.
    sizes = np.maximum(np.hypot(sums[:, 0], sums[:, 1]), 0.5)
    return points + distance_km * sums / sizes[:, None]


def middle(points: Sequence[Points]) -> tuple[float, float]:
    """The point halfway along the longest of a link's lines."""
    line = max(points, key=lambda each: float(np.hypot(*np.diff(each, axis=0).T).sum()))
    along = np.append(0.0, np.hypot(*np.diff(line, axis=0).T).cumsum())
    half = along[-1] / 2
    return float(np.interp(half, along, line[:, 0])), float(np.interp(half, along, line[:, 1]))


def _without_spikes(points: Points) -> Points:
    """Remove spikes: single points to which the line jumps and from which it comes straight back.

    Both jumps are far longer than the line's usual steps and than the distance between the point's neighbours.
    """
    if len(points) < 4:
        return points
    steps = np.hypot(*np.diff(points, axis=0).T)
    past = np.hypot(*(points[2:] - points[:-2]).T)
    leap = np.minimum(steps[:-1], steps[1:])
    is_spike = (leap > 10 * past) & (leap > 10 * np.median(steps)) & (leap > MIN_LEAP_KM)
    return points[np.concatenate(([True], ~is_spike, [True]))]


def _project(degrees: Points, longitude: float, latitude: float) -> Points:
    scale = (KM_PER_DEGREE * np.cos(np.radians(latitude)), KM_PER_DEGREE)
    return (degrees - (longitude, latitude)) * scale
