"""A load's own row in `loads`: when it began, that its counts add up, and what is written of it.

Keep out: how a count is found (`merge.py`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, insert, select

from inode_pipeline.errors import LandingCorruptError
from inode_pipeline.warehouse.age import Age
from inode_pipeline.warehouse.receipt import LoadFacts, Receipt
from inode_pipeline.warehouse.tables import LOADS, RECEIPT_COUNTS
from inode_pipeline.warehouse.walks import LandedWalk


def start_of_load(connection: Connection, walk: LandedWalk) -> datetime:
    """Now, but after every earlier load of the same walk even if a clock was set back: the newest one counts."""
    now = _clock(connection)
    newest = connection.scalar(select(func.max(LOADS.c.finished_at)).where(LOADS.c.walk_id == walk.walk_id))
    return now if newest is None or newest < now else newest + timedelta(microseconds=1)


def require_balance(receipt: Receipt) -> None:
    """Make sure that every record received has become exactly one thing.

    Raises:
        LandingCorruptError: the counts do not add up to the records received.

    """
    if receipt.balance == 0:
        return
    raise LandingCorruptError(
        f"Of the {receipt.received} records of the walk {receipt.walk_id}, {receipt.rejected} were rejected, "
        f"{receipt.duplicate} repeated, {receipt.superseded} superseded, {receipt.inserted} inserted, "
        f"{receipt.updated} updated and {receipt.unchanged} unchanged, which does not add up.",
        remedy="The tables are as they were. Sync again; if it happens twice, report it with these figures.",
    )


def enter_load(
    connection: Connection, receipt: Receipt, facts: LoadFacts, age: Age, *, run_id: str, started_at: datetime
) -> None:
    """Write the load's row, as finished now."""
    connection.execute(
        insert(LOADS).values(
            load_id=receipt.load_id,
            walk_id=receipt.walk_id,
            endpoint=receipt.endpoint,
            run_id=run_id,
            snapshot_at=receipt.snapshot_at,
            snapshot_date=receipt.snapshot_date,
            started_at=started_at,
            finished_at=max(_clock(connection), started_at),
            verdict=receipt.verdict,
            may_remove=age.may_remove,
            is_present=age.is_present,
            fields=dict(facts.fields),
            normaliser_version=facts.normaliser_version,
            **{name: getattr(receipt, name) for name in RECEIPT_COUNTS},
            seconds=receipt.seconds,
        )
    )


def _clock(connection: Connection) -> datetime:
    """The database's time where it has a clock: loads come from several machines, and their times must not overlap."""
    if connection.dialect.name == "postgresql":
        now: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        return now.astimezone(UTC)
    return datetime.now(UTC)
