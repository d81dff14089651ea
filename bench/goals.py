"""The goals, each with the figure that this run gives it. A figure that was not measured is no goal met."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from slopes import Rows, median, of, ratio, slopes

SHOWN = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass(frozen=True)
class Goal:
    """One goal in words, its figure, and whether it is met."""

    words: str
    figure: str
    is_met: bool | None

    @property
    def verdict(self) -> str:
        """`met`, `**not met**`, or `not measured`."""
        return {True: "met", False: "**not met**", None: "not measured"}[self.is_met]


def goals(rows: Rows) -> Iterator[Goal]:
    """Every goal."""
    throughput = of(rows, case="throughput")
    for database, most in (("sqlite", 0.6), ("postgresql", 0.3)):
        yield from _on_one_database(of(throughput, database=database), SHOWN[database], most)
    on_postgresql = of(throughput, database="postgresql", kind="varied")
    for step, least in (("first", 4), ("unchanged", 3)):
        figure = ratio(slopes(on_postgresql, who="dlt, tuned", step=step), slopes(on_postgresql, who="ours", step=step))
        yield _goal(f"{step}, PostgreSQL: at least {least}x less than dlt, tuned", figure, is_met=figure >= least)
    peak = max((row["peak_mb"] for row in of(throughput, who="ours", records=100_000)), default=math.nan)
    yield _at_most("Peak memory at 100,000 links: at most 300 MB", peak, 300, " MB")
    large = median(of(rows, case="large", records=1_000_000), "peak_mb")
    yield _at_most("Peak memory at 1,000,000 links: at most 1,000 MB", large, 1000, " MB")
    nights = [row for row in rows if row.get("name", "").startswith("`sync`, 5,000 links, ")]
    slowest = max(
        (median(of(nights, name=name), "wall_s") for name in {row["name"] for row in nights}), default=math.nan
    )
    yield _at_most("`inode-pipeline sync` of 5,000 links: under 2 s", slowest, 2, " s")


def _on_one_database(rows: Rows, shown: str, most_of_naive: float) -> Iterator[Goal]:
    ours = {
        step: slopes(rows, who="ours", kind="varied", step=step) for step in ("first", "unchanged", "all measured anew")
    }
    words = f"first, {shown}, confirming walk included: at most {most_of_naive}x the naive way"
    yield _at_most(words, ratio(ours["first"], slopes(rows, who="naive", step="first")), most_of_naive)
    words = f"all measured anew, {shown}: at most 1.2x the first load"
    yield _at_most(words, ratio(ours["all measured anew"], ours["first"]), 1.2)
    yield _at_most(f"unchanged, {shown}: at most the first load", ratio(ours["unchanged"], ours["first"]), 1)
    written = [_rows_written(row["printed"]) for row in of(rows, who="ours", step="unchanged")]
    words = f"unchanged, {shown}: no row written"
    yield Goal(words, f"{max(written)}", max(written) == 0) if written else Goal(words, "", None)
    flat = slopes(rows, who="ours", kind="flat", step="first")
    yield _at_most(f"first, {shown}: varied at most 1.25x flat records", ratio(ours["first"], flat), 1.25)


def _rows_written(receipt: dict[str, int]) -> int:
    names = ("inserted", "updated", "vanished", "observations_inserted", "observations_corrected")
    return sum(receipt[name] for name in names)


def _at_most(words: str, figure: float, most: float, unit: str = "x") -> Goal:
    return _goal(words, figure, unit, is_met=figure <= most)


def _goal(words: str, figure: float, unit: str = "x", *, is_met: bool) -> Goal:
    return Goal(words, "", None) if math.isnan(figure) else Goal(words, f"{figure:.2f}{unit}", is_met)
