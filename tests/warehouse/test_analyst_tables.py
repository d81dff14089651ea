"""The tables of the analysts: what is shipped in them, and what they refuse."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Table, delete, insert, select, update

from inode_pipeline.errors import PipelineError
from inode_pipeline.warehouse.analyst_tables import (
    CALENDAR,
    CORRIDOR_LINKS,
    CORRIDORS,
    INDEX_RULES,
    INFINITE_DF,
    LINK_BASELINES,
    STUDIES,
    T_QUANTILES,
    TIME_PERIODS,
)
from inode_pipeline.warehouse.engine import Warehouse, reading, transaction

DAY = date(2026, 11, 23)
BASELINE = {
    "link_id": "1",
    "method": "configured",
    "version": 1,
    "free_flow_travel_time_s": 60.0,
    "length_m": 1000.0,
    "origin_sensor_id": "s1",
    "destination_sensor_id": None,
    "n_bins": 0,
    "from_date": DAY,
    "to_date": DAY,
    "frozen_at": datetime(2026, 11, 23, tzinfo=UTC),
}
CORRIDOR_LINK = {"corridor_id": "c", "position": 1, "link_id": "1", "valid_from": DAY}
STUDY = {
    "study_id": "s",
    "name": "retiming",
    "corridor_id": "c",
    "period_name": "am_peak",
    "before_from": date(2026, 1, 1),
    "before_to": date(2026, 1, 31),
    "after_from": date(2026, 3, 1),
    "after_to": date(2026, 3, 31),
}


def rows(warehouse: Warehouse, table: Table) -> list[tuple[Any, ...]]:
    with reading(warehouse) as connection:
        return [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]


def test_the_periods_of_the_urban_congestion_report_and_of_23_cfr_490_are_shipped(warehouse: Warehouse) -> None:
    """Peaks 06-09 and 16-19 on weekdays; 06-10, 10-16 and 16-20 on weekdays and 06-20 on weekends."""
    expected = [
        ("am_peak", "weekday", 6 * 60, 9 * 60, "ucr"),
        ("cfr_am_peak", "weekday", 6 * 60, 10 * 60, "cfr"),
        ("cfr_midday", "weekday", 10 * 60, 16 * 60, "cfr"),
        ("cfr_pm_peak", "weekday", 16 * 60, 20 * 60, "cfr"),
        ("cfr_weekend", "weekend", 6 * 60, 20 * 60, "cfr"),
        ("pm_peak", "weekday", 16 * 60, 19 * 60, "ucr"),
    ]
    assert expected == rows(warehouse, TIME_PERIODS)


def test_the_floors_are_shipped(warehouse: Warehouse) -> None:
    """Half the bins, ten days, fifteen for a 95th percentile, and the thresholds of the other views."""
    expected = {
        "min_coverage_pct": 50.0,
        "min_days": 10.0,
        "min_days_p95": 15.0,
        "congested_threshold_pct": 90.0,
        "corridor_min_coverage_pct": 80.0,
        "unusual_delay_min_weeks": 6.0,
    }
    assert expected == {name: value for name, value, _ in rows(warehouse, INDEX_RULES)}


def share_within(t: float, df: int) -> float:
    """The probability that |T| <= t: Abramowitz and Stegun, 26.7.3 for odd and 26.7.4 for even degrees of freedom."""
    theta = math.atan(t / math.sqrt(df))
    cosine, sine = math.cos(theta), math.sin(theta)
    first = 3 if df % 2 else 2
    term, total = (cosine if df % 2 else 1.0), 0.0
    for k in range(first, df + 1, 2):
        total += term
        term *= cosine**2 * (k - 1) / k
    return 2 / math.pi * (theta + sine * total) if df % 2 else sine * total


def test_the_quantiles_of_student_are_right(warehouse: Warehouse) -> None:
    """Each encloses 95 % of its distribution; some also as printed in the NIST/SEMATECH handbook, 1.3.6.7.2."""
    shipped = dict(rows(warehouse, T_QUANTILES))
    assert [*range(1, 201), INFINITE_DF] == list(shipped)
    for df in range(1, 201):
        assert math.isclose(0.95, share_within(shipped[df], df), rel_tol=0, abs_tol=1e-13), df
    assert math.isclose(0.95, math.erf(shipped[INFINITE_DF] / math.sqrt(2)), rel_tol=0, abs_tol=1e-15)
    printed = {1: 12.706, 2: 4.303, 5: 2.571, 10: 2.228, 30: 2.042, 60: 2.000, 100: 1.984, INFINITE_DF: 1.960}
    assert printed == {df: round(shipped[df], 3) for df in printed}


def test_a_baseline_is_added_and_never_changed(warehouse: Warehouse) -> None:
    """Not even by the owner of the tables: a published index stays what it was."""
    with transaction(warehouse) as connection:
        connection.execute(insert(LINK_BASELINES), BASELINE)
    for change in (update(LINK_BASELINES).values(free_flow_travel_time_s=50.0), delete(LINK_BASELINES)):
        with pytest.raises(PipelineError), transaction(warehouse) as connection:
            connection.execute(change)
    assert [tuple(BASELINE.values())] == rows(warehouse, LINK_BASELINES)


@pytest.mark.parametrize(
    ("table", "row"),
    [
        (TIME_PERIODS, {"period_name": "x", "day_kind": "holiday", "from_minute": 0, "to_minute": 60, "scheme": "own"}),
        (
            TIME_PERIODS,
            {"period_name": "x", "day_kind": "weekday", "from_minute": 60, "to_minute": 60, "scheme": "own"},
        ),
        (
            TIME_PERIODS,
            {"period_name": "x", "day_kind": "weekday", "from_minute": 0, "to_minute": 1441, "scheme": "own"},
        ),
        (CORRIDOR_LINKS, {**CORRIDOR_LINK, "corridor_id": "nowhere"}),
        (CORRIDOR_LINKS, {**CORRIDOR_LINK, "position": 0}),
        (CORRIDOR_LINKS, {**CORRIDOR_LINK, "valid_to": DAY}),
        (STUDIES, {**STUDY, "corridor_id": "nowhere"}),
        (STUDIES, {**STUDY, "after_from": date(2026, 1, 31)}),
        (LINK_BASELINES, {**BASELINE, "free_flow_travel_time_s": 0.0}),
    ],
)
def test_what_cannot_be_meant_is_refused(warehouse: Warehouse, table: Table, row: dict[str, object]) -> None:
    """By the database itself, since people write these tables with clients of their own."""
    with transaction(warehouse) as connection:
        connection.execute(insert(CORRIDORS), {"corridor_id": "c", "name": "Main Street"})
        connection.execute(insert(CORRIDOR_LINKS), {**CORRIDOR_LINK, "valid_to": date(2026, 11, 24)})
        connection.execute(insert(STUDIES), {**STUDY, "study_id": "first"})
    with pytest.raises(PipelineError), transaction(warehouse) as connection:
        connection.execute(insert(table), row)


def test_a_date_counts_unless_someone_excludes_it(warehouse: Warehouse) -> None:
    """Whoever enters a holiday by hand need not speak of exclusion."""
    with transaction(warehouse) as connection:
        connection.execute(insert(CALENDAR), {"local_date": DAY, "is_holiday": True, "name": "Founders' Day"})
    assert [(DAY, True, "Founders' Day", False)] == rows(warehouse, CALENDAR)
