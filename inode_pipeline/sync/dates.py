"""Sync one date: fetch today, reload what was landed on an earlier date, stop for any other date.

The endpoint returns only the present state, so what is fetched always belongs to today.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

from inode_pipeline.api.client import utc_now
from inode_pipeline.config import LocalSettings, Settings
from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import (
    ConfigError,
    CredentialsError,
    DeadlockError,
    LateSampleError,
    MissedTickError,
    NotLandedError,
    PipelineError,
    RejectedBeforeError,
    WarehouseUnavailableError,
)
from inode_pipeline.sync.attempt import Attempt, Listener, Progress, ignore
from inode_pipeline.sync.land import land
from inode_pipeline.sync.load import load
from inode_pipeline.warehouse import baselines, calendar, runs
from inode_pipeline.warehouse.engine import Warehouse
from inode_pipeline.warehouse.migrate import require_migrated
from inode_pipeline.warehouse.receipt import Receipt
from inode_pipeline.warehouse.stored import require_same
from inode_pipeline.warehouse.walks import LandedWalk, allow_shrink, dates_landed, purge, unloaded_walk, walks_on

GC_THRESHOLD = 200_000
"""More new objects than the pages in flight have: the garbage collector finds cycles elsewhere all the same, later."""

LOAD_TRIES = 3
LOAD_PAUSE_S = 2.0
"""A load that loses its connection or a deadlock is rolled back as a whole, so it may be retried."""


def sync_date(
    settings: Settings,
    warehouse: Warehouse,
    endpoint: Endpoint,
    day: date,
    *,
    attempt: Attempt,
    allow_shrink: bool = False,
    today: date | None = None,
    listen: Listener = ignore,
    clock: Callable[[], datetime] = utc_now,
) -> list[Receipt]:
    """Bring one date into the tables: fetch today's records, or reload what was landed on an earlier date.

    `today` is decided once, by `clock` unless the caller names it, and stays the same if midnight passes.
    `allow_shrink`: a person accepts, for this date, that records are missing.
    Returns one receipt per loaded walk, oldest first. The attempt gets its row in `runs` however it ends.

    Raises:
        PipelineError: a class for each reason to stop; the tables are as they were.

    """
    today = today or clock().astimezone(settings.zone).date()
    run = _SyncRun(settings, warehouse, settings.endpoint(endpoint), attempt, allow_shrink, listen, clock)
    require_migrated(warehouse)
    with run.recorded(day):
        if day == today:
            return [run.sync_today(settings, day)]
        if day > today:
            raise ConfigError(f"{day} is in the future.", remedy=f"Ask for {today} or an earlier date.")
        if attempt.is_scheduled:
            raise MissedTickError(
                f"The scheduled run for {day} began on {today}, when that date was over, so its tick was missed.",
                remedy=f"Nothing can be fetched for {day} any more; keep the scheduler running at that hour.",
            )
        return run.load_date(day)


def replay(
    settings: LocalSettings,
    warehouse: Warehouse,
    endpoint: Endpoint,
    first: date,
    last: date,
    *,
    attempt: Attempt,
    listen: Listener = ignore,
) -> list[Receipt]:
    """Reload every landed date from `first` to `last`, without the API; dates with nothing landed are skipped.

    Returns one receipt per walk, oldest first.

    Raises:
        NotLandedError: nothing is landed on any of the dates.

    """
    run = _SyncRun(settings, warehouse, settings.endpoint(endpoint), attempt, allow_shrink=False, listen=listen)
    require_migrated(warehouse)
    days = dates_landed(warehouse, endpoint.name, first, last)
    if not days:
        raise NotLandedError(
            f"Nothing is landed from {first} to {last}.",
            remedy="Ask for dates on which a sync has run: the API itself returns only the present state.",
        )
    receipts: list[Receipt] = []
    for number, day in enumerate(days, start=1):
        with run.recorded(day):
            receipts += run.load_date(day)
        listen(Progress("load", f"loaded {day} again", number, len(days)))
    return receipts


@dataclass(frozen=True)
class _SyncRun:
    """One call for one or several dates: its settings, its warehouse, and who requests it."""

    settings: LocalSettings
    warehouse: Warehouse
    endpoint: Endpoint
    attempt: Attempt
    allow_shrink: bool
    listen: Listener
    clock: Callable[[], datetime] = utc_now

    @contextmanager
    def recorded(self, day: date) -> Iterator[None]:
        """Write the row of `runs` for one date, and complete it however the block ends. Needs a migrated warehouse."""
        begun = runs.begin_run(self.warehouse, self.attempt.run_id, self.attempt.trigger, day)
        try:
            require_same(self.warehouse, zone=self.zone, base_url=self.base_url)
            with relaxed_gc():
                yield
        except (LateSampleError, RejectedBeforeError) as problem:
            runs.finish_run(self.warehouse, begun, "skipped", problem)
            raise
        except BaseException as problem:
            runs.finish_run(self.warehouse, begun, "failed", problem, self._credential_mark(problem))
            raise
        runs.finish_run(self.warehouse, begun, "ok")

    @property
    def zone(self) -> str | None:
        """The configured zone. Unset, it is UTC for a sync, and None (the stored zone serves) for `replay`."""
        return self.settings.zone.key if isinstance(self.settings, Settings) else self.settings.timezone

    @property
    def base_url(self) -> str | None:
        """The configured address; None for `replay`, which sends nothing."""
        return self.settings.base_url if isinstance(self.settings, Settings) else None

    def _credential_mark(self, problem: BaseException) -> str | None:
        if isinstance(problem, CredentialsError) and isinstance(self.settings, Settings):
            return runs.credential_mark(self.settings)
        return None

    def sync_today(self, settings: Settings, day: date) -> Receipt:
        """Fetch and load; an automatic retry loads the walk that its run has landed already."""
        walk = self._landed_before(day)
        tally: LandedWalk | None = None
        if walk is None:
            self.attempt.require_in_time(self.clock())
            if self.attempt.is_automatic:
                runs.require_untried(self.warehouse, settings, asking=self.attempt.run_id)
            walk = tally = land(
                settings,
                self.warehouse,
                self.endpoint,
                self.attempt.run_id,
                snapshot_date=day,
                listen=self.listen,
                clock=self.clock,
            )
        if self.allow_shrink:
            self._permit(walks_on(self.warehouse, self.endpoint.name, day))
        receipt = self._load(walk, tally)
        with self._housekeeping("Old pages were not removed"):
            purge(self.warehouse, settings.raw_retention_days)
        with self._housekeeping("Baselines of new links were not frozen"):
            if self.endpoint.name == LINKS.name:
                baselines.freeze_missing(self.warehouse)
        with self._housekeeping("The calendar was not filled"):
            if settings.holidays:
                calendar.keep_calendar(self.warehouse, settings.holidays, day)
        return receipt

    @contextmanager
    def _housekeeping(self, failed: str) -> Iterator[None]:
        """Turn a failure into a warning: the date is committed already, and the next sync repeats this work."""
        try:
            yield
        except PipelineError as problem:
            self.listen(Progress("note", f"{failed}; the next sync tries again. {problem.message}"))

    def load_date(self, day: date) -> list[Receipt]:
        """Reload every walk of a date, oldest first, each in a transaction of its own."""
        walks = walks_on(self.warehouse, self.endpoint.name, day)
        kept = [walk for walk in walks if walk.purged_at is None]
        if not kept:
            raise _nothing_landed(day, walks)
        if self.allow_shrink:
            self._permit(kept)
        return [self._load(walk) for walk in kept]

    def _landed_before(self, day: date) -> LandedWalk | None:
        if self.attempt.retry_of is None:
            return None
        run_ids = (self.attempt.retry_of, self.attempt.run_id)
        return unloaded_walk(self.warehouse, self.endpoint.name, day, run_ids)

    def _permit(self, walks: Collection[LandedWalk]) -> None:
        for walk in walks:
            if walk.is_refused:
                allow_shrink(self.warehouse, walk.walk_id)

    def _load(self, walk: LandedWalk, tally: LandedWalk | None = None) -> Receipt:
        for _ in range(LOAD_TRIES - 1):
            try:
                return self._load_once(walk, tally)
            except (DeadlockError, WarehouseUnavailableError) as problem:
                self.listen(Progress("note", f"{problem.message} The load is tried again."))
                time.sleep(LOAD_PAUSE_S)
        return self._load_once(walk, tally)

    def _load_once(self, walk: LandedWalk, tally: LandedWalk | None) -> Receipt:
        return load(
            self.settings,
            self.warehouse,
            self.endpoint,
            walk,
            self.attempt.run_id,
            tally=tally,
            allow_shrink=self.allow_shrink,
            zone=self.zone,
            base_url=self.base_url,
            listen=self.listen,
        )


def _nothing_landed(day: date, walks: Collection[LandedWalk]) -> NotLandedError:
    purged = [walk.purged_at for walk in walks if walk.purged_at is not None]
    happened = f"what was landed was purged on {max(purged):%Y-%m-%d}" if purged else "nothing was landed on it"
    return NotLandedError(
        f"{day} cannot be loaded: {happened}, and the API returns only the present state of the links.",
        remedy="The date stays a gap; nothing was sent and nothing was changed.",
    )


@contextmanager
def relaxed_gc() -> Iterator[None]:
    """Let Python's cyclic garbage collector run less often inside the block.

    A decoded page is some twenty thousand dicts and lists without a single cycle. By default the collector looks at
    them, and at everything imported, every seven hundred new ones: measured, that was half of the CPU of a landing.
    """
    usual = gc.get_threshold()
    gc.set_threshold(GC_THRESHOLD, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
