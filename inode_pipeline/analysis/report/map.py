"""The map of the links: each a line in the colour of its band, moved to the right of its direction, the worst numbered.

One compound path a band, so that thousands of links stay small. Keep out: geometry (`plane.py`) and words about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from inode_pipeline.analysis.report.bands import Band, Bands
from inode_pipeline.analysis.report.drawing import FAINT, INK, Picture, figure, picture
from inode_pipeline.analysis.report.network import LinkNow
from inode_pipeline.analysis.report.plane import Plane, Points, aside, middle, plane_of
from inode_pipeline.analysis.report.units import Units

WIDTH_IN = 5.6
HEIGHTS_IN = (2.2, 6.5)
FOOT_IN = 0.3
"""Room for the scale below the map."""

DISC_ASIDE_PT = 9.0
"""How far from its link a number stands, so that those of both directions are seen."""

_THICKER = (1.7, 1.35, 1.0, 1.0)
"""How much thicker the slower bands are, so that not the colour alone tells them."""

_SCALES = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)


@dataclass(frozen=True, slots=True)
class NetworkMap:
    """The picture, None if no link has a line; the links that are not on it for lack of one; how many points are not.

    Points are left out that lie far outside the network, or far off the line that they are a part of.
    """

    picture: Picture | None
    not_drawn: tuple[LinkNow, ...]
    points_left_out: int


def network_map(bands: Bands, worst: Sequence[str], units: Units, words: str) -> NetworkMap:
    """Draw the links; `worst` are the link_ids that get numbers, from 1."""
    every = [*chain.from_iterable(band.links for band in bands.known), *bands.unknown.links]
    plane = plane_of(line for link in every for line in link.lines)
    if plane is None:
        return NetworkMap(None, tuple(every), 0)
    placed = {link.link_id: _placed(link, plane) for link in every}
    height = float(np.clip(WIDTH_IN * plane.height_km / plane.width_km, *HEIGHTS_IN))
    km_per_pt = max(plane.width_km / WIDTH_IN, plane.height_km / height) / 72
    thick = float(np.clip(30 / np.sqrt(len(every)), 0.7, 1.7))
    with figure(WIDTH_IN, height + FOOT_IN) as drawn:
        axes = drawn.add_axes((0, FOOT_IN / (height + FOOT_IN), 1, height / (height + FOOT_IN)))
        _frame(axes, plane, km_per_pt, height)
        beside = {link_id: [aside(line, thick * km_per_pt) for line in lines] for link_id, lines in placed.items()}
        _draw(axes, bands.unknown, beside, thick * 0.8, is_dashed=True)
        for band, thicker in reversed(list(zip(bands.known, _THICKER, strict=True))):
            _draw(axes, band, beside, thick * thicker)
        _number(axes, worst, placed, DISC_ASIDE_PT * km_per_pt)
        _scale_bar(axes, units, height)
        shown = picture(drawn, words)
    points = sum(len(line) for link in every for line in link.lines)
    kept = sum(len(line) for lines in placed.values() for line in lines)
    return NetworkMap(shown, tuple(link for link in every if not placed[link.link_id]), points - kept)


def _placed(link: LinkNow, plane: Plane) -> list[Points]:
    lines = (plane.place(line) for line in link.lines)
    return [points for points in lines if len(points) > 1]


def _frame(axes: Axes, plane: Plane, km_per_pt: float, height_in: float) -> None:
    """The same scale both ways; what is left over is shared by both sides."""
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


def _number(axes: Axes, worst: Sequence[str], placed: Mapping[str, list[Points]], distance_km: float) -> None:
    for number, link_id in enumerate(worst, start=1):
        if points := placed.get(link_id):
            disc = {"boxstyle": "circle,pad=0.25", "facecolor": "white", "edgecolor": INK, "linewidth": 0.8}
            axes.text(
                *middle([aside(line, distance_km) for line in points]),
                str(number),
                ha="center",
                va="center",
                fontweight="bold",
                bbox=disc,
            )


def _scale_bar(axes: Axes, units: Units, height_in: float) -> None:
    """A bar of a round length, at most a quarter of the width, below the map on the left."""
    left, right = axes.get_xlim()
    width = (right - left) / units.km
    length = max((scale for scale in _SCALES if scale <= width / 4), default=_SCALES[0])
    share, below = length / width, -0.5 * FOOT_IN / height_in
    foot = axes.transAxes
    axes.plot([0.02, 0.02 + share], [below] * 2, linewidth=2, color=FAINT, transform=foot, clip_on=False)
    axes.text(0.035 + share, below, f"{length:g} {units.length}", color=FAINT, va="center", transform=foot)
