"""The small figures over time: a link's weekday, hour by hour, and the number of links, night by night."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import MaxNLocator

from inode_pipeline.analysis.report.bands import COLOURS
from inode_pipeline.analysis.report.drawing import FAINT, Picture, figure, picture

SLOW, FAST = COLOURS[0], COLOURS[-1]


def day_curve(hours: Sequence[Mapping[str, Any]], free_flow_s: float | None, words: str) -> Picture:
    """The mean travel time of each hour and its 95th percentile, in minutes; an hour without data is a gap."""
    mean, p95 = _by_hour(hours, "mean_s"), _by_hour(hours, "p95_s")
    with figure(3.3, 1.7) as drawn:
        axes = drawn.add_axes((0.12, 0.17, 0.85, 0.7))
        middles = [hour + 0.5 for hour in range(24)]
        axes.plot(middles, p95, color=SLOW, linewidth=1.0, linestyle=(0, (4, 2)), marker=".", markersize=2)
        axes.plot(middles, mean, color=FAST, linewidth=1.8, marker=".", markersize=4)
        if free_flow_s is not None:
            axes.axhline(free_flow_s / 60, color=FAINT, linewidth=1.0, linestyle=":")
        axes.set(xlim=(0, 24), xticks=range(0, 25, 6))
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.set_title("minutes", fontsize=8, loc="left", color=FAINT, x=-0.1)
        return picture(drawn, words)


def _by_hour(hours: Sequence[Mapping[str, Any]], column: str) -> list[float]:
    known = {row["local_hour"]: row[column] / 60 for row in hours if row[column] is not None}
    return [known.get(hour, float("nan")) for hour in range(24)]


def history_curve(history: Mapping[date, int], words: str) -> Picture:
    """The number of links on each date with a snapshot; a date without one is a mark on the axis."""
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
        _date_axis(axes)
        return picture(drawn, words)


def _numbers(days: Sequence[date]) -> list[int]:
    """Dates as matplotlib counts them: in days since 1970."""
    return [day.toordinal() - date(1970, 1, 1).toordinal() for day in days]


def _date_axis(axes: Axes) -> None:
    locator = AutoDateLocator(minticks=2, maxticks=6)  # type: ignore[no-untyped-call]  # matplotlib has types in part
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]  # as above


def missing_dates(history: Mapping[date, int]) -> list[date]:
    """The dates between the first and the last that have no snapshot."""
    first, last = min(history), max(history)
    every = (first + timedelta(days=number) for number in range((last - first).days))
    return [day for day in every if day not in history]
