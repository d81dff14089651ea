"""When too many links are missing: the load stops, and the walk is refused by name until a person allows it.

Which walk gets the permission is the caller's decision.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from inode_pipeline.errors import LandingCorruptError, SuspiciousShrinkError
from inode_pipeline.warehouse.apply import Census
from inode_pipeline.warehouse.rules import Age
from inode_pipeline.warehouse.tables import WALKS
from inode_pipeline.warehouse.walks import LandedWalk


@dataclass(frozen=True, slots=True)
class MergeRules:
    """What the user has set: the share of the links that a walk may lack, and whether a person allows more.

    `allow_shrink` is recorded on the walk, so that later loads of it need no permission.
    """

    max_shrink_fraction: float
    allow_shrink: bool = False


def require_not_refused(connection: Connection, walk: LandedWalk) -> bool:
    """Stop a load of a refused walk, and say whether links may be missing from this one.

    Raises:
        SuspiciousShrinkError: the walk was refused and nobody has allowed it since.
        LandingCorruptError: the walk has no row, so it was never whole.

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


def reason_to_refuse(endpoint: str, age: Age, census: Census, *, held: int, max_shrink_fraction: float) -> str | None:
    """Why the walk must not be loaded, or None. A past load is not judged: it makes no present link vanish."""
    if age.is_first and not held:
        return f"it holds no {endpoint}, and none was ever loaded."
    if age.is_present and census.lacking > max_shrink_fraction * census.not_deleted:
        return (
            f"it lacks {census.lacking} of the {census.not_deleted} {endpoint} that are not deleted, "
            f"more than the share of {max_shrink_fraction:g} that INODE_MAX_SHRINK_FRACTION allows."
        )
    return None


def refusal(walk: LandedWalk, reason: str) -> SuspiciousShrinkError:
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
