"""The dates of one run: each has its own status, whether the run was asked for one date or for a year of them.

A date that cannot be had does not keep the others from being loaded; a trouble that every date would meet (no
connection, refused credentials, no warehouse) ends the run where it is. Either way exactly the dates that were not
loaded are red afterwards. Keep out: what loading a date means; that is `sync/`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any

import dagster as dg

from inode_pipeline.defs.failures import dates_missing, stopped, unexpected
from inode_pipeline.defs.findings import evaluation, examined
from inode_pipeline.defs.resources import InodeResource
from inode_pipeline.errors import ClockError, DataError, DateError, PipelineError

AssetMetadata = dict[str, Any]
"""What is shown of one asset on one date."""


class DatesOfRun:
    """The dates of a run, oldest first, so that today, which is fetched, comes after the landed ones."""

    def __init__(self, context: dg.AssetExecutionContext, inode: InodeResource) -> None:
        self._context = context
        self._inode = inode
        self._loaded: dict[date, Mapping[dg.AssetKey, AssetMetadata]] = {}
        self._problems: dict[date, PipelineError] = {}
        self._days = sorted(map(date.fromisoformat, context.partition_keys))

    def __iter__(self) -> Iterator[date]:
        return iter(self._days)

    def loaded(self, day: date, assets: Mapping[dg.AssetKey, AssetMetadata]) -> None:
        """Note that a date is in the tables: what to show of each asset, an asset after those it is made of."""
        self._loaded[day] = assets

    @contextmanager
    def one(self, day: date) -> Iterator[None]:
        """What keeps only this date from being loaded is kept for the end of the run."""
        try:
            yield
        except PipelineError as problem:
            self._problems[day] = problem
            if not isinstance(problem, (DateError, DataError)) or isinstance(problem, ClockError):
                raise

    @contextmanager
    def told(self) -> Iterator[None]:
        """Whatever fails inside is told to Dagster, after the dates that were loaded before it.

        Raises:
            dagster.Failure: never chained to its cause, whose text may hold anything.

        """
        stop: PipelineError | None = None
        failure: dg.Failure | None = None
        try:
            yield
        except PipelineError as problem:
            stop = problem
        except Exception as problem:  # noqa: BLE001 - the event log must not get the text of an unknown error
            failure = unexpected(problem)
        if failure is None and self._problems:
            loaded, missing = len(self._loaded), len(self._problems)
            failure = dates_missing(self._problems, loaded=loaded, untried=len(self._days) - loaded - missing)
        elif failure is None and stop is not None:
            failure = stopped(stop)
        if failure is not None:
            for key in self._asset_keys():
                self._log(key)
            self._log_findings()
            raise failure from None

    def results(self) -> Iterator[dg.MaterializeResult[None]]:
        """Every date of the run was loaded: one result for each selected asset, with the metadata of each date.

        The assets are made together, so one that was not selected is logged as made, too.
        """
        for key in self._asset_keys():
            if key not in self._context.selected_asset_keys:
                self._log(key)
                continue
            for day, assets in self._loaded.items():
                self._context.add_asset_metadata(assets[key], key, day.isoformat())
            yield dg.MaterializeResult(asset_key=key)

    def _asset_keys(self) -> list[dg.AssetKey]:
        return list(dict.fromkeys(key for assets in self._loaded.values() for key in assets))

    def _log(self, key: dg.AssetKey) -> None:
        for day, assets in self._loaded.items():
            event = dg.AssetMaterialization(key, partition=day.isoformat(), metadata=assets[key])
            self._context.log_event(event)

    def _log_findings(self) -> None:
        """Examine the promises here: the checks of a failed run are not executed, and would all be shown as failed."""
        for promise, finding in examined(self._inode):
            self._context.log_event(evaluation(promise, finding))
