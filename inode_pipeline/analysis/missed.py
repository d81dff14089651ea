"""Whether the last scheduled night is missed: nothing loaded for its date, and no attempt of its own that said why."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from inode_pipeline.analysis.finding import Copy
from inode_pipeline.analysis.nights import newest_tick
from inode_pipeline.warehouse.engine import reading
from inode_pipeline.warehouse.tables import LOADS, RUNS


def missed_night_of(copy: Copy, watched_since: datetime) -> datetime | None:
    """The newest tick that had its time and brought nothing; None if there is none since somebody watches.

    An attempt after the tick that failed or was skipped has told its reason by itself: that night is not missed in
    silence, and one problem is one message.
    """
    tick = newest_tick(copy.settings.sync_schedule, copy.zone, copy.now - copy.grace)
    if tick is None or tick < watched_since:
        return None
    loaded = select(LOADS.c.load_id).where(LOADS.c.endpoint == copy.endpoint.name, LOADS.c.snapshot_date == tick.date())
    told = select(RUNS.c.run_id).where(
        RUNS.c.snapshot_date == tick.date(), RUNS.c.started_at >= tick, RUNS.c.outcome.in_(("failed", "skipped"))
    )
    with reading(copy.warehouse) as connection:
        is_there = any(connection.execute(found.limit(1)).first() is not None for found in (loaded, told))
    return None if is_there else tick
