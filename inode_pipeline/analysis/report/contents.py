"""Read the data of the report in one transaction, so that all of it shows the same state.

The worst links are ranked by their Travel Time Index in the peaks if it is known, else by their current speed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from inode_pipeline.analysis.query import Answer, Parameter, Query, ask_within, named_query
from inode_pipeline.analysis.receipts import newest_receipt
from inode_pipeline.analysis.report.links import LinkNow, links_now
from inode_pipeline.analysis.report.place import Kind, Place, read_place
from inode_pipeline.analysis.status import Status, status_within, unanswerable_questions
from inode_pipeline.config import LocalSettings
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.warehouse.analyst_tables import INDEX_RULES
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.receipt import Receipt
from inode_pipeline.warehouse.sqlite_file import is_demo
from inode_pipeline.warehouse.stored import stored_zone
from inode_pipeline.warehouse.tables import LINK_FACTS

MAX_DATES = 90
"""The maximum number of dates in the history."""

MAX_RANKED = 10
"""The maximum number of ranked links."""

CONGESTED_PCT = 90.0
"""The share of free flow below which a link is congested, used if the rule was deleted from `index_rules`."""

_MONTHS = Query("months", "Which month is it, and which was before?", (), "SELECT last_month, month FROM data_now")
_PEAKS = Query(
    "worst_in_a_peak",
    "Which links are worst in a peak?",
    (Parameter("month", "month", "such as 2026-10"),),
    "SELECT link_id, name, period_name, tti, delay_s, speed_kmh, free_flow_s, n_days, coverage_pct, baseline_method, "
    "baseline_version FROM link_reliability_monthly "
    "WHERE month = :month AND tti IS NOT NULL AND period_name IN ('am_peak', 'pm_peak') "
    "ORDER BY tti DESC, link_id, period_name",
)
_PLACES = [f"link_{number}" for number in range(1, MAX_RANKED + 1)]
_CURVES = Query(
    "day_curves",
    "How long do these links take through a weekday?",
    (
        *(Parameter(place, "text", "one of the links", "SELECT NULL") for place in _PLACES),
        Parameter("month", "month", "the month"),
    ),
    "SELECT link_id, local_hour, mean_s, p95_s, n_days FROM link_hourly "  # noqa: S608 - names of our own
    f"WHERE link_id IN (:{', :'.join(_PLACES)}) AND month = :month AND day_kind = 'weekday' "
    "ORDER BY link_id, local_hour",
)


@dataclass(frozen=True, slots=True)
class Worst:
    """The worst links, worst first, and the rows of their day curves, if any.

    `by` is `peaks` (Travel Time Index of `month`; each link once, in its worse peak) or `now` (speed over free flow).
    The rows have the columns of `link_reliability_monthly` or `congested_now`, respectively.
    """

    by: Literal["peaks", "now"]
    month: str
    rows: Sequence[Mapping[str, Any]] = ()
    curves: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def link_ids(self) -> list[str]:
        """The ids of the links, worst first."""
        return [row["link_id"] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Network:
    """The data of the report on the whole network.

    `freshness` is the row of `data_freshness`; `history` is the number of links on each date with a snapshot, oldest
    first; each answer is that of the query of the same name; `congested_pct` is the threshold of `congested_now`.
    """

    freshness: Mapping[str, Any]
    links: tuple[LinkNow, ...]
    network_changes: Answer
    links_silent: Answer
    links_never_reported: Answer
    worst: Worst
    history: Mapping[date, int]
    congested_pct: float


@dataclass(frozen=True, slots=True)
class Contents:
    """The data of a report. Times are UTC, `zone` is the warehouse's.

    `receipt` is that of the newest load, None before the first. After the first load, either `network` or `place` is
    set. `not_known` says which questions cannot be answered without samples; None if samples arrive.
    """

    status: Status
    zone: ZoneInfo
    is_synthetic: bool
    not_known: str | None
    network_name: str | None
    receipt: Receipt | None
    network: Network | None
    place: Place | None


def read_contents(warehouse: Warehouse, settings: LocalSettings, place: tuple[Kind, str] | None = None) -> Contents:
    """Read the data of a report; writes nothing. `place` is a link or corridor, `("link", "7")`.

    Raises:
        NotMigratedError: the tables or views are missing.
        ConfigError: there is no such link or corridor.

    """
    zone = ZoneInfo(stored_zone(warehouse) or "UTC")
    not_known = unanswerable_questions(warehouse, settings)
    with reading(warehouse) as connection:
        receipt = newest_receipt(connection, LINKS)
        is_loaded = receipt is not None
        return Contents(
            status_within(connection),
            zone,
            is_demo(connection),
            not_known,
            settings.network_name,
            receipt,
            _network(connection, warehouse) if is_loaded and place is None else None,
            read_place(connection, warehouse, *place) if is_loaded and place is not None else None,
        )


def _network(connection: Connection, warehouse: Warehouse) -> Network:
    def answer(name: str) -> Answer:
        return ask_within(connection, warehouse, named_query(name), {})

    [freshness] = answer("data_freshness").records()
    return Network(
        freshness=freshness,
        links=links_now(connection, warehouse, freshness["data_as_of"]),
        network_changes=answer("network_changes"),
        links_silent=answer("links_silent"),
        links_never_reported=answer("links_never_reported"),
        worst=worst_links(connection, warehouse, sampling_on=freshness["sampling_on"]),
        history=_history(connection),
        congested_pct=congested_pct(connection),
    )


def congested_pct(connection: Connection) -> float:
    """The share of free flow below which a link is congested, in percent."""
    rule = select(INDEX_RULES.c.value).where(INDEX_RULES.c.name == "congested_threshold_pct")
    return connection.scalar(rule) or CONGESTED_PCT


def _history(connection: Connection) -> dict[date, int]:
    snapshots = LINK_FACTS.snapshots.c
    newest = (
        select(snapshots.snapshot_date, func.count())
        .group_by(snapshots.snapshot_date)
        .order_by(snapshots.snapshot_date.desc())
        .limit(MAX_DATES)
    )
    return dict(sorted((day, count) for day, count in connection.execute(newest)))


def worst_links(connection: Connection, warehouse: Warehouse, *, sampling_on: bool) -> Worst:
    """The worst links of last month; without any index, those of this month, or else those of now.

    The links of now have day curves only while sampling is on.
    """
    [(last_month, month)] = ask_within(connection, warehouse, _MONTHS, {}).rows
    for asked in (str(last_month), str(month)):
        if rows := _in_peaks(connection, warehouse, asked):
            return _with_curves(connection, warehouse, Worst("peaks", asked, rows))
    now = ask_within(connection, warehouse, named_query("congested_now"), {"limit": str(MAX_RANKED)})
    worst = Worst("now", str(month), now.records())
    return _with_curves(connection, warehouse, worst) if sampling_on else worst


def _in_peaks(connection: Connection, warehouse: Warehouse, month: str) -> list[dict[str, Any]]:
    each: dict[str, dict[str, Any]] = {}
    for row in ask_within(connection, warehouse, _PEAKS, {"month": month}).records():
        each.setdefault(row["link_id"], row)
    return list(each.values())[:MAX_RANKED]


def _with_curves(connection: Connection, warehouse: Warehouse, worst: Worst) -> Worst:
    """Add the day curves, in a single query because the view reads every bin of the month each time."""
    given = {"month": worst.month, **dict(zip(_PLACES, worst.link_ids, strict=False))}
    curves: dict[str, list[Mapping[str, Any]]] = {}
    for row in ask_within(connection, warehouse, _CURVES, given).records():
        curves.setdefault(row["link_id"], []).append(row)
    return Worst(worst.by, worst.month, worst.rows, curves)
