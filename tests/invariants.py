"""What is true of a warehouse after any load. The fixtures that load end with `assert_invariants`.

All tables are read whole and compared in Python, by other means than the load's own SQL.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Row, Table, select

from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.tables import LINK_FACTS, LINKS_TABLE, LOADS, REJECTED_RECORDS

Rows = Sequence[Row[Any]]

COUNTED = ("rejected", "duplicate", "superseded", "inserted", "updated", "unchanged")
# A geometry may be stored again in another form of the same JSON; its hash is part of the configuration's.
CONFIGURATION = [c.name for c in LINKS.columns if c.kind == "configuration" and c.type != "geometry"]
QUARTER = timedelta(minutes=15)


def assert_invariants(warehouse: Warehouse, request: pytest.FixtureRequest) -> None:
    """Fail with every invariant that the warehouse violates, unless the test is one that changes tables by hand."""
    if request.node.get_closest_marker("changes_tables_by_hand") is None:
        assert list(violations(warehouse)) == []


def violations(warehouse: Warehouse) -> Iterator[str]:
    """Each violated invariant in a sentence."""
    with reading(warehouse) as connection:

        def read(table: Table) -> Rows:
            return connection.execute(select(table)).all()

        links, loads, rejected = read(LINKS_TABLE), read(LOADS), read(REJECTED_RECORDS)
        versions, snapshots = read(LINK_FACTS.versions), read(LINK_FACTS.snapshots)
        observations, corrections = read(LINK_FACTS.observations), read(LINK_FACTS.corrections)
        bins = read(LINK_FACTS.bins)
    loads = [load for load in loads if load.endpoint == LINKS.name]
    yield from _receipts(loads)
    yield from _versions(links, versions, snapshots)
    yield from _dates(links, loads, rejected, snapshots)
    yield from _observations(links, loads, rejected, observations, corrections)
    yield from _corrections(observations, corrections)
    yield from _bins(observations, bins)


def _receipts(loads: Rows) -> Iterator[str]:
    for load in loads:
        counted = sum(getattr(load, name) for name in COUNTED)
        if counted != load.received:
            yield f"load {load.load_id} received {load.received} records and counts {counted}"


def _versions(links: Rows, versions: Rows, snapshots: Rows) -> Iterator[str]:
    """Every configuration that a row or a daily list names is in link_versions, with the row's values."""
    known = {(version.link_id, version.content_hash): version for version in versions}
    if any(not link.link_id for link in links):
        yield "a row of links has no key"
    for link in links:
        version = known.get((link.link_id, link.content_hash))
        if version is None:
            yield f"link {link.link_id} has a configuration that is not in link_versions"
        elif any(getattr(version, name) != getattr(link, name) for name in CONFIGURATION):
            yield f"link {link.link_id} differs from its configuration in link_versions"
    for row in snapshots:
        if row.content_hash is not None and (row.link_id, row.content_hash) not in known:
            yield f"{row.snapshot_date} lists link {row.link_id} with a configuration that is not in link_versions"


def _dates(links: Rows, loads: Rows, rejected: Rows, snapshots: Rows) -> Iterator[str]:
    """Each date lists the ids that its newest loaded walk held, and the newest date lists the present links."""
    listed: dict[Any, dict[str, str | None]] = defaultdict(dict)
    for row in snapshots:
        listed[row.snapshot_date][row.link_id] = row.content_hash
    newest = {load.snapshot_date: load for load in sorted(loads, key=_age)}
    if listed.keys() - newest.keys():
        yield f"{listed.keys() - newest.keys()} are listed without a load"
    for day, load in newest.items():
        typed = {link for link, content in listed[day].items() if content is not None}
        set_aside = {row.link_id for row in rejected if row.walk_id == load.walk_id and row.link_id} - typed
        if len(typed) != load.received - load.rejected - load.duplicate or listed[day].keys() - typed != set_aside:
            yield f"{day} does not list what its newest walk held"
    if newest:
        of_newest = listed[max(loads, key=_age).snapshot_date]
        present = {link.link_id: link.content_hash for link in links if link.last_seen_at is None}
        typed_now = {link: content for link, content in of_newest.items() if content is not None}
        if not (typed_now.items() <= present.items() and present.keys() <= of_newest.keys()):
            yield "the newest date does not list the present links with their configurations"


def _observations(links: Rows, loads: Rows, rejected: Rows, observations: Rows, corrections: Rows) -> Iterator[str]:
    """Each is of a known link and has a value; the last measurement of each present link is among them."""
    known = {link.link_id for link in links}
    for row in observations:
        if row.link_id not in known or _values(row) == (None, None, None):
            yield f"the observation of {row.link_id} at {row.observed_at} has no known link or no value"
    kept = {(row.link_id, row.observed_at, _values(row)) for row in (*observations, *corrections)}
    walk_id = max(loads, key=_age).walk_id if loads else None
    set_aside = {row.link_id for row in rejected if row.walk_id == walk_id}
    for link in links:
        values = link.last_travel_time_s, link.last_speed_kmh, link.last_sample_count
        is_measured = link.last_observed_at is not None and values != (None, None, None)
        is_shown = link.last_seen_at is None and link.link_id not in set_aside
        if is_shown and is_measured and (link.link_id, link.last_observed_at, values) not in kept:
            yield f"the last measurement of link {link.link_id} is not among the observations"


def _corrections(observations: Rows, corrections: Rows) -> Iterator[str]:
    """Each holds other values of an observation, first shown by an earlier walk."""
    current = {(row.link_id, row.observed_at): row for row in observations}
    for row in corrections:
        now = current.get((row.link_id, row.observed_at))
        if now is None or row.snapshot_at >= now.snapshot_at or _values(row) == _values(now):
            yield f"the correction of {row.link_id} at {row.observed_at} is no earlier value of an observation"


def _bins(observations: Rows, bins: Rows) -> Iterator[str]:
    """Each is the mean of its observations, weighted by their sample counts; no other exists."""
    members: dict[tuple[str, datetime], list[Row[Any]]] = defaultdict(list)
    for row in observations:
        if row.travel_time_s is not None and 0 < row.travel_time_s < 1_000_000:
            start = row.observed_at - (row.observed_at - datetime.min.replace(tzinfo=row.observed_at.tzinfo)) % QUARTER
            members[row.link_id, start].append(row)
    stored = {(row.link_id, row.bin_start_at): row for row in bins}
    for place in members.keys() ^ stored.keys():
        yield f"the bin {place} is missing or has no observations"
    for place in members.keys() & stored.keys():
        counts = [row.sample_count for row in members[place]]
        known = [count for count in counts if count is not None and 0 <= count <= 1_000_000_000]
        usual = sum(known) / len(known) if sum(known) else 1.0
        weights = [count if count in known and sum(known) else usual for count in counts]
        mean = sum(weight * row.travel_time_s for weight, row in zip(weights, members[place], strict=True)) / sum(
            weights
        )
        row = stored[place]
        if (row.n_observations, row.sample_count) != (len(counts), sum(known) if known else None):
            yield f"the bin {place} has other counts than its observations"
        if not math.isclose(row.mean_travel_time_s, mean, rel_tol=1e-9):
            yield f"the bin {place} is not the mean of its observations"


def _age(load: Row[Any]) -> tuple[datetime, datetime]:
    return load.snapshot_at, load.started_at


def _values(row: Row[Any]) -> tuple[float | None, float | None, int | None]:
    return row.travel_time_s, row.speed_kmh, row.sample_count
