"""The data of the report on one link or corridor: its series, its week, and its reliability month by month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from sqlalchemy import Connection

from inode_pipeline.analysis.query import Parameter, Query, ask_within, named_query
from inode_pipeline.analysis.report.links import LinkNow, links_now
from inode_pipeline.warehouse.engine import Warehouse

Kind = Literal["link", "corridor"]

DAYS = 14
"""The number of days in the series, which ends on the day of the newest data."""

MONTHS = 13
"""The maximum number of months in the table, newest first: a year and the same month of the year before."""

_RELIABILITY = {
    kind: Query(
        "reliability",
        "How reliable is it?",
        (Parameter(f"{kind}_id", "text", "which"),),
        "SELECT name, month, period_name, mean_s, p95_s, free_flow_s, tti, pti, buffer_index, speed_kmh, length_m, "  # noqa: S608 - our own names
        f"n_days, coverage_pct, baseline_method, baseline_version FROM {kind}_reliability_monthly "
        f"WHERE {kind}_id = :{kind}_id AND period_name IN ('am_peak', 'pm_peak') ORDER BY month DESC, period_name",
    )
    for kind in ("link", "corridor")
}
_NOW = Query("now", "When is now?", (), "SELECT now_at, local_date FROM data_now")
_NAMES: Mapping[Kind, Query] = {
    "link": Query(
        "link_name",
        "Which link is it?",
        (Parameter("link_id", "text", "the link"),),
        "SELECT name, link_id FROM links WHERE link_id = :link_id",
    ),
    "corridor": Query(
        "corridor_links",
        "Which links does it have?",
        (Parameter("corridor_id", "text", "the corridor"),),
        # Both directions of a road often have the same name.
        "SELECT CASE WHEN c.name LIKE '% ' || c.direction THEN c.name ELSE c.name || COALESCE(' ' || c.direction, '') "
        "END AS name, k.link_id FROM corridors AS c LEFT JOIN corridor_links AS k ON k.corridor_id = c.corridor_id "
        "AND k.valid_to IS NULL WHERE c.corridor_id = :corridor_id ORDER BY k.position",
    ),
}


@dataclass(frozen=True, slots=True)
class Place:
    """One link or corridor.

    `series` has a row per hour of the last days, `week` one per weekday and hour, `months` one per month and peak; the
    columns are those of the queries `link_series` and `link_heat_map` and of the reliability views.
    `links` are all links of the network, `link_ids` those of the place in order; `since` is the first day of `week`.
    """

    kind: Kind
    place_id: str
    name: str
    link_ids: tuple[str, ...]
    links: tuple[LinkNow, ...]
    series: Sequence[Mapping[str, Any]]
    week: Sequence[Mapping[str, Any]]
    months: Sequence[Mapping[str, Any]]
    since: date

    @property
    def length_m(self) -> float | None:
        """The length in the newest month that has one."""
        return next((row["length_m"] for row in self.months if row["length_m"] is not None), None)

    @property
    def free_flow_s(self) -> float | None:
        """The free-flow travel time of the newest month that has one."""
        return next((row["free_flow_s"] for row in self.months if row["free_flow_s"] is not None), None)


def read_place(connection: Connection, warehouse: Warehouse, kind: Kind, place_id: str) -> Place:
    """Read the data of a link or corridor.

    Raises:
        ConfigError: there is no such link or corridor; the remedy lists the existing ones.

    """
    given = {f"{kind}_id": place_id}
    [now] = ask_within(connection, warehouse, _NOW, {}).records()
    today = now["local_date"]
    found = ask_within(connection, warehouse, _NAMES[kind], given).rows
    days = {"from": f"{today - timedelta(days=DAYS - 1)}"}
    since = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    week = ask_within(connection, warehouse, named_query(f"{kind}_heat_map"), given | {"from": f"{since}"})
    return Place(
        kind,
        place_id,
        str(found[0][0]),
        tuple(str(link_id) for _, link_id in found if link_id is not None),
        links_now(connection, warehouse, now["now_at"]),
        ask_within(connection, warehouse, named_query(f"{kind}_series"), given | days).records(),
        week.records(),
        ask_within(connection, warehouse, _RELIABILITY[kind], given).records()[: 2 * MONTHS],
        since,
    )
