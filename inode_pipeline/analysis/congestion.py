"""Which links are slow at present, compared with their own free flow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.tables import LINKS_TABLE, LOADS

MEASURED_WITHIN = timedelta(hours=1)
"""How far before the newest snapshot a speed may have been measured to count as present."""


@dataclass(frozen=True, slots=True)
class CongestedLink:
    """One link: speeds in km/h, their ratio (1 is free flow), and when that was measured, in UTC."""

    name: str
    last_speed_kmh: float
    free_flow_speed_kmh: float
    speed_ratio: float
    last_observed_at: datetime


def most_congested(warehouse: Warehouse, *, limit: int = 5) -> list[CongestedLink]:
    """The slowest links by speed over free flow, slowest first, among those measured within an hour of the data.

    Links that are gone, have no speed or no free-flow speed are left out. "Now" is the newest loaded walk.
    """
    links = LINKS_TABLE.c
    ratio = links.last_speed_kmh / func.nullif(links.free_flow_speed_kmh, 0)
    newest = select(func.max(LOADS.c.snapshot_at, type_=LOADS.c.snapshot_at.type)).where(
        LOADS.c.endpoint == LINKS_TABLE.name
    )
    with reading(warehouse) as connection:
        now = connection.scalar(newest)
        if now is None:
            return []
        slowest = (
            select(links.name, links.last_speed_kmh, links.free_flow_speed_kmh, ratio, links.last_observed_at)
            .where(links.last_seen_at.is_(None), ratio.is_not(None), links.last_observed_at >= now - MEASURED_WITHIN)
            .order_by(ratio, links.link_id)
            .limit(limit)
        )
        return [CongestedLink(*row) for row in connection.execute(slowest)]
