"""What a load says about the past, beside the endpoint's own table and in the same transaction.

Each table is a function of the set of loaded walks, so any order of loads ends in the same rows, and a second load of
a walk writes none. Both databases run the same statements.
The endpoint's own table is written by `apply.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Subquery

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.warehouse.facts.bins import recompute_bins
from inode_pipeline.warehouse.facts.observations import Places, sightings_of
from inode_pipeline.warehouse.facts.scratch import scratch_of
from inode_pipeline.warehouse.facts.snapshots import keep_snapshot, keep_versions
from inode_pipeline.warehouse.staging import Staging
from inode_pipeline.warehouse.tables import FACTS
from inode_pipeline.warehouse.walks import LandedWalk


@dataclass(frozen=True, slots=True)
class Kept:
    """What the receipt says of the facts: observations that are new, and those for which other values came to light.

    Values that replace the same walk's own, under another field map, are neither.
    """

    inserted: int = 0
    corrected: int = 0


def keep_facts(connection: Connection, endpoint: Endpoint, staging: Staging, held: Subquery, walk: LandedWalk) -> Kept:
    """Bring the endpoint's fact tables to what the staged walk says of them; an endpoint without such tables has none.

    `held` are the links of the walk (link_id, content_hash).
    Call it inside the locked transaction, after `Staging.seal` and before the row of `loads` is written.
    """
    tables = FACTS.get(endpoint.name)
    if tables is None:
        return Kept()
    keep_versions(connection, staging, tables.versions)
    keep_snapshot(connection, held, tables.snapshots, walk)
    sightings = sightings_of(endpoint, staging)
    if sightings is None:
        return Kept()
    scratch = scratch_of(tables, is_postgresql=staging.is_postgresql)
    places = Places(scratch, sightings, walk)
    are_disputed = places.are_disputed(connection)
    with scratch.made(connection, *((scratch.disputed, scratch.sets) if are_disputed else ())):
        resolved = places.resolve(connection, are_disputed=are_disputed)
        if resolved.inserted or are_disputed:
            recompute_bins(connection, scratch, walk.snapshot_at, are_disputed=are_disputed)
    return Kept(inserted=resolved.inserted, corrected=resolved.corrected)
