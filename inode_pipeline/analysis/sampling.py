"""Whether the links are read through the day, and in one sentence what nobody can know while they are not.

Keep out: reading them (`defs/sampling.py`).
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Boolean, Column, MetaData, Table, select

from inode_pipeline.analysis.nights import ticks
from inode_pipeline.analysis.status import data_as_of
from inode_pipeline.config import LocalSettings
from inode_pipeline.warehouse.engine import Warehouse, reading

DAY = timedelta(days=1)

FRESHNESS = Table("data_freshness", MetaData(), Column("sampling_on", Boolean))

OFF = (
    "Sampling is off: the tables hold one reading a night, so questions about peak hours cannot be answered, now or "
    "later; see INODE_SAMPLE_SCHEDULE."
)


def is_sampled(warehouse: Warehouse) -> bool:
    """Whether a sample was loaded in the 24 hours before the newest data, as the view `data_freshness` has it."""
    with reading(warehouse) as connection:
        return bool(connection.scalar(select(FRESHNESS.c.sampling_on)))


def what_is_not_known(warehouse: Warehouse, settings: LocalSettings) -> str | None:
    """What the tables cannot answer, with what to do; None where samples arrive, whoever takes them.

    Nor is a schedule to blame that had no tick in that time, or whose warehouse is not filled yet.
    """
    if is_sampled(warehouse):
        return None
    if settings.sample_schedule is None:
        return OFF
    now = data_as_of(warehouse)
    if now is None or not any(ticks(settings.sample_schedule, settings.zone, now - DAY, now)):
        return None
    return (
        f"Sampling is set to {settings.sample_schedule}, but no sample was loaded in the 24 hours before the newest "
        "data, so questions about peak hours cannot be answered: see whether Dagster's daemon runs and its schedule "
        "sample_links is on."
    )
