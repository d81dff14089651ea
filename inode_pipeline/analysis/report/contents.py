"""What the report says, asked of the tables and views in one transaction, so that all of it is of one state.

Keep out: words and pictures (`page.py`, the figures).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from inode_pipeline.analysis.query import Answer, ask_within, named_query
from inode_pipeline.analysis.receipts import newest_receipt
from inode_pipeline.analysis.report.network import LinkNow, links_now
from inode_pipeline.analysis.report.worst import Worst, worst_links
from inode_pipeline.analysis.status import Status, status_within, what_is_not_known
from inode_pipeline.config import LocalSettings
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.warehouse.demo import is_demo
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.receipt import Receipt
from inode_pipeline.warehouse.stored import stored_zone
from inode_pipeline.warehouse.tables import LINK_FACTS

NIGHTS = 90
"""So many dates of the history are shown, the newest with a snapshot last."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What there is to tell once something was loaded.

    `freshness` is the row of `data_freshness`; `history` the number of links on each date that has a snapshot, oldest
    first; the answers are those of the queries of the same name.
    """

    freshness: Mapping[str, Any]
    links: tuple[LinkNow, ...]
    network_changes: Answer
    links_silent: Answer
    links_never_reported: Answer
    worst: Worst
    history: Mapping[date, int]
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything the report says; `loaded` is None until a first load. Times are UTC, `zone` is the warehouse's.

    `not_known` is what the tables cannot answer for want of samples; None where samples arrive.
    """

    status: Status
    zone: ZoneInfo
    is_synthetic: bool
    not_known: str | None
    loaded: Loaded | None


def read_contents(warehouse: Warehouse, settings: LocalSettings) -> Contents:
    """Ask for all of it; writes nothing.

    Raises:
        NotMigratedError: the tables or views are missing.

    """
    zone = ZoneInfo(stored_zone(warehouse) or "UTC")
    not_known = what_is_not_known(warehouse, settings)
    with reading(warehouse) as connection:
        loaded = _loaded(connection, warehouse)
        return Contents(status_within(connection), zone, is_demo(connection), not_known, loaded)


def _loaded(connection: Connection, warehouse: Warehouse) -> Loaded | None:
    receipt = newest_receipt(connection, LINKS)
    if receipt is None:
        return None

    def answer(name: str) -> Answer:
        return ask_within(connection, warehouse, named_query(name), {})

    [freshness] = answer("data_freshness").records()
    return Loaded(
        freshness=freshness,
        links=links_now(connection, warehouse, freshness["data_as_of"]),
        network_changes=answer("network_changes"),
        links_silent=answer("links_silent"),
        links_never_reported=answer("links_never_reported"),
        worst=worst_links(connection, warehouse, sampling_on=freshness["sampling_on"]),
        history=_history(connection),
        receipt=receipt,
    )


def _history(connection: Connection) -> dict[date, int]:
    snapshots = LINK_FACTS.snapshots.c
    newest = (
        select(snapshots.snapshot_date, func.count())
        .group_by(snapshots.snapshot_date)
        .order_by(snapshots.snapshot_date.desc())
        .limit(NIGHTS)
    )
    return dict(sorted((day, count) for day, count in connection.execute(newest)))
