"""The ten worst links: by their Travel Time Index in the peaks where that is known, else by their speed at present.

Keep out: what an index is; the views say that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from sqlalchemy import Connection

from inode_pipeline.analysis.query import Parameter, Query, ask_within, named_query
from inode_pipeline.warehouse.engine import Warehouse

HOW_MANY = 10

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
_PLACES = [f"link_{number}" for number in range(1, HOW_MANY + 1)]
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
    """The worst links, the worst first, each with the rows of its day curve if it has one.

    `by` is `peaks` (Travel Time Index of `month`; each link once, in its worse peak) or `now` (speed over free flow).
    A row of `peaks` has the columns of `link_reliability_monthly`, one of `now` those of `congested_now`.
    """

    by: Literal["peaks", "now"]
    month: str
    rows: Sequence[Mapping[str, Any]] = ()
    curves: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def link_ids(self) -> list[str]:
        """Which links, the worst first."""
        return [row["link_id"] for row in self.rows]


def worst_links(connection: Connection, warehouse: Warehouse, *, sampling_on: bool) -> Worst:
    """The worst of last month; if no index of it is known those of this month, and if none is those at present.

    At present there are day curves only while sampling is on: one reading a day makes no curve.
    """
    [(last_month, month)] = ask_within(connection, warehouse, _MONTHS, {}).rows
    for asked in (str(last_month), str(month)):
        if rows := _in_peaks(connection, warehouse, asked):
            return _with_curves(connection, warehouse, Worst("peaks", asked, rows))
    now = ask_within(connection, warehouse, named_query("congested_now"), {"limit": str(HOW_MANY)})
    worst = Worst("now", str(month), now.records())
    return _with_curves(connection, warehouse, worst) if sampling_on else worst


def _in_peaks(connection: Connection, warehouse: Warehouse, month: str) -> list[dict[str, Any]]:
    each: dict[str, dict[str, Any]] = {}
    for row in ask_within(connection, warehouse, _PEAKS, {"month": month}).records():
        each.setdefault(row["link_id"], row)
    return list(each.values())[:HOW_MANY]


def _with_curves(connection: Connection, warehouse: Warehouse, worst: Worst) -> Worst:
    """With the curves of all of them, asked at once: the view reads every bin of the month each time."""
    given = {"month": worst.month, **dict(zip(_PLACES, worst.link_ids, strict=False))}
    curves: dict[str, list[Mapping[str, Any]]] = {}
    for row in ask_within(connection, warehouse, _CURVES, given).records():
        curves.setdefault(row["link_id"], []).append(row)
    return Worst(worst.by, worst.month, worst.rows, curves)


def month_name(month: str) -> str:
    """`October 2026` for `2026-10`."""
    return f"{date.fromisoformat(f'{month}-01'):%B %Y}"
