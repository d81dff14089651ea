"""Freeze baselines: the free-flow travel times that indices divide by.

They are frozen so that published numbers do not change: versions are added, never changed. The view
`internal_link_months` chooses the baseline of each month. There are two methods:

* `configured`: the free-flow travel time configured in iNode at the time of freezing.
* `p85_offpeak_speed`: the link's length divided by the 85th percentile of the speeds of its off-peak 15-minute bins,
  by linear interpolation, as in the FHWA Urban Congestion Report (Documentation and Definitions,
  ops.fhwa.dot.gov/perf_measurement/ucr/documentation.htm). The off-peak hours are an assumption: 06 to 22 without the
  report's weekday peaks. The length cancels out, so the percentile is taken of 1 / time; a link whose length or
  sensors changed within the dates is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import pandas as pd
from sqlalchemy import Column, Connection, Double, MetaData, Table, Text, select, type_coerce

from inode_pipeline.errors import ConfigError
from inode_pipeline.warehouse.analyst_tables import CALENDAR, INDEX_RULES
from inode_pipeline.warehouse.baselines import add_version, freeze_configured, newest_date
from inode_pipeline.warehouse.engine import Warehouse, reading
from inode_pipeline.warehouse.stored import stored_zone
from inode_pipeline.warehouse.tables import LINK_FACTS, LINKS_TABLE
from inode_pipeline.warehouse.types import CalendarDate

Method = Literal["configured", "p85_offpeak_speed"]

DAYS = 91
"""The number of days of a measured baseline by default: a quarter, because the report is quarterly."""

WEEKDAY_HOURS = frozenset({*range(9, 16), *range(19, 22)})
WEEKEND_HOURS = frozenset(range(6, 22))
"""The local off-peak hours: 09-16 and 19-22 on weekdays, 06-22 on weekends; see the module's docstring."""

LINKS_AT_A_TIME = 25
"""A quarter of one link is about 9,000 bins, so this is some 50 MB."""

CONFIGURATIONS = Table(
    "internal_link_configurations",
    MetaData(),
    Column("link_id", Text),
    Column("valid_from", CalendarDate),
    Column("valid_to", CalendarDate),
    Column("length_m", Double),
    Column("origin_sensor_id", Text),
    Column("destination_sensor_id", Text),
)
"""The view with each link's lengths and sensors and the dates on which they applied."""

CONFIGURATION = ("length_m", "origin_sensor_id", "destination_sensor_id")

MIN_DAYS = 10
"""The shipped value, used if the rule was deleted from `index_rules`."""


@dataclass(frozen=True, slots=True)
class FrozenVersion:
    """A new version: how many links it has, and how many were left out for each reason."""

    method: Method
    version: int
    links: int
    too_few_days: int = 0
    changed_configuration: int = 0


def freeze(warehouse: Warehouse, method: Method, first: date | None = None, last: date | None = None) -> FrozenVersion:
    """Add a version of the method's baselines. Measured ones use the given dates, by default the last 91 whole days.

    Raises:
        ConfigError: the method takes no dates, they are in the wrong order, or no link has the data it needs.

    """
    if method == "configured":
        if first or last:
            raise ConfigError(
                "The method configured takes no dates: it freezes what iNode says now.",
                remedy="Leave --from and --to out, or freeze p85_offpeak_speed.",
            )
        version, links = freeze_configured(warehouse)
        if not links:
            raise ConfigError("No link has a free-flow travel time.", remedy="Load the links first, or map the field.")
        return FrozenVersion(method, version, links)
    return _freeze_measured(warehouse, first, last)


def _freeze_measured(warehouse: Warehouse, first: date | None, last: date | None) -> FrozenVersion:
    zone = ZoneInfo(stored_zone(warehouse) or "UTC")
    with reading(warehouse) as connection:
        first, last = _dates(connection, first, last)
        configurations = _configurations(connection, first, last)
        left_out = _left_out_days(connection)
        floor = connection.scalar(select(INDEX_RULES.c.value).where(INDEX_RULES.c.name == "min_days")) or MIN_DAYS
        bins = _off_peak_bins(connection, zone, first, last, left_out)
        measured = pd.concat([_free_flow(some) for some in bins] or [_free_flow(_NO_BINS)])
    enough = measured[measured["n_days"] >= floor]
    kept = enough.join(configurations, how="inner")
    if kept.empty:
        raise ConfigError(
            f"No link has off-peak measurements on {floor:g} days from {first} to {last}.",
            remedy="Sample through the day (INODE_SAMPLE_SCHEDULE), name other dates, or freeze configured.",
        )
    dates = {"from_date": first, "to_date": last}
    version = add_version(
        warehouse,
        "p85_offpeak_speed",
        (
            {
                "link_id": link_id,
                "free_flow_travel_time_s": float(row.free_flow),
                "n_bins": int(row.n_bins),
                **row[list(CONFIGURATION)],
                **dates,
            }
            for link_id, row in kept.iterrows()
        ),
    )
    return FrozenVersion("p85_offpeak_speed", version, len(kept), len(measured) - len(enough), len(enough) - len(kept))


def _dates(connection: Connection, first: date | None, last: date | None) -> tuple[date, date]:
    """The given dates; by default the days that end the day before the newest load."""
    newest = newest_date(connection)
    if newest is None:
        raise ConfigError("Nothing is loaded yet, so nothing was measured.", remedy="Run `inode-pipeline sync` first.")
    last = last or newest - timedelta(days=1)
    first = first or last - timedelta(days=DAYS - 1)
    if first > last:
        raise ConfigError(f"--from {first} is after --to {last}.", remedy="Swap them.")
    return first, last


def _configurations(connection: Connection, first: date, last: date) -> pd.DataFrame:
    """The length and sensors, by link_id, of each link that had the same ones on all of the dates."""
    stretches = CONFIGURATIONS.c
    chosen = select(stretches.link_id, *(stretches[name] for name in CONFIGURATION)).where(
        stretches.valid_from <= last, stretches.valid_to > first
    )
    found = pd.DataFrame(connection.execute(chosen).all(), columns=("link_id", *CONFIGURATION), dtype="object")
    return found.drop_duplicates("link_id", keep=False).set_index("link_id")


def _left_out_days(connection: Connection) -> tuple[set[date], set[date]]:
    """The holidays, which are left out on weekdays only, and the excluded days."""
    rows = connection.execute(select(CALENDAR.c.local_date, CALENDAR.c.is_holiday, CALENDAR.c.is_excluded)).all()
    return {row.local_date for row in rows if row.is_holiday}, {row.local_date for row in rows if row.is_excluded}


_NO_BINS = pd.DataFrame({"link_id": pd.Series(dtype="str"), "speed": pd.Series(dtype="float64"), "day": []})


def _off_peak_bins(
    connection: Connection, zone: ZoneInfo, first: date, last: date, left_out: tuple[Collection[date], Collection[date]]
) -> Iterator[pd.DataFrame]:
    """One row per off-peak bin: link_id, speed (1 / s) and local day; some links at a time."""
    bins = LINK_FACTS.bins.c
    start = datetime.combine(first, time(), zone)
    end = datetime.combine(last + timedelta(days=1), time(), zone)
    link_ids = connection.scalars(select(LINKS_TABLE.c.link_id).order_by(LINKS_TABLE.c.link_id)).all()
    for some in _batches(link_ids):
        # Plain text on SQLite: pandas parses a column of timestamps much faster than SQLAlchemy one at a time.
        chosen = select(bins.link_id, type_coerce(bins.bin_start_at, Text), bins.mean_travel_time_s)
        within = (bins.link_id.in_(some), bins.bin_start_at >= start, bins.bin_start_at < end)
        rows = connection.execute(chosen.where(*within)).all()
        if not rows:
            continue
        frame = pd.DataFrame(rows, columns=["link_id", "start", "mean_s"])
        local = pd.to_datetime(frame["start"], utc=True).dt.tz_convert(zone).dt.tz_localize(None)
        frame = frame.assign(speed=1 / frame["mean_s"], day=local.dt.normalize())
        yield frame[_is_off_peak(local.dt.hour, frame["day"], *left_out)]


def _is_off_peak(
    hour: pd.Series[int], day: pd.Series[pd.Timestamp], holidays: Collection[date], excluded: Collection[date]
) -> pd.Series[bool]:
    is_weekend = day.dt.day_of_week >= 5
    is_weekday = ~is_weekend & ~day.isin(pd.to_datetime(list(holidays)))
    counts = (is_weekday & hour.isin(WEEKDAY_HOURS)) | (is_weekend & hour.isin(WEEKEND_HOURS))
    return counts & ~day.isin(pd.to_datetime(list(excluded)))


def _free_flow(bins: pd.DataFrame) -> pd.DataFrame:
    """One row per link: free_flow (s), n_bins and n_days."""
    grouped = bins.groupby("link_id")
    return pd.DataFrame(
        {
            "free_flow": 1 / grouped["speed"].quantile(0.85),
            "n_bins": grouped["speed"].count(),
            "n_days": grouped["day"].nunique(),
        }
    )


def _batches(link_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(link_ids), LINKS_AT_A_TIME):
        yield link_ids[start : start + LINKS_AT_A_TIME]
