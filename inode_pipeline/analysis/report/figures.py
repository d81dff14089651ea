"""The figures over time, and how a figure is embedded in the page.

A figure becomes an SVG in a `data:` address, which a browser shows as a picture and never runs. Letters are drawn as
outlines, so that a page looks and prints the same everywhere; the same data always gives the same SVG. Names from the
API are never drawn.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

INK = "#1a1a1a"
FAINT = "#5f5f5f"
GRID = "#dddddd"
SLOW, FAST = "#b2182b", "#2166ac"

WEEKDAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

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
    "hatch.color": GRID,
    "hatch.linewidth": 0.6,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))

_HEAT = LinearSegmentedColormap.from_list("slow", ["#f7f7f7", "#fddbc7", "#ef8a62", "#b2182b", "#67001f"])
"""From light to dark, so that it can be read in grey and by colour-blind people."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The source, size in points and alternative text of an `<img>`."""

    source: str
    width_pt: int
    height_pt: int
    words: str


@contextmanager
def figure(width_in: float, height_in: float) -> Iterator[Figure]:
    """A figure in the report's style; draw on it and call `picture` inside the context."""
    with mpl.rc_context():
        mpl.rcdefaults()  # ignore the user's matplotlibrc
        mpl.rcParams.update(_STYLE)
        yield Figure(figsize=(width_in, height_in))


def picture(drawn: Figure, words: str) -> Picture:
    """Render a figure as SVG."""
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="svg", metadata=_NO_METADATA, transparent=True)
    width, height = drawn.get_size_inches() * 72
    source = f"data:image/svg+xml;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return Picture(source, round(width), round(height), words)


def day_curve(hours: Sequence[Mapping[str, Any]], free_flow_s: float | None, words: str) -> Picture:
    """The mean and 95th percentile of the travel time by hour, in minutes, with gaps where there is no data."""
    with figure(3.3, 1.7) as drawn:
        axes = drawn.add_axes((0.12, 0.17, 0.85, 0.7))
        middles = [hour + 0.5 for hour in range(24)]
        p95, mean = _by_hour(hours, "p95_s"), _by_hour(hours, "mean_s")
        axes.plot(middles, p95, color=SLOW, linewidth=1.0, linestyle=(0, (4, 2)), marker=".", markersize=2)
        axes.plot(middles, mean, color=FAST, linewidth=1.8, marker=".", markersize=4)
        _free_flow(axes, free_flow_s)
        axes.set(xlim=(0, 24), xticks=range(0, 25, 6))
        _minutes(axes, -0.1)
        return picture(drawn, words)


def series_curve(rows: Sequence[Mapping[str, Any]], free_flow_s: float | None, words: str) -> Picture:
    """The travel time of each hour in minutes, with gaps where there is no data."""
    times = [row.get("starts_at_local") or row["bin_start_local"] for row in rows]
    known = {at.replace(minute=0): row["travel_time_s"] for at, row in zip(times, rows, strict=True)}
    first, last = min(known), max(known)
    every = [first + timedelta(hours=n) for n in range(int((last - first) / timedelta(hours=1)) + 1)]
    minutes = [np.nan if known.get(hour) is None else known[hour] / 60 for hour in every]
    with figure(5.6, 1.9) as drawn:
        axes = drawn.add_axes((0.06, 0.2, 0.92, 0.68))
        axes.plot([_day_number(hour) for hour in every], minutes, color=FAST, linewidth=1.1, marker=".", markersize=1.5)
        _free_flow(axes, free_flow_s)
        axes.set_xlim(_day_number(first), _day_number(last) + 1 / 24)
        _dates(axes)
        _minutes(axes, -0.04)
        return picture(drawn, words)


def heat_map(rows: Sequence[Mapping[str, Any]], fastest_s: float, words: str) -> Picture:
    """Travel time relative to the fastest, by weekday and hour: darker is slower, hatched has no data."""
    grid = np.full((7, 24), np.nan)
    for row in rows:
        if row["mean_s"] is not None:
            grid[row["weekday"] - 1, row["local_hour"]] = row["mean_s"] / fastest_s
    with figure(5.6, 2.1) as drawn:
        axes = drawn.add_axes((0.07, 0.12, 0.79, 0.84))
        axes.grid(visible=False)
        axes.patch.set(hatch="////", facecolor="white")
        slowest = max(1.5, float(np.nanmax(grid)))
        # Without edges the hatching shows through the seams between the cells.
        image = axes.pcolormesh(
            np.arange(25), np.arange(8), grid, cmap=_HEAT, vmin=1, vmax=slowest, edgecolor="face", linewidth=0.3
        )
        axes.set(ylim=(7, 0), xlim=(0, 24), xticks=range(0, 25, 3), yticks=[day + 0.5 for day in range(7)])
        axes.set_yticklabels(WEEKDAY_NAMES)
        axes.tick_params(axis="y", length=0)
        scale = drawn.colorbar(image, cax=drawn.add_axes((0.89, 0.12, 0.018, 0.84)))
        scale.outline.set_visible(False)
        scale.ax.yaxis.set_major_locator(MaxNLocator(4))
        scale.ax.yaxis.set_major_formatter(lambda value, _place: f"{value:g}×")
        return picture(drawn, words)


def history_curve(history: Mapping[date, int], words: str) -> Picture:
    """The number of links on each date with a snapshot; dates without one are marked on the axis."""
    missing = missing_dates(history)
    days = sorted([*history, *missing])
    with figure(5.2, 1.9) as drawn:
        axes = drawn.add_axes((0.11, 0.19, 0.86, 0.74))
        if missing:
            foot = axes.get_xaxis_transform()
            axes.plot(_numbers(missing), [0.03] * len(missing), "x", color=SLOW, markersize=5, transform=foot)
        counts = [history.get(day, float("nan")) for day in days]
        axes.plot(_numbers(days), counts, color=FAST, linewidth=1.2, marker=".", markersize=5)
        low, high = min(history.values()), max(history.values())
        room = max(2, 0.3 * (high - low))
        axes.set_ylim(max(0, low - room), high + room)
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.set_xlim(_numbers(days)[0] - 1, _numbers(days)[-1] + 1)
        _dates(axes)
        return picture(drawn, words)


def missing_dates(history: Mapping[date, int]) -> list[date]:
    """The dates without a snapshot between the first and the last."""
    first, last = min(history), max(history)
    every = (first + timedelta(days=number) for number in range((last - first).days))
    return [day for day in every if day not in history]


def _by_hour(hours: Sequence[Mapping[str, Any]], column: str) -> list[float]:
    known = {row["local_hour"]: row[column] / 60 for row in hours if row[column] is not None}
    return [known.get(hour, float("nan")) for hour in range(24)]


def _free_flow(axes: Axes, free_flow_s: float | None) -> None:
    if free_flow_s is not None:
        axes.axhline(free_flow_s / 60, color=FAINT, linewidth=1.0, linestyle=":")


def _minutes(axes: Axes, x: float) -> None:
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.set_title("minutes", fontsize=8, loc="left", color=FAINT, x=x)


def _dates(axes: Axes) -> None:
    locator = AutoDateLocator(minticks=2, maxticks=6)  # type: ignore[no-untyped-call]  # matplotlib has types in part
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]  # as above


def _numbers(days: Sequence[date]) -> list[int]:
    """Dates as matplotlib's numbers: days since 1970."""
    return [day.toordinal() - date(1970, 1, 1).toordinal() for day in days]


def _day_number(moment: datetime) -> float:
    return (moment - datetime(1970, 1, 1)) / timedelta(days=1)  # noqa: DTZ001 - local time
