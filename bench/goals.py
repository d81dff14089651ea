"""The goals, each with the figure that this run gives it. A figure that was not measured is no goal met."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cases import LATENCY_PAGES
from figures import Rows, median, of, per_record

LARGE = 100_000


@dataclass(frozen=True)
class Goal:
    """One goal in words, its figure, and whether it is met."""

    words: str
    figure: str
    is_met: bool | None

    @property
    def verdict(self) -> str:
        """`met`, `not met`, or `not measured`."""
        return {True: "met", False: "**not met**", None: "not measured"}[self.is_met]


def goals(rows: Rows) -> Iterator[Goal]:
    """Every goal; those of the first load leave out the confirming walk, which is told apart."""
    throughput = of(rows, case="throughput")
    records = min(LARGE, max((row["records"] for row in throughput), default=0))

    def cost(who: str, database: str, step: str, size: int = records) -> float:
        return per_record(of(throughput, who=who, database=database, step=step, records=size))

    yield from _first_loads(cost, records)
    yield from _later_loads(throughput, cost, records)
    yield from _against_dlt(throughput, cost)
    yield from _memory(throughput)
    yield from _latency(of(rows, case="latency"))
    yield from _commands(rows)


Cost = Callable[..., float]


def _first_loads(cost: Cost, records: int) -> Iterator[Goal]:
    size = f"{records:,} links"
    ours, naive = cost("ours", "sqlite", "first"), cost("naive", "sqlite", "first")
    yield _at_most(
        f"First load into SQLite, {size}: at most 2.5x the floor", ours / cost("floor", "sqlite", "first"), 2.5
    )
    yield _at_least("First load into SQLite: at least 3x less than the naive way", naive / ours, 3)
    ratio = cost("naive", "postgresql", "first") / cost("ours", "postgresql", "first")
    yield _at_least("First load into PostgreSQL: at least 4x less than the naive way", ratio, 4)


def _later_loads(rows: Rows, cost: Cost, records: int) -> Iterator[Goal]:
    for database in ("sqlite", "postgresql"):
        first = cost("ours", database, "first")
        for step, most in (("unchanged", 0.4), ("1 % changed", 0.45)):
            yield _at_most(
                f"{step}, {database}: at most {most}x the first load", cost("ours", database, step) / first, most
            )
    ours = of(rows, who="ours", records=records)
    written = of(ours, step="unchanged")
    most = max((row["rows_written"] for row in written), default=math.nan)
    yield Goal("Nothing changed: zero rows written", f"{most:.0f}", None if math.isnan(most) else most == 0)
    logged = [median(of(ours, step=step, database="postgresql"), "load_wal_bytes") for step in ("unchanged", "first")]
    share = 100 * logged[0] / logged[1] if logged[1] else math.nan
    yield _at_most("Nothing changed: WAL of the load's transaction under 1 % of the first's", share, 1.0, " %")


def _against_dlt(rows: Rows, cost: Cost) -> Iterator[Goal]:
    for who, first, unchanged in (("dlt, as documented", 10, 30), ("dlt, tuned", 5, 12)):
        size = max((row["records"] for row in of(rows, who=who)), default=0)
        for step, least in (("first", first), ("unchanged", unchanged)):
            ratio = cost(who, "postgresql", step, size) / cost("ours", "postgresql", step, size)
            yield _at_least(f"{step}, PostgreSQL, {size:,} links: at least {least}x less than {who}", ratio, least)


def _memory(rows: Rows) -> Iterator[Goal]:
    def peak(records: int) -> float:
        return max((row["peak_mb"] for row in of(rows, who="ours", records=records)), default=math.nan)

    yield _at_most("Peak memory at 100,000 links: under 350 MB", peak(LARGE), 350, " MB")
    yield _at_most("Peak memory at 1,000,000 links: at most 1.1x of that", peak(1_000_000) / peak(LARGE), 1.1)


def _latency(rows: Rows) -> Iterator[Goal]:
    def wall(pagination: str, latency_ms: int, concurrency: int) -> float:
        found = of(rows, pagination=pagination, latency_ms=latency_ms, concurrency=concurrency)
        return median(found, "land_wall_s")

    words = "100 ms latency, page numbers: at least 6x sequential with INODE_CONCURRENCY=8"
    yield _at_least(words, wall("page", 100, 1) / wall("page", 100, 8), 6)
    waited, worked = LATENCY_PAGES * 0.1, wall("cursor", 0, 8)
    words = "100 ms latency, cursor: wall at most 1.15x max(latency, work)"
    yield _at_most(words, wall("cursor", 100, 8) / max(waited, worked), 1.15)


def _commands(rows: Rows) -> Iterator[Goal]:
    nights = [median(of(rows, case="nightly", step=step), "wall_s") for step in ("first", "1 % changed")]
    yield _at_most("A nightly run of 5,000 links, process start included: under 6 s", max(nights), 6, " s")
    replays = of(rows, case="replay")
    dates = max((row["dates"] for row in replays), default=0)
    yield _at_most(f"Replay of {dates} landed dates of 500 links: under 1 minute", median(replays, "wall_s"), 60, " s")
    yield _at_most("`inode-pipeline --help`: under 0.5 s", median(of(rows, case="help"), "wall_s"), 0.5, " s")


def _at_most(words: str, figure: float, most: float, unit: str = "x") -> Goal:
    return _goal(words, figure, unit, is_met=figure <= most)


def _at_least(words: str, figure: float, least: float) -> Goal:
    return _goal(words, figure, "x", is_met=figure >= least)


def _goal(words: str, figure: float, unit: str, *, is_met: bool) -> Goal:
    return Goal(words, "", None) if math.isnan(figure) else Goal(words, f"{figure:.2f}{unit}", is_met)
