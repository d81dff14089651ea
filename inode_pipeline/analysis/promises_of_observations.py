"""Promises that the observations answer. Each function examines one; `promises.py` words them.

They look at what the walks loaded last have left behind, never at years of observations.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Subquery, and_, case, func, or_, select

from inode_pipeline.analysis.finding import NOTHING_LOADED, Copy, Finding, some
from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.warehouse.engine import reading
from inode_pipeline.warehouse.fact_tables import VALUES
from inode_pipeline.warehouse.facts.sightings import has_same_values, is_same_place
from inode_pipeline.warehouse.landing import CLOCK_TOLERANCE
from inode_pipeline.warehouse.tables import FACTS, LOADS, REJECTED_RECORDS, endpoint_table


def observations_have_keys(copy: Copy) -> Finding:
    """Broken by an observation without link, time or value, of a link that is not known, or that stands there twice."""
    walks = copy.walks_loaded_last()
    if not walks:
        return NOTHING_LOADED
    facts, table, key = FACTS[copy.endpoint.name], endpoint_table(copy.endpoint), copy.endpoint.key.name
    observations = facts.observations.c
    is_known = select(table.c[key]).where(table.c[key] == observations.link_id).exists()
    is_whole = and_(
        is_known, observations.observed_at.is_not(None), or_(*(observations[v].is_not(None) for v in VALUES))
    )
    of_walks = select(func.count(), func.count(case((is_whole, 1)))).where(observations.snapshot_at.in_(walks))
    shown = select(facts.observations).where(observations.snapshot_at.in_(walks)).subquery()
    places = select(shown.c.link_id, shown.c.observed_at).join(
        facts.observations, is_same_place(facts.observations, shown)
    )
    repeated = places.group_by(shown.c.link_id, shown.c.observed_at).having(func.count() > 1).subquery()
    with reading(copy.warehouse) as connection:
        rows, whole = connection.execute(of_walks).one()
        twice = connection.scalar(select(func.count()).select_from(repeated)) or 0
    figures = {"rows": rows, "without_key": rows - whole, "repeated": twice}
    if rows - whole or twice:
        text = f"Of {rows} observations {rows - whole} lack a known link, a time or a value, and {twice} stand twice."
        return Finding("broken", text, figures)
    return Finding(
        "kept", f"All {rows} observations of the {len(walks)} walks loaded last are whole, each once.", figures
    )


def no_observation_is_ahead(copy: Copy) -> Finding:
    """Broken by an observation that is later than the walk that was the earliest to show it."""
    walks = copy.walks_loaded_last()
    if not walks:
        return NOTHING_LOADED
    observations = FACTS[copy.endpoint.name].observations.c
    is_ahead = or_(
        *(and_(observations.snapshot_at == at, observations.observed_at > at + CLOCK_TOLERANCE) for at in walks)
    )
    with reading(copy.warehouse) as connection:
        ahead = sorted(connection.scalars(select(observations.link_id).where(is_ahead)))
    figures = {"ahead": len(ahead)}
    if ahead:
        text = f"{len(ahead)} observations are later than the walk that read them: {some(ahead)}. Is a clock wrong?"
        return Finding("broken", text, figures)
    return Finding("kept", f"No observation of the {len(walks)} walks loaded last is later than its walk.", figures)


def measurements_are_kept(copy: Copy) -> Finding:
    """Broken by a present row whose last measurement is neither an observation nor an earlier value of one."""
    walks = copy.loaded_walks(1)
    if not walks:
        return NOTHING_LOADED
    shown, facts = _last_measured(copy.endpoint, walks[0].walk_id), FACTS[copy.endpoint.name]
    is_kept = (
        select(table.c.link_id).where(is_same_place(table, shown), has_same_values(table, shown)).exists()
        for table in (facts.observations, facts.corrections)
    )
    with reading(copy.warehouse) as connection:
        measured = connection.scalar(select(func.count()).select_from(shown)) or 0
        lost = sorted(connection.scalars(select(shown.c.link_id).where(~or_(*is_kept))))
    figures = {"measured": measured, "lost": len(lost)}
    if not measured:
        return Finding("not checked", "Not checked: no present row was ever measured.", figures)
    if lost:
        text = f"The last measurement of {len(lost)} of {measured} links is not among the observations: {some(lost)}."
        return Finding("broken", f"{text} `inode-pipeline replay` of the newest date mends it.", figures)
    return Finding("kept", f"The last measurement of all {measured} links is among the observations.", figures)


def corrections_keep_what_was(copy: Copy) -> Finding:
    """Broken by an earlier value that is none, or by one that is not there although its correction was counted."""
    walks = copy.walks_loaded_last()
    if not walks:
        return NOTHING_LOADED
    facts = FACTS[copy.endpoint.name]
    standing, earlier = facts.observations, facts.corrections
    is_none = or_(
        standing.c.link_id.is_(None),
        earlier.c.snapshot_at >= standing.c.snapshot_at,
        has_same_values(earlier, standing),
    )
    pairs = select(earlier.c.link_id, is_none).outerjoin(standing, is_same_place(standing, earlier))
    # Two ways in, each along an index: by the walk of the earlier value, and by that of the one that stands.
    places = select(earlier.c.link_id, is_none).join(standing, is_same_place(standing, earlier))
    found = [pairs.where(earlier.c.snapshot_at.in_(walks)), places.where(standing.c.snapshot_at.in_(walks))]
    with reading(copy.warehouse) as connection:
        rows = [row for statement in found for row in connection.execute(statement)]
    wrong = sorted({link for link, is_wrong in rows if is_wrong})
    counted, there = _corrected_by_the_newest_load(copy)
    figures = {"wrong": len(wrong), "counted": counted, "there": there}
    if wrong:
        return Finding("broken", f"Earlier values of {len(wrong)} links are none: {some(wrong)}.", figures)
    if counted != there:
        text = f"The newest load corrected {counted} observations, and the earlier values of {there} are there."
        return Finding("broken", text, figures)
    return Finding("kept", f"All earlier values are kept, {there} of the newest load.", figures)


def _last_measured(endpoint: Endpoint, walk_id: str) -> Subquery:
    """The last measurement of each present row whose record was not set aside, named as an observation is."""
    table, motion, observed_at = endpoint_table(endpoint), endpoint.measured, endpoint.observed_at
    if motion is None or observed_at is None:
        raise ValueError(f"{endpoint.name} has observations, but measures nothing")
    sample_count = next(c.name for c in endpoint.columns if c.kind == "measurement" and c.type == "bigint")
    values = [table.c[name] for name in (motion.time, motion.speed, sample_count)]
    key = table.c[endpoint.key.name]
    is_set_aside = select(REJECTED_RECORDS.c.link_id).where(
        REJECTED_RECORDS.c.walk_id == walk_id, REJECTED_RECORDS.c.link_id == key
    )
    return (
        select(
            key.label("link_id"),
            table.c[observed_at.name].label("observed_at"),
            *(value.label(name) for name, value in zip(VALUES, values, strict=True)),
        )
        .where(
            table.c.last_seen_at.is_(None),
            table.c[observed_at.name].is_not(None),
            or_(*(value.is_not(None) for value in values)),
            ~is_set_aside.exists(),
        )
        .subquery("shown")
    )


def _corrected_by_the_newest_load(copy: Copy) -> tuple[int, int]:
    """What the newest load counted, and how many of its observations have an earlier value.

    Nothing if it was no first load of the newest walk: a walk loaded again may find other values, or take some back.
    """
    loads = select(LOADS).where(LOADS.c.endpoint == copy.endpoint.name).order_by(LOADS.c.started_at.desc()).limit(1)
    facts = FACTS[copy.endpoint.name]
    standing, earlier = facts.observations, facts.corrections
    with reading(copy.warehouse) as connection:
        newest: Any = connection.execute(loads).one()
        of_walk = select(func.count()).select_from(LOADS).where(LOADS.c.walk_id == newest.walk_id)
        if not newest.is_present or connection.scalar(of_walk) != 1:
            return 0, 0
        has_earlier = select(earlier.c.link_id).where(is_same_place(earlier, standing)).exists()
        there = select(func.count()).where(standing.c.snapshot_at == newest.snapshot_at, has_earlier)
        return newest.observations_corrected, connection.scalar(there) or 0
