"""A figure as the page holds it: an SVG inside a `data:` address, which a browser shows as a picture and never runs.

Letters are drawn as outlines, so that a page looks and prints alike everywhere, and the same figure is the same text
each time. Keep out: what is drawn. No name that came over the wire stands in a figure.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

INK = "#1a1a1a"
FAINT = "#5f5f5f"
GRID = "#dddddd"

_STYLE: dict[Any, object] = {
    "svg.fonttype": "path",
    "svg.hashsalt": "inode",
    "path.simplify": True,
    "path.simplify_threshold": 0.25,
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


@dataclass(frozen=True, slots=True)
class Picture:
    """What an `<img>` needs: its source, its size in points and what it shows in words."""

    source: str
    width_pt: int
    height_pt: int
    words: str


@contextmanager
def figure(width_in: float, height_in: float) -> Iterator[Figure]:
    """A figure in the style of the report, for drawing and then `picture`, both inside the context."""
    with mpl.rc_context():
        mpl.rcdefaults()  # a matplotlibrc of the person who runs it has no say
        mpl.rcParams.update(_STYLE)
        yield Figure(figsize=(width_in, height_in))


def picture(drawn: Figure, words: str) -> Picture:
    """The finished figure."""
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="svg", metadata=_NO_METADATA, transparent=True)
    width, height = drawn.get_size_inches() * 72
    source = f"data:image/svg+xml;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return Picture(source, round(width), round(height), words)
