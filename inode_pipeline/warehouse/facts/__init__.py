"""What a load adds to the tables of the past, in the same transaction as the endpoint's own table.

Each table is a function of the set of loaded walks, so any order of loads ends in the same rows, and a second load of
a walk writes none. Both databases run the same statements.
The endpoint's own table is written by `apply.py`.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import ColumnElement, Connection, Subquery, Table, and_, delete, func, insert, literal, select, update

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.warehouse.facts.bins import recompute_bins
from inode_pipeline.warehouse.facts.observations import Kept, Places, sightings_of
from inode_pipeline.warehouse.staging import Staging, scratch_of
from inode_pipeline.warehouse.statements import count_of, require_written, rows_written
from inode_pipeline.warehouse.tables import FACTS, LOADS
from inode_pipeline.warehouse.types import CalendarDate
from inode_pipeline.warehouse.walks import LandedWalk


def keep_facts(connection: Connection, endpoint: Endpoint, staging: Staging, held: Subquery, walk: LandedWalk) -> Kept:
    """Update the endpoint's fact tables from the staged walk; does nothing for an endpoint without such tables.

    `held` are the links of the walk (link_id, content_hash).
    Call it inside the locked transaction, after `Staging.seal` and before the row of `loads` is written.
    """
    tables = FACTS.get(endpoint.name)
    if tables is None:
        return Kept()
    _keep_versions(connection, staging, tables.versions)
    _keep_snapshot(connection, held, tables.snapshots, walk)
    sightings = sightings_of(endpoint, staging)
    if sightings is None:
        return Kept()
    scratch = scratch_of(tables, is_postgresql=staging.is_postgresql)
    places = Places(scratch, sightings, walk)
    are_disputed = places.are_disputed(connection)
    with scratch.created(connection, *((scratch.disputed, scratch.sets) if are_disputed else ())):
        kept = places.resolve(connection, are_disputed=are_disputed)
        if kept.inserted or are_disputed:
            recompute_bins(connection, scratch, walk.snapshot_at, are_disputed=are_disputed)
    return kept


def _keep_versions(connection: Connection, staging: Staging, versions: Table) -> None:
    """Add the configurations of the staged records that are not known yet; a row is never changed, never removed."""
    records, kept = staging.records.c, versions.c
    key, *values = kept.keys()
    is_known = select(kept[key]).where(kept[key] == records[staging.key], kept.content_hash == records.content_hash)
    fresh = select(records[staging.key], *(records[name] for name in values)).where(~is_known.exists())
    if rows_written(connection, insert(versions).from_select([key, *values], fresh)):
        is_known = is_known.where(*(kept[name].is_not_distinct_from(records[name]) for name in values))
    require_written(versions, count_of(connection, select(records[staging.key]).where(~is_known.exists())))


def _keep_snapshot(connection: Connection, held: Subquery, snapshots: Table, walk: LandedWalk) -> None:
    """Make the rows of the walk's date those that it holds, touching only what differs, unless a newer walk is loaded.

    The newest walk of the date, loaded again, repairs what another field map makes of it.
    """
    if _has_newer(connection, walk):
        return
    kept = snapshots.c
    day = literal(walk.snapshot_date, CalendarDate)
    is_of_day = kept.snapshot_date == day
    rows, wanted = count_of(connection, select(kept.link_id).where(is_of_day)), count_of(connection, select(held))
    if rows and rows == wanted == _equal_rows(connection, held, snapshots, day):
        return
    is_same = and_(kept.snapshot_date == day, kept.link_id == held.c.link_id)
    if rows:
        is_held = select(held.c.link_id).where(kept.link_id == held.c.link_id).exists()
        connection.execute(delete(snapshots).where(kept.snapshot_date == day, ~is_held))
        differs = kept.content_hash.is_distinct_from(held.c.content_hash)
        connection.execute(update(snapshots).values(content_hash=held.c.content_hash).where(is_same, differs))
    is_kept = select(kept.link_id).where(is_same).exists()
    missing = select(day, held.c.link_id, held.c.content_hash).where(~is_kept)
    connection.execute(insert(snapshots).from_select(["snapshot_date", "link_id", "content_hash"], missing))
    extra = count_of(connection, select(kept.link_id).where(is_of_day)) - wanted
    require_written(snapshots, max(extra, wanted - _equal_rows(connection, held, snapshots, day)))


def _equal_rows(connection: Connection, held: Subquery, snapshots: Table, day: ColumnElement[date]) -> int:
    """How many rows of the date are right already; nearly always all or none of them."""
    kept = snapshots.c
    is_equal = and_(
        kept.snapshot_date == day,
        kept.link_id == held.c.link_id,
        kept.content_hash.is_not_distinct_from(held.c.content_hash),
    )
    return connection.scalar(select(func.count()).select_from(held.join(snapshots, is_equal))) or 0


def _has_newer(connection: Connection, walk: LandedWalk) -> bool:
    newer = select(LOADS.c.load_id).where(
        LOADS.c.endpoint == walk.endpoint,
        LOADS.c.snapshot_date == walk.snapshot_date,
        LOADS.c.snapshot_at > walk.snapshot_at,
    )
    return connection.execute(newer.limit(1)).first() is not None
