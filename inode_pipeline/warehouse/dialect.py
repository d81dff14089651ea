"""The few things that PostgreSQL and SQLite spell differently, so that a view is one text for both.

A view writes `@name(argument, ...)`; this is the spelling of each name on either database. Times are turned into
seconds since 1970 and back, and everything between is whole-number arithmetic, which both do alike. Local time is the
seconds of UTC plus those of the offset, read as if they were UTC: no database's own time zone is ever asked.
What both databases understand needs no entry. A view uses nothing that SQLite 3.31 lacks, nor math functions, which
many builds of it do not have.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spelling:
    """One notion on both databases; `{0}` is its first argument."""

    postgresql: str
    sqlite: str


_BELOW = "place - (n - 1) * {0} / 100"
_PART = "(n - 1) * {0} % 100"
_WEIGHTED = f"sum(CASE {_BELOW} WHEN 1 THEN x * (100 - {_PART}) WHEN 2 THEN x * ({_PART}) END)"
"""A hundred times a percentile of a group's rows by linear interpolation, as `percentile_cont`:
rank 1 + (n - 1) p / 100.

The rows have their value `x`, their `place` in the order of x, from 1, and the number `n` of rows of their group.
Of the two rows around the rank each weighs as near as it lies; whole numbers decide which two they are.
"""

_SPEED = _WEIGHTED.replace("{0}", "(100 - {0})").replace("THEN x *", "THEN 1 / x *")
"""The same of 1 / x, the speed over one metre: its order is that of x the other way round."""

_NEAR = " OR ".join(f"place - (n - 1) * {percent} / 100 IN (1, 2)" for percent in (5, 15, 50, 80, 85, 95))

SPELLINGS = {
    # Seconds since 1970 of an instant, without its fraction.
    "epoch": Spelling(
        "CAST(floor(extract(epoch FROM {0})) AS bigint)", "CAST(strftime('%s', substr({0}, 1, 19)) AS integer)"
    ),
    # The instant of seconds since 1970, as tables keep it.
    "instant": Spelling("to_timestamp({0})", "strftime('%Y-%m-%d %H:%M:%S.000000', {0}, 'unixepoch')"),
    # What the clock shows at seconds since 1970: a date, its month as YYYY-MM, its day, date and time.
    "date": Spelling("CAST(to_timestamp({0}) AT TIME ZONE 'UTC' AS date)", "date({0}, 'unixepoch')"),
    "month": Spelling(
        "to_char(to_timestamp({0}) AT TIME ZONE 'UTC', 'YYYY-MM')", "strftime('%Y-%m', {0}, 'unixepoch')"
    ),
    "day_of_month": Spelling(
        "CAST(extract(day FROM to_timestamp({0}) AT TIME ZONE 'UTC') AS bigint)",
        "CAST(strftime('%d', {0}, 'unixepoch') AS integer)",
    ),
    "timestamp": Spelling("(to_timestamp({0}) AT TIME ZONE 'UTC')", "datetime({0}, 'unixepoch')"),
    # The order in which a subquery hands its rows to a join: PostgreSQL then groups them without sorting them again.
    # SQLite takes the order from its own loops, and would sort for nothing.
    "in_order_of": Spelling("ORDER BY {0}", ""),
    # A subquery of WITH that is small and dear, so that PostgreSQL asks it once; SQLite does so by itself.
    "once": Spelling("MATERIALIZED", ""),
    # Days since 1970 of a date.
    "day": Spelling("CAST({0} - DATE '1970-01-01' AS bigint)", "(CAST(strftime('%s', {0}) AS integer) / 86400)"),
    # A number above 0 to the nearest whole one, a half up.
    "whole": Spelling("CAST(floor({0} + 0.5) AS bigint)", "CAST({0} + 0.5 AS integer)"),
    # A number as people write it: to six decimals, without zeros at the end.
    "plain": Spelling(
        "rtrim(rtrim(to_char({0}, 'FM999999999999990.000000'), '0'), '.')",
        "CASE WHEN {0} IS NOT NULL THEN rtrim(rtrim(printf('%.6f', {0}), '0'), '.') END",
    ),
    # The type and the coordinates of a GeoJSON geometry, as text.
    "geometry_kind": Spelling("({0} ->> 'type')", "json_extract({0}, '$.type')"),
    "coordinates": Spelling("CAST({0} -> 'coordinates' AS text)", "json_extract({0}, '$.coordinates')"),
    # A line, shown as the number of its points.
    "points": Spelling(
        "(jsonb_array_length({0} -> 'coordinates') || ' points')",
        "(json_array_length({0}, '$.coordinates') || ' points')",
    ),
    # Mean, size and percentiles (5, 15, 50, 80, 85, 95) of each group of very many rows: SELECT DISTINCT the group's
    # columns and these FROM rows with @ranks() over a window `w` of the group in the order of x. PostgreSQL groups and
    # has percentiles of its own. SQLite hands a condition from outside to what is under a window and never to what is
    # under a GROUP BY, so there the groups are windows over the few rows that are near a rank.
    "ranks": Spelling("NULL AS place", "row_number() OVER w AS place, count(*) OVER w AS n, avg(x) OVER w AS mean"),
    "each": Spelling("GROUP BY {0}", f"WHERE {_NEAR} WINDOW g AS (PARTITION BY {{0}})"),
    "mean_of_each": Spelling("avg(x)", "mean"),
    "size_of_each": Spelling("count(*)", "n"),
    "percentile_of_each": Spelling(
        "percentile_cont({0} / 100.0) WITHIN GROUP (ORDER BY x)", f"{_WEIGHTED} OVER g / 100"
    ),
    "speed_percentile_of_each": Spelling(
        "percentile_cont({0} / 100.0) WITHIN GROUP (ORDER BY 1 / x)", f"{_SPEED} OVER g / 100"
    ),
    # The bins `b` between starts_at and ends_at of a row with a link_id. The key of link_bins leads to them; PostgreSQL
    # would rather read every bin of the table, since it cannot know how few these are.
    "bins_of": Spelling(
        "LATERAL (SELECT bin_start_at, mean_travel_time_s FROM link_bins WHERE link_id = {0}.link_id"
        " AND bin_start_at >= {0}.starts_at AND bin_start_at < {0}.ends_at OFFSET 0) AS b",
        "link_bins AS b ON b.link_id = {0}.link_id AND b.bin_start_at >= {0}.starts_at"
        " AND b.bin_start_at < {0}.ends_at",
    ),
    # The sum and the number of those bins for each row of `p`, with @beside_sums(p) after its FROM: SQLite has one
    # subquery for each, PostgreSQL one LATERAL for both.
    "beside_sums": Spelling(
        "CROSS JOIN LATERAL (SELECT sum(mean_travel_time_s) AS sum_s, count(*) AS n_bins FROM link_bins"
        " WHERE link_id = {0}.link_id AND bin_start_at >= {0}.starts_at AND bin_start_at < {0}.ends_at OFFSET 0) AS b",
        "",
    ),
    "sum_beside": Spelling(
        "b.sum_s",
        "(SELECT sum(b.mean_travel_time_s) FROM link_bins AS b WHERE b.link_id = {0}.link_id"
        " AND b.bin_start_at >= {0}.starts_at AND b.bin_start_at < {0}.ends_at)",
    ),
    "count_beside": Spelling(
        "b.n_bins",
        "(SELECT count(*) FROM link_bins AS b WHERE b.link_id = {0}.link_id"
        " AND b.bin_start_at >= {0}.starts_at AND b.bin_start_at < {0}.ends_at)",
    ),
}


def spell(sql: str, *, postgresql: bool) -> str:
    """The text of a view as one of the databases understands it.

    Raises:
        ValueError: it uses a notion that is not in `SPELLINGS`, or a bracket is not closed.

    """
    found = re.search(r"@(\w+)\(", sql)
    if found is None:
        return sql
    name, start = found[1], found.end()
    end = _closing_bracket(sql, start)
    if name not in SPELLINGS:
        raise ValueError(f"@{name}() is not a notion of this dialect")
    argument = spell(sql[start:end], postgresql=postgresql)
    spelling = SPELLINGS[name].postgresql if postgresql else SPELLINGS[name].sqlite
    simple = argument if re.fullmatch(r"[\w.,\s]*", argument) else f"({argument})"
    rest = spell(sql[end + 1 :], postgresql=postgresql)
    return sql[: found.start()] + spelling.replace("{0}", simple) + rest


def _closing_bracket(sql: str, start: int) -> int:
    depth = 1
    for place in range(start, len(sql)):
        depth += {"(": 1, ")": -1}.get(sql[place], 0)
        if depth == 0:
            return place
    raise ValueError(f"a bracket is not closed after {sql[max(0, start - 20) : start]}")
