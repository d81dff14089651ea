"""Fill the days before today for the demo: nights and samples, with the emulator's clock set back.

Each is a normal sync over HTTP, except that both sides use this clock instead of the machine's.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from inode_pipeline.config import Settings
    from inode_pipeline.sync import Listener
    from inode_pipeline.warehouse.engine import Warehouse
    from inode_pipeline.warehouse.receipt import Receipt

NIGHT = time(4, 30)
SAMPLED_HOURS = (6, 7, 8, 9, 16, 17, 18, 19)
SAMPLE_SCHEDULE = "*/15 6-9,16-19 * * *"
"""Only the peak hours, so that two weeks take less than a minute."""

ROADS = "Highway "
"""The prefix of the synthetic roads that become corridors."""


@dataclass
class Clock:
    """A settable clock for the emulator and its client."""

    now: datetime

    def __call__(self) -> datetime:
        """The current time of this clock."""
        return self.now


def fill(
    settings: Settings,
    warehouse: Warehouse,
    first: date,
    now: datetime,
    listen: Listener,
    *,
    sampled_from: date | None = None,
    gap: date | None = None,
) -> list[Receipt]:
    """Sync each night and sample from `first` to `now` from a synthetic network; return the receipts, oldest first.

    Samples begin on `sampled_from`, by default on `first`; nothing is read on the date `gap`.
    """
    from inode_pipeline.emulator import EmulatorConfig, EmulatorServer
    from inode_pipeline.endpoints.links import LINKS
    from inode_pipeline.sync import Attempt, Progress, sync_date

    clock = Clock(now)
    ticks = [
        (at, trigger)
        for at, trigger in _ticks(first, now, settings.zone)
        if at.date() != gap and (trigger == "schedule" or at.date() >= (sampled_from or first))
    ]
    receipts = []
    with EmulatorServer(EmulatorConfig(now=clock)) as server:
        past = settings.model_copy(update={"base_url": server.base_url})
        for number, (at, trigger) in enumerate(ticks, start=1):
            clock.now = at.astimezone(UTC)
            attempt = Attempt(f"demo {at:%Y-%m-%d %H:%M}", trigger)
            receipts += sync_date(past, warehouse, LINKS, at.date(), attempt=attempt, clock=clock)
            listen(Progress("load", f"{at:%a %d %b %H:%M}", number, len(ticks)))
    return receipts


def _ticks(first: date, now: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, Literal["schedule", "sample"]]]:
    day = first
    quarters = [time(hour, minute) for hour in SAMPLED_HOURS for minute in (0, 15, 30, 45)]
    while day <= now.astimezone(zone).date():
        for at in (NIGHT, *quarters):
            if (tick := datetime.combine(day, at, zone)) < now - timedelta(minutes=1):
                yield tick, "schedule" if at == NIGHT else "sample"
        day += timedelta(days=1)


def import_roads(warehouse: Warehouse, folder: Path, first: date) -> int:
    """Import each direction of the main roads as a corridor, like `corridors import`; return their number."""
    from sqlalchemy import select

    from inode_pipeline.analysis.corridors import COLUMNS, import_corridors
    from inode_pipeline.warehouse.engine import reading
    from inode_pipeline.warehouse.tables import LINKS_TABLE

    names = select(LINKS_TABLE.c.link_id, LINKS_TABLE.c.name).where(LINKS_TABLE.c.name.startswith(ROADS))
    with reading(warehouse) as connection:
        links = {int(link_id): str(name) for link_id, name in connection.execute(names)}
    file = folder / "corridors.csv"
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(COLUMNS)
        writer.writerows(_rows(links, first))
    return import_corridors(warehouse, file).corridors


def _rows(links: Mapping[int, str], first: date) -> Iterator[tuple[object, ...]]:
    """The rows of the corridors. The emulator numbers its links eastward and northward, in both directions."""
    roads: dict[str, list[int]] = {}
    for link_id, name in sorted(links.items()):
        roads.setdefault(name.partition(":")[0], []).append(link_id)
    for road, link_ids in roads.items():
        name, _, heading = road.rpartition(" ")
        driven = link_ids if heading in ("EB", "NB") else link_ids[::-1]
        for position, link_id in enumerate(driven, start=1):
            yield road.lower().replace(" ", "-"), name, heading, position, link_id, first, ""
