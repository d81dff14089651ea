"""The links at the time of the newest snapshot: their lines, speeds and speed bands.

A link counts as measured if its measurement is at most an hour older than the snapshot, as in the view
`congested_now`. Its free flow is the speed configured in iNode, or else this month's baseline.
The bands are of speed over free flow, or of speed alone if no link has a free flow. Their colours are the four outer
ones of ColorBrewer's RdBu (colorbrewer2.org), which colour-blind people can distinguish and which also differ in grey;
slower bands are drawn thicker as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal

from sqlalchemy import Connection, select

from inode_pipeline.analysis.answers import KM_PER_MILE
from inode_pipeline.analysis.query import Query, ask_within
from inode_pipeline.analysis.receipts import MEASURED_WITHIN
from inode_pipeline.warehouse.engine import Warehouse
from inode_pipeline.warehouse.tables import LINKS_TABLE

COLOURS = ("#b2182b", "#ef8a62", "#67a9cf", "#2166ac")
"""From the slowest band (red) to the fastest."""

UNKNOWN_COLOUR = "#999999"

_SHARES = (5 / 9, 5 / 6, 1.0)
"""The edges of the bands as a share of the congestion threshold: for 90 % they are 50, 75 and 90 % of free flow."""

_SPEEDS = {"km/h": (20.0, 40.0, 70.0), "mph": (15.0, 25.0, 45.0)}

_TOLERANCE = 1e-9
"""Keeps a speed of exactly 90 % from falling below the threshold by rounding."""


_BASELINES = Query(
    "baselines_now",
    "What is the free-flow travel time of each link this month?",
    (),
    "SELECT link_id, free_flow_s FROM internal_link_months WHERE month = (SELECT month FROM data_now)",
)

Line = tuple[tuple[float, float], ...]
"""Longitude and latitude of each point, in degrees."""


@dataclass(frozen=True, slots=True)
class LinkNow:
    """One link: its lines, its speed, and that speed over free flow.

    Both are None if not known or not measured within the hour.
    """

    link_id: str
    name: str
    lines: tuple[Line, ...]
    speed_kmh: float | None
    ratio: float | None
    is_measured: bool


@dataclass(frozen=True, slots=True)
class Units:
    """The names of the units; `km` is the length unit in kilometres."""

    speed: str
    length: str
    km: float

    def speed_of(self, kmh: float) -> float:
        """Convert a speed in km/h to these units."""
        return kmh / self.km


METRIC = Units("km/h", "km", 1.0)
US = Units("mph", "mi", KM_PER_MILE)


def units(name: Literal["metric", "us"]) -> Units:
    """The units named by INODE_DISPLAY_UNITS or `--units`."""
    return US if name == "us" else METRIC


@dataclass(frozen=True, slots=True)
class Band:
    """The links between two edges, or those without a known speed, in grey."""

    label: str
    colour: str
    links: tuple[LinkNow, ...]


@dataclass(frozen=True, slots=True)
class Bands:
    """All links, each in one band, slowest first, then the unknown. `by_ratio` is false for bands of speed alone."""

    by_ratio: bool
    known: tuple[Band, ...]
    unknown: Band

    @property
    def congested(self) -> int:
        """The number of links below the congestion threshold."""
        return sum(len(band.links) for band in self.known[:-1])


def bands(links: Sequence[LinkNow], units: Units = METRIC, congested_pct: float = 90.0) -> Bands:
    """Group the links into bands of speed over free flow, or of speed if no link has a free flow."""
    by_ratio = any(link.ratio is not None for link in links) or all(link.speed_kmh is None for link in links)
    edges = tuple(share * congested_pct / 100 for share in _SHARES) if by_ratio else _SPEEDS[units.speed]
    groups: list[list[LinkNow]] = [[] for _ in COLOURS]
    unknown = []
    for link in links:
        value = link.ratio if by_ratio else link.speed_kmh and units.speed_of(link.speed_kmh)
        if value is None:
            unknown.append(link)
        else:
            groups[sum(value >= edge * (1 - _TOLERANCE) for edge in edges)].append(link)
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


def links_now(connection: Connection, warehouse: Warehouse, now: datetime) -> tuple[LinkNow, ...]:
    """Every link that is not deleted, ordered by link_id."""
    links = LINKS_TABLE.c
    baselines = {row[0]: row[1] for row in ask_within(connection, warehouse, _BASELINES, {}).rows}
    listed = (
        select(
            links.link_id,
            links.name,
            links.geometry,
            links.last_speed_kmh,
            links.free_flow_speed_kmh,
            links.last_travel_time_s,
            links.last_observed_at,
        )
        .where(links.deleted_at.is_(None))
        .order_by(links.link_id)
    )
    since = now.replace(microsecond=0) - MEASURED_WITHIN
    return tuple(_link(row, baselines.get(row["link_id"]), since) for row in connection.execute(listed).mappings())


def _link(row: Mapping[Any, Any], baseline_s: object, since: datetime) -> LinkNow:
    observed_at = row["last_observed_at"]
    is_measured = observed_at is not None and observed_at >= since
    return LinkNow(
        row["link_id"],
        row["name"],
        tuple(_lines(row["geometry"])),
        row["last_speed_kmh"] if is_measured else None,
        _ratio(row, baseline_s) if is_measured else None,
        is_measured,
    )


def _ratio(row: Mapping[Any, Any], baseline_s: object) -> float | None:
    speed, free_flow, time_s = row["last_speed_kmh"], row["free_flow_speed_kmh"], row["last_travel_time_s"]
    if speed is not None and free_flow is not None and free_flow > 0:
        return float(speed / free_flow)
    if isinstance(baseline_s, float) and time_s is not None and time_s > 0:
        return float(baseline_s / time_s)
    return None


def _lines(geometry: Mapping[str, Any] | None) -> list[Line]:
    """The lines of a GeoJSON geometry, without heights and without points outside the range of coordinates."""
    kind = geometry["type"] if geometry else None
    if geometry is None or kind not in ("LineString", "MultiLineString"):
        return []
    parts = geometry["coordinates"] if kind == "MultiLineString" else [geometry["coordinates"]]
    lines = (tuple((lon, lat) for lon, lat, *_ in part if abs(lon) <= 180 and abs(lat) <= 90) for part in parts)
    return [line for line in lines if len(line) > 1]
