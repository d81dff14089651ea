"""Promises that the configurations and the daily lists answer. Each function examines one; `promises.py` words them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, and_, func, or_, select

from inode_pipeline.analysis.finding import NEWEST, NOTHING_LOADED, Copy, Finding, some
from inode_pipeline.warehouse.engine import reading
from inode_pipeline.warehouse.tables import FACTS, LOADS, REJECTED_RECORDS, WALKS, endpoint_table


def configurations_are_kept(copy: Copy) -> Finding:
    """Broken by a configuration that a row or a daily list names and that is not there, or is another one."""
    days = [load.snapshot_date for load in _dates_loaded_last(copy)]
    if not days:
        return NOTHING_LOADED
    facts, table, key = FACTS[copy.endpoint.name], endpoint_table(copy.endpoint), copy.endpoint.key.name
    versions, snapshots = facts.versions, facts.snapshots
    listed = select(snapshots.c.link_id, snapshots.c.content_hash).where(
        snapshots.c.snapshot_date.in_(days), snapshots.c.content_hash.is_not(None)
    )
    named = listed.union(select(table.c[key], table.c.content_hash)).subquery("named")
    is_named = and_(versions.c.link_id == named.c.link_id, versions.c.content_hash == named.c.content_hash)
    is_there = select(versions.c.link_id).where(is_named).exists()
    # A geometry may be stored again in another form of the same JSON; its hash is part of the configuration's.
    compared = [c.name for c in copy.endpoint.columns if c.kind == "configuration" and c.type != "geometry"]
    differs = or_(*(versions.c[name].is_distinct_from(table.c[name]) for name in compared))
    is_row = and_(versions.c.link_id == table.c[key], versions.c.content_hash == table.c.content_hash)
    with reading(copy.warehouse) as connection:
        lost = sorted(connection.scalars(select(named.c.link_id).where(~is_there).distinct()))
        other = sorted(connection.scalars(select(table.c[key]).join(versions, is_row).where(differs)))
    figures = {"lost": len(lost), "different": len(other)}
    if lost:
        return Finding("broken", f"{len(lost)} links had a configuration that is not there: {some(lost)}.", figures)
    if other:
        return Finding("broken", f"{len(other)} links differ from their configuration: {some(other)}.", figures)
    return Finding("kept", f"Every configuration named on the {len(days)} dates loaded last is there.", figures)


def dates_hold_their_links(copy: Copy) -> Finding:
    """Broken by a date under which more or fewer links stand than its newest loaded walk held."""
    loads = _dates_loaded_last(copy)
    if not loads:
        return NOTHING_LOADED
    listed, refused = _listed(copy, [load.snapshot_date for load in loads]), _refused(copy, loads)
    wrong = []
    for load in loads:
        held = load.received - load.rejected - load.duplicate, refused.get(load.snapshot_date, 0)
        found = listed.get(load.snapshot_date, (0, 0))
        if found != held:
            wrong.append(f"{load.snapshot_date} lists {sum(found)} of {sum(held)}")
    figures = {"dates": len(loads), "wrong": len(wrong)}
    if wrong:
        text = f"{len(wrong)} of the {len(loads)} dates loaded last differ from their newest walk: {some(wrong, 3)}."
        return Finding("broken", f"{text} `inode-pipeline replay` of a date mends it.", figures)
    return Finding("kept", f"Each of the {len(loads)} dates loaded last lists what its newest walk held.", figures)


def newest_list_is_the_table(copy: Copy) -> Finding:
    """Broken by a present row that the newest date does not list with its configuration, or the other way round."""
    walks = copy.loaded_walks(1)
    if not walks:
        return NOTHING_LOADED
    table, key = endpoint_table(copy.endpoint), copy.endpoint.key.name
    snapshots = FACTS[copy.endpoint.name].snapshots
    listed = select(snapshots.c.link_id, snapshots.c.content_hash).where(
        snapshots.c.snapshot_date == walks[0].snapshot_date
    )
    present = select(table.c[key], table.c.content_hash).where(table.c.last_seen_at.is_(None))
    with reading(copy.warehouse) as connection:
        of_list, of_table = dict(iter(connection.execute(listed))), dict(iter(connection.execute(present)))
    # Of a link whose record was set aside the list knows no configuration, and the table may know no row.
    typed = {link: found for link, found in of_list.items() if found is not None}
    unlisted = sorted(of_table.keys() - of_list.keys())
    differing = sorted(link for link, found in typed.items() if of_table.get(link) != found)
    figures = {"listed": len(of_list), "unlisted": len(unlisted), "differing": len(differing)}
    if unlisted or differing:
        text = f"{walks[0].snapshot_date} lacks {len(unlisted)} present links, and {len(differing)} differ or are gone"
        return Finding("broken", f"{text}: {some([*unlisted, *differing])}.", figures)
    return Finding("kept", f"{walks[0].snapshot_date} lists the {len(of_list)} links that are present.", figures)


def _dates_loaded_last(copy: Copy) -> Sequence[Row[Any]]:
    """The newest walk of each of the dates that were loaded last, as the newest of its loads."""
    of_date = func.row_number().over(
        partition_by=LOADS.c.snapshot_date, order_by=(LOADS.c.snapshot_at.desc(), LOADS.c.started_at.desc())
    )
    last = func.max(LOADS.c.started_at).over(partition_by=LOADS.c.snapshot_date)
    loads = select(LOADS, of_date.label("of_date"), last.label("last")).where(LOADS.c.endpoint == copy.endpoint.name)
    numbered = loads.subquery()
    newest = select(numbered).where(numbered.c.of_date == 1).order_by(numbered.c.last.desc()).limit(NEWEST)
    with reading(copy.warehouse) as connection:
        return connection.execute(newest).all()


def _listed(copy: Copy, days: Sequence[date]) -> dict[date, tuple[int, int]]:
    """How many links stand under each date: with a configuration, and without one."""
    snapshots = FACTS[copy.endpoint.name].snapshots.c
    counted = select(snapshots.snapshot_date, func.count(), func.count(snapshots.content_hash))
    with reading(copy.warehouse) as connection:
        rows = connection.execute(counted.where(snapshots.snapshot_date.in_(days)).group_by(snapshots.snapshot_date))
        return {day: (typed, every - typed) for day, every, typed in rows}


def _refused(copy: Copy, loads: Sequence[Row[Any]]) -> dict[date, int]:
    """How many links of each date only a record that was set aside speaks of."""
    snapshots, kept = FACTS[copy.endpoint.name].snapshots.c, REJECTED_RECORDS.c
    is_typed = select(snapshots.link_id).where(
        snapshots.snapshot_date == WALKS.c.snapshot_date,
        snapshots.link_id == kept.link_id,
        snapshots.content_hash.is_not(None),
    )
    counted = (
        select(WALKS.c.snapshot_date, func.count(kept.link_id.distinct()))
        .join(REJECTED_RECORDS, kept.walk_id == WALKS.c.walk_id)
        .where(WALKS.c.walk_id.in_([load.walk_id for load in loads]), ~is_typed.exists())
        .group_by(WALKS.c.snapshot_date)
    )
    with reading(copy.warehouse) as connection:
        return dict(iter(connection.execute(counted)))
