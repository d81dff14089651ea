"""The links at the instant of the newest snapshot: where each runs, how fast it is, and why that is not known.

A link counts as measured if that was within the hour before the snapshot, as in the view `congested_now`. Its free flow
is the speed that iNode states today, or else the baseline in force this month. Keep out: how it is drawn (`map.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from inode_pipeline.analysis.query import Query, ask_within
from inode_pipeline.analysis.receipts import MEASURED_WITHIN
from inode_pipeline.warehouse.engine import Warehouse
from inode_pipeline.warehouse.tables import LINKS_TABLE

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
    """One listed link: its lines, its speed and that speed over free flow; None is not known.

    Both are None unless it was measured within the hour.
    """

    link_id: str
    name: str
    lines: tuple[Line, ...]
    speed_kmh: float | None
    ratio: float | None
    is_measured: bool


def links_now(connection: Connection, warehouse: Warehouse, now: datetime) -> tuple[LinkNow, ...]:
    """Every link that iNode lists, by link_id."""
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
    """The lines of a GeoJSON geometry; heights are left out, and so is a point that lies nowhere on earth."""
    kind = geometry["type"] if geometry else None
    if geometry is None or kind not in ("LineString", "MultiLineString"):
        return []
    parts = geometry["coordinates"] if kind == "MultiLineString" else [geometry["coordinates"]]
    lines = (tuple((lon, lat) for lon, lat, *_ in part if abs(lon) <= 180 and abs(lat) <= 90) for part in parts)
    return [line for line in lines if len(line) > 1]
