"""The whole journey: `land()` walks the API and keeps its pages, `load()` turns them into rows.

    sync_date   today is fetched, an earlier date that was landed is loaded again
    replay      the landed dates of a range, loaded again
    land        settings -> token -> pages -> landed pages -> the walk's row
    load        landed pages -> DataFrames -> staged -> merged -> receipt

The only place where the API, the normaliser and the warehouse meet.
"""

from __future__ import annotations

from inode_pipeline.sync.attempt import Attempt, Listener, Progress
from inode_pipeline.sync.dates import replay, sync_date
from inode_pipeline.sync.land import land
from inode_pipeline.sync.load import load
from inode_pipeline.warehouse.runs import Trigger

__all__ = ["Attempt", "Listener", "Progress", "Trigger", "land", "load", "replay", "sync_date"]
