"""Whether a tick of a schedule is worth a run: not if the server has refused these very credentials before.

So an account is never locked by its own pipeline. Nor is a sample that comes so late that the next one is due.
Keep out: when a schedule ticks (`schedules.py`).
"""

from datetime import UTC, date, datetime

from inode_pipeline.config import Settings
from inode_pipeline.defs.resources import InodeResource
from inode_pipeline.errors import LateSampleError, RejectedBeforeError
from inode_pipeline.sync import Attempt
from inode_pipeline.warehouse import runs
from inode_pipeline.warehouse.engine import Warehouse, open_warehouse


def why_skipped(inode: InodeResource, tick: Attempt, day: date) -> str | None:
    """Why a run of this tick would be useless, as a sentence with its remedy; None if it is worth a try.

    Sends nothing; a skipped tick gets its row in `runs`. Where it cannot be known, because the settings are wrong or
    the warehouse is away, the answer is None: the run finds that out itself and tells it better.
    """
    try:
        settings = inode.settings()
        with open_warehouse(settings) as warehouse:
            return _skipped(warehouse, settings, tick, day)
    except Exception:  # noqa: BLE001 - the text of a tick's error is stored, and may hold anything
        return None


def _skipped(warehouse: Warehouse, settings: Settings, tick: Attempt, day: date) -> str | None:
    try:
        tick.require_in_time(datetime.now(UTC))
        runs.require_untried(warehouse, settings)
    except (LateSampleError, RejectedBeforeError) as problem:
        runs.finish_run(warehouse, runs.begin_run(warehouse, tick.run_id, tick.trigger, day), "skipped", problem)
        return str(problem)
    return None
