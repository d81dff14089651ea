"""The promise that the bins are the means of their observations. `promises.py` words it.

They are reckoned again by another formula than the one that made them, within the spans of time that the walks loaded
last have shown: never over years of observations.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Double, Subquery, and_, case, cast, func, or_, select

from inode_pipeline.analysis.finding import NOTHING_LOADED, Copy, Finding
from inode_pipeline.warehouse.engine import reading
from inode_pipeline.warehouse.fact_tables import FactTables
from inode_pipeline.warehouse.facts.bins import LONGEST_S, MOST_SAMPLES
from inode_pipeline.warehouse.facts.quarters import quarter_last, quarter_start
from inode_pipeline.warehouse.tables import FACTS

CLOSE = 1e-9
"""The share by which two ways to reckon one mean may differ."""


def bins_are_their_observations(copy: Copy) -> Finding:
    """Broken by a bin that is not the mean of its observations, has none, or is not there."""
    walks = copy.walks_loaded_last()
    if not walks:
        return NOTHING_LOADED
    facts = FACTS[copy.endpoint.name]
    spans = _spans(facts, walks)
    bins, again = facts.bins, _bins_again(facts, spans)
    is_bin = and_(bins.c.link_id == again.c.link_id, bins.c.bin_start_at == again.c.bin_start_at)
    differs = or_(
        bins.c.link_id.is_(None),
        bins.c.n_observations != again.c.n_observations,
        bins.c.sample_count.is_distinct_from(again.c.sample_count),
        func.abs(bins.c.mean_travel_time_s - again.c.mean_travel_time_s) > CLOSE * again.c.mean_travel_time_s,
    )
    compared = select(func.count(), func.count(case((differs, 1)))).select_from(again.outerjoin(bins, is_bin))
    is_within = and_(bins.c.link_id == spans.c.link_id, bins.c.bin_start_at.between(spans.c.first, spans.c.last))
    empty = spans.join(bins, is_within).outerjoin(again, is_bin)
    foreign = select(func.count()).select_from(empty).where(again.c.link_id.is_(None))
    with reading(copy.warehouse) as connection:
        checked, wrong = connection.execute(compared).one()
        without = connection.scalar(foreign) or 0
    figures = {"bins": checked, "wrong": wrong, "without_observations": without}
    if wrong or without:
        text = f"Of {checked} bins {wrong} are missing or not the mean of their observations, {without} more have none."
        return Finding("broken", text, figures)
    return Finding(
        "kept", f"{checked} bins of the {len(walks)} walks loaded last are reckoned again and equal.", figures
    )


def _spans(facts: FactTables, walks: Sequence[datetime]) -> Subquery:
    """From which to which quarter of an hour the walks have shown observations of each link."""
    observations = facts.observations.c
    return (
        select(
            observations.link_id,
            func.min(quarter_start(observations.observed_at)).label("first"),
            func.max(quarter_last(observations.observed_at)).label("last"),
        )
        .where(observations.snapshot_at.in_(walks))
        .group_by(observations.link_id)
        .subquery("spans")
    )


def _bins_again(facts: FactTables, spans: Subquery) -> Subquery:
    """Every bin within the spans, reckoned from its observations: each weighs as much as the vehicles it rests on."""
    observations = facts.observations
    time = observations.c.travel_time_s
    is_in_a_bin = and_(
        observations.c.link_id == spans.c.link_id,
        observations.c.observed_at.between(spans.c.first, spans.c.last),
        time > 0,
        time < LONGEST_S,
    )
    count = case((observations.c.sample_count.between(0, MOST_SAMPLES), observations.c.sample_count))
    n_observations = func.count(time)
    # Outer, so that SQLite keeps to the order: a span is looked up among the observations, never the other way round.
    return (
        select(
            observations.c.link_id,
            quarter_start(observations.c.observed_at).label("bin_start_at"),
            _mean(time, count).label("mean_travel_time_s"),
            n_observations.label("n_observations"),
            func.sum(count).label("sample_count"),
        )
        .select_from(spans.outerjoin(observations, is_in_a_bin))
        .group_by(observations.c.link_id, quarter_start(observations.c.observed_at))
        .having(n_observations > 0)
        .subquery("again")
    )


def _mean(time: ColumnElement[float], count: ColumnElement[int]) -> ColumnElement[float]:
    """Weighted with the counts; one that is not known weighs as the average of those that are."""
    usual = func.avg(cast(count, Double))
    known = func.coalesce(func.sum(time * cast(count, Double)), 0.0)
    unknown = func.coalesce(func.sum(case((count.is_(None), time))), 0.0)
    weights = func.coalesce(func.sum(cast(count, Double)), 0.0) + (func.count(time) - func.count(count)) * usual
    return case((func.sum(count) > 0, (known + unknown * usual) / weights), else_=func.avg(time))
