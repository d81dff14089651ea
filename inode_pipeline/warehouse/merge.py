"""One load: stage what the normaliser typed, then merge it by key, all or nothing, in one transaction.

    with loading(warehouse, endpoint, walk, load_id=..., run_id=...) as load:
        load.stage(frame, rejected)                     # one page or several, any number of times
        receipt = load.merge(MergeRules(0.2), facts)    # committed where the block ends

Everything that can stop a load raises inside the block, before the commit. When too many links are missing, the load
stops and the walk is refused by name until a person allows it.
The rules are in `rules.py`, the statements in `apply.py`, what is kept of the past in `facts/`, the load's own row in
`receipt.py`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
from sqlalchemy import Connection, select

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.errors import LandingCorruptError, SuspiciousShrinkError
from inode_pipeline.warehouse.apply import Applied, Census, apply, replace_rejects, take_census
from inode_pipeline.warehouse.bulk import copy_in
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.exclusive import Session, exclusive
from inode_pipeline.warehouse.facts import keep_facts
from inode_pipeline.warehouse.facts.observations import Kept
from inode_pipeline.warehouse.receipt import (
    LoadFacts,
    Receipt,
    enter_load,
    known_fields,
    previous_fields,
    require_balance,
    start_of_load,
)
from inode_pipeline.warehouse.rules import Age, Rows, age_of, rows_held
from inode_pipeline.warehouse.staging import REJECTED_KEY, staging_of
from inode_pipeline.warehouse.statements import analyze
from inode_pipeline.warehouse.stored import store
from inode_pipeline.warehouse.tables import METADATA, WALKS, endpoint_table
from inode_pipeline.warehouse.walks import LandedWalk, record_permission, refuse

__all__ = ["Load", "LoadFacts", "MergeRules", "loading"]

REMOVING_VERDICTS = ("proven", "confirmed")


@dataclass(frozen=True, slots=True)
class MergeRules:
    """What the user has set: the share of the links that a walk may lack, and whether a person allows more.

    `allow_shrink` is recorded on the walk, so that later loads of it need no permission.
    """

    max_shrink_fraction: float
    allow_shrink: bool = False


@contextmanager
def loading(warehouse: Warehouse, endpoint: Endpoint, walk: LandedWalk, load_id: str, run_id: str) -> Iterator[Load]:
    """The load of one landed walk, committed at the end of the block if `merge` was called, undone by any error.

    On PostgreSQL the block excludes every other load from its beginning, on SQLite from its first look at earlier loads
    (`previous_fields`, `known_fields`, `merge`), so stage before that. Readers never wait.

    Raises:
        SuspiciousShrinkError: the walk is refused, by this load or by an earlier one, and nobody has allowed it.
        AlreadyRunningError: another load did not end in time.
        LockedError: another session kept a lock.
        DeadlockError: the load lost a deadlock; the whole of it may be tried again at once.
        PipelineError: any other class that a failing database becomes.

    """
    with reading(warehouse) as connection:
        _require_not_refused(connection, walk)
    load = Load(warehouse, endpoint, walk, load_id=load_id, run_id=run_id)
    try:
        with exclusive(warehouse, load_id, at_end=load.staging.clean) as session:
            load.begin(session)
            yield load
    finally:
        if load.refused_because is not None:
            refuse(warehouse, walk.walk_id, load.refused_because)


class Load:
    """The load under way, as `loading` yields it."""

    refused_because: str | None = None
    """Set when this load refuses the walk, which is marked after the rollback."""

    _session: Session

    def __init__(
        self, warehouse: Warehouse, endpoint: Endpoint, walk: LandedWalk, *, load_id: str, run_id: str
    ) -> None:
        self.staging = staging_of(endpoint_table(endpoint), is_postgresql=warehouse.is_postgresql)
        self._endpoint = endpoint
        self._walk = walk
        self._load_id = load_id
        self._run_id = run_id
        self._begun = time.monotonic()
        self._typed = 0
        self._rejected = 0
        self._unreadable = 0

    def begin(self, session: Session) -> None:
        """Create the staging tables; called by `loading`."""
        self._session = session
        with session.staging() as connection:
            self.staging.create(connection)

    def stage(self, frame: pd.DataFrame, rejected: pd.DataFrame) -> None:
        """Set aside typed and rejected records for the merge.

        `frame`: one row per typed record, every column of the endpoint in a nullable dtype (geometry and extra as JSON
        text), and page, position, record_hash, content_hash. `rejected`: one row per record that could not be typed,
        with page, position, link_id (null where unreadable), field and reason.

        Raises:
            SchemaConflictError: a value that the database cannot hold; its record and column are named.

        """
        with self._session.staging() as connection:
            self._typed += copy_in(connection, self.staging.records, frame)
            self._rejected += copy_in(connection, self.staging.rejected, rejected)
        self._unreadable += int(rejected[REJECTED_KEY].isna().sum())

    @cached_property
    def previous_fields(self) -> Mapping[str, int] | None:
        """How many records had each field, in the newest loaded walk that held a record; None if there is none."""
        return previous_fields(self._session.lock(), self._endpoint, self._walk)

    @cached_property
    def known_fields(self) -> frozenset[str]:
        """The path of every field that a committed load has seen."""
        return known_fields(self._session.lock(), self._endpoint)

    def merge(self, rules: MergeRules, facts: LoadFacts) -> Receipt:
        """Bring every table in line with the walk, and return the receipt. Call it once, after the last `stage`.

        Raises:
            SuspiciousShrinkError: too many links are missing from the walk.
            LandingCorruptError: the counts do not add up to the records received.
            ApiContractError: two records have one key.

        """
        with self._session.staging() as connection:
            self.staging.seal(connection)
        connection = self._session.lock()
        if rules.allow_shrink:
            record_permission(connection, self._walk.walk_id)
        may_shrink = _require_not_refused(connection, self._walk)  # another load may have refused it meanwhile
        started_at = start_of_load(connection, self._walk)
        age = self._age(connection)
        rows = Rows(self.staging)
        census = take_census(connection, rows)
        if not may_shrink:
            self._check_shrink(age, census, rules)
        applied = apply(connection, self.staging, rows, self._walk, age)
        held = rows_held(self.staging)
        kept = keep_facts(connection, self._endpoint, self.staging, held, self._walk)
        replace_rejects(connection, self.staging, self._walk.walk_id)
        receipt = self._receipt(age, census, applied, kept, facts)
        require_balance(receipt)
        enter_load(
            connection,
            receipt,
            facts,
            run_id=self._run_id,
            started_at=started_at,
            may_remove=age.may_remove,
            is_present=age.is_present,
        )
        store(connection, zone=facts.zone, base_url=facts.base_url)
        if age.is_first:
            analyze(connection, METADATA.sorted_tables)
        return receipt

    def _age(self, connection: Connection) -> Age:
        may_remove = self._walk.verdict in REMOVING_VERDICTS and self._unreadable == 0
        walk = self._walk
        return age_of(connection, self._endpoint.name, walk.walk_id, walk.snapshot_at, may_remove=may_remove)

    def _check_shrink(self, age: Age, census: Census, rules: MergeRules) -> None:
        self.refused_because = _reason_to_refuse(
            self._endpoint.name,
            age,
            census,
            held=self._typed + self._rejected - self._unreadable,
            max_shrink_fraction=rules.max_shrink_fraction,
        )
        if self.refused_because is not None:
            raise _refusal(self._walk, self.refused_because)

    def _receipt(self, age: Age, census: Census, applied: Applied, kept: Kept, facts: LoadFacts) -> Receipt:
        left_alone = census.existing - applied.updated
        return Receipt(
            load_id=self._load_id,
            walk_id=self._walk.walk_id,
            endpoint=self._endpoint.name,
            snapshot_date=self._walk.snapshot_date,
            snapshot_at=self._walk.snapshot_at,
            verdict=self._walk.verdict,
            pages=facts.pages,
            requests=facts.requests,
            retries=facts.retries,
            logins=facts.logins,
            received=facts.received,
            rejected=self._rejected,
            duplicate=facts.duplicate,
            superseded=0 if age.is_present else left_alone,
            inserted=applied.inserted,
            updated=applied.updated,
            unchanged=left_alone if age.is_present else 0,
            reopened=applied.reopened,
            vanished=applied.vanished,
            no_data=facts.no_data,
            observations_inserted=kept.inserted,
            observations_corrected=kept.corrected,
            seconds=round(time.monotonic() - self._begun, 3),
        )


def _require_not_refused(connection: Connection, walk: LandedWalk) -> bool:
    """Stop the load of a refused walk. Returns whether a person has accepted that links are missing from it.

    Raises:
        SuspiciousShrinkError: the walk was refused and nobody has allowed it since.
        LandingCorruptError: the walk has no row, so it was never completed.

    """
    row = connection.execute(
        select(WALKS.c.refused_at, WALKS.c.refused_reason, WALKS.c.allow_shrink).where(WALKS.c.walk_id == walk.walk_id)
    ).first()
    if row is None:
        raise LandingCorruptError(
            f"The walk {walk.walk_id} has no row, so its pages may not be whole.", remedy="Sync again."
        )
    if row.refused_at is not None and not row.allow_shrink:
        raise SuspiciousShrinkError(
            f"{_named(walk)} was refused on {row.refused_at:%Y-%m-%d %H:%M} UTC and is not loaded: "
            f"{row.refused_reason}",
            remedy=_remedy(walk),
        )
    return bool(row.allow_shrink)


def _reason_to_refuse(endpoint: str, age: Age, census: Census, *, held: int, max_shrink_fraction: float) -> str | None:
    """Why the walk must not be loaded, or None. A past load is always allowed: it makes no present link vanish."""
    if age.is_first and not held:
        return f"it holds no {endpoint}, and none was ever loaded."
    if age.is_present and census.lacking > max_shrink_fraction * census.not_deleted:
        return (
            f"it lacks {census.lacking} of the {census.not_deleted} {endpoint} that are not deleted, "
            f"more than the share of {max_shrink_fraction:g} that INODE_MAX_SHRINK_FRACTION allows."
        )
    return None


def _refusal(walk: LandedWalk, reason: str) -> SuspiciousShrinkError:
    """The error that stops the load."""
    return SuspiciousShrinkError(f"{_named(walk)} is refused: {reason}", remedy=_remedy(walk))


def _named(walk: LandedWalk) -> str:
    return f"The walk of {walk.snapshot_date} ({walk.snapshot_at:%Y-%m-%d %H:%M:%S} UTC)"


def _remedy(walk: LandedWalk) -> str:
    return (
        "The tables are as they were. If the links were really removed in iNode, give the permission with "
        f"`inode-pipeline sync --date {walk.snapshot_date} --allow-shrink`, or launch {walk.snapshot_date} "
        "with run config allow_shrink; if not, look at the account and at what the credentials may see."
    )
