"""The bands of speed in which links are coloured and counted: by their speed over free flow, or by speed alone.

The colours are the four outer ones of ColorBrewer's RdBu (colorbrewer2.org), which colour-blind people can tell apart
and which differ in grey as well; beside the colour each slower band is drawn thicker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from inode_pipeline.analysis.report.network import LinkNow
from inode_pipeline.analysis.report.units import METRIC, Units

COLOURS = ("#b2182b", "#ef8a62", "#67a9cf", "#2166ac")
"""From the slowest band to the fastest. Red is slow."""

UNKNOWN_COLOUR = "#999999"

RATIOS = (0.5, 0.75, 0.9)
"""Below the last a link is congested, as in the view `congested_now`."""

_SPEEDS = {"km/h": (20.0, 40.0, 70.0), "mph": (15.0, 25.0, 45.0)}


@dataclass(frozen=True, slots=True)
class Band:
    """The links between two edges; `colour` of those whose speed is not known is grey."""

    label: str
    colour: str
    links: tuple[LinkNow, ...]


@dataclass(frozen=True, slots=True)
class Bands:
    """All links, each in one band: the slowest first, then those not known. `by_ratio` is false for speed alone."""

    by_ratio: bool
    known: tuple[Band, ...]
    unknown: Band

    @property
    def measured(self) -> int:
        """How many links are in a band that is known."""
        return sum(len(band.links) for band in self.known)


def bands(links: Sequence[LinkNow], units: Units = METRIC) -> Bands:
    """The links in bands of speed over free flow, or of speed if the free flow of not one of them is known."""
    by_ratio = any(link.ratio is not None for link in links) or all(link.speed_kmh is None for link in links)
    edges = RATIOS if by_ratio else _SPEEDS[units.speed]
    groups: list[list[LinkNow]] = [[] for _ in COLOURS]
    unknown = []
    for link in links:
        value = link.ratio if by_ratio else link.speed_kmh and units.speed_of(link.speed_kmh)
        if value is None:
            unknown.append(link)
        else:
            groups[sum(value >= edge for edge in edges)].append(link)
    labels = _labels([f"{100 * edge:.0f}" for edge in edges], "%") if by_ratio else _labels(edges, units.speed)
    known = zip(labels, COLOURS, groups, strict=True)
    return Bands(
        by_ratio,
        tuple(Band(label, colour, tuple(group)) for label, colour, group in known),
        Band("not known", UNKNOWN_COLOUR, tuple(unknown)),
    )


def _labels(edges: Sequence[str] | Sequence[float], unit: str) -> list[str]:
    written = [edge if isinstance(edge, str) else f"{edge:.0f}" for edge in edges]
    between = [f"{low} to {high} {unit}" for low, high in pairwise(written)]
    return [f"below {written[0]} {unit}", *between, f"{written[-1]} {unit} and more"]
