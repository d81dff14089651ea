"""Whether the links are read through the day, and in one sentence what nobody can know while they are not.

Keep out: reading them (`defs/sampling.py`).
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, MetaData, Table, select

from inode_pipeline.warehouse.engine import Warehouse, reading

FRESHNESS = Table("data_freshness", MetaData(), Column("sampling_on", Boolean))

OFF = (
    "Sampling is off: the tables hold one reading a night, so questions about peak hours cannot be answered, now or "
    "later; see INODE_SAMPLE_SCHEDULE."
)


def is_sampled(warehouse: Warehouse) -> bool:
    """Whether a sample was loaded in the 24 hours before the newest data, as the view `data_freshness` has it."""
    with reading(warehouse) as connection:
        return bool(connection.scalar(select(FRESHNESS.c.sampling_on)))


def what_is_not_known(schedule: str | None, *, is_sampled: bool) -> str | None:
    """What the tables cannot answer, with what to do; None where samples arrive, whoever takes them."""
    if is_sampled:
        return None
    if schedule is None:
        return OFF
    return (
        f"Sampling is set to {schedule}, but no sample was loaded in the 24 hours before the newest data, so questions "
        "about peak hours cannot be answered: see whether Dagster's daemon runs and its schedule sample_links is on."
    )
