"""The views of `sql/views`: read from their files, spelled for the database, dropped and created again.

One file a view: a comment that explains it and its columns (`dictionary.py` reads it), then one SELECT. A view that
uses another is created after it. Views hold no rows, so recreating them loses nothing; the default privileges of
`sql/roles` restore their rights.

A view is one text for both databases: where they differ it writes `@name(argument, ...)`, and `SPELLINGS` has what
either of them understands. Times are turned into seconds since 1970 and back, and everything between is whole-number
arithmetic, which both do alike. Local time is the seconds of UTC plus those of the offset, read as if they were UTC: no
database's own time zone is ever asked. A view uses nothing that SQLite 3.31 lacks, nor math functions, which many
builds of it do not have.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

from sqlalchemy import Connection, inspect, select, text

from inode_pipeline.warehouse.tables import PIPELINE_SETTINGS

NAME = "views"
"""What `migrate` calls all views together, and the name of their state in `pipeline_settings`."""


@dataclass(frozen=True, slots=True)
class View:
    """One view: its name, and its SELECT before it is spelled for a database."""

    name: str
    select: str

    def create(self, *, postgresql: bool) -> str:
        """The statement that creates it."""
        return f"CREATE VIEW {self.name} AS\n{spell(self.select, postgresql=postgresql)}"


def without_comments(sql: str) -> str:
    """SQL without its comment lines; ours never follow code or stand in a string."""
    return "\n".join(line for line in sql.splitlines() if not line.lstrip().startswith("--"))


@functools.cache
def read_views(folder: Path) -> tuple[View, ...]:
    """Every view of the folder, each after those it uses."""
    views = {
        file.stem: View(file.stem, without_comments(file.read_text(encoding="utf-8")).strip())
        for file in sorted(folder.glob("*.sql"))
    }
    uses = {
        name: [other for other in views if other != name and re.search(rf"\b{other}\b", view.select)]
        for name, view in views.items()
    }
    return tuple(views[name] for name in TopologicalSorter(uses).static_order())


def state(views: tuple[View, ...]) -> str:
    """The value in `pipeline_settings` once these views exist: their names, and a hash of their texts."""
    texts = json.dumps([view.create(postgresql=postgresql) for view in views for postgresql in (False, True)])
    mark = hashlib.sha256(texts.encode()).hexdigest()[:16]
    return json.dumps({"mark": mark, "names": [view.name for view in views]})


def stored_state(connection: Connection, schema: str | None) -> str | None:
    """The state of the warehouse's views; None if they were never created."""
    if not inspect(connection).has_table(PIPELINE_SETTINGS.name, schema=schema):
        return None
    return connection.scalar(select(PIPELINE_SETTINGS.c.value).where(PIPELINE_SETTINGS.c.name == NAME))


def drop_statements(stored: str | None) -> list[str]:
    """The statements that drop the existing views, those that others use last."""
    names: Mapping[str, list[str]] = json.loads(stored) if stored else {"names": []}
    return [f"DROP VIEW IF EXISTS {name}" for name in reversed(names["names"])]


def create_statements(views: tuple[View, ...], *, postgresql: bool) -> list[str]:
    """The statements that create the views and store their state; the caller sets the search path."""
    return [
        *(view.create(postgresql=postgresql) for view in views),
        f"DELETE FROM pipeline_settings WHERE name = '{NAME}'",  # noqa: S608 - a constant
        f"INSERT INTO pipeline_settings (name, value) VALUES ('{NAME}', '{state(views)}')",  # noqa: S608 - our names
    ]


def execute(connection: Connection, statements: list[str]) -> None:
    """Run statements without schema names. Their colons and percent signs are no parameters."""
    for statement in statements:
        connection.execute(text(statement.replace(":", r"\:")))


@dataclass(frozen=True, slots=True)
class Spelling:
    """One function on both databases; `{0}` is its argument."""

    postgresql: str
    sqlite: str


_BELOW = "place - (n - 1) * {0} / 100"
_PART = "(n - 1) * {0} % 100"
_WEIGHTED = f"sum(CASE {_BELOW} WHEN 1 THEN x * (100 - {_PART}) WHEN 2 THEN x * ({_PART}) END)"
"""A hundred times a percentile of a group's rows by linear interpolation, as `percentile_cont`:
rank 1 + (n - 1) p / 100.

The rows have their value `x`, their `place` in the order of x, from 1, and the number `n` of rows of their group.
Each of the two rows around the rank weighs by its nearness; integer arithmetic picks the two.
"""

_SPEED = _WEIGHTED.replace("{0}", "(100 - {0})").replace("THEN x *", "THEN 1 / x *")
"""The same of 1 / x, the speed over one metre, whose order is that of x reversed."""

_NEAR = " OR ".join(f"place - (n - 1) * {percent} / 100 IN (1, 2)" for percent in (5, 15, 50, 80, 85, 95))

SPELLINGS = {
    # Seconds since 1970 of an instant, without its fraction.
    "epoch": Spelling(
        "CAST(floor(extract(epoch FROM {0})) AS bigint)", "CAST(strftime('%s', substr({0}, 1, 19)) AS integer)"
    ),
    # The instant of seconds since 1970, as tables keep it.
    "instant": Spelling("to_timestamp({0})", "strftime('%Y-%m-%d %H:%M:%S.000000', {0}, 'unixepoch')"),
    # The date, month (YYYY-MM), day of month, and date and time at seconds since 1970.
    "date": Spelling("CAST(to_timestamp({0}) AT TIME ZONE 'UTC' AS date)", "date({0}, 'unixepoch')"),
    "month": Spelling(
        "to_char(to_timestamp({0}) AT TIME ZONE 'UTC', 'YYYY-MM')", "strftime('%Y-%m', {0}, 'unixepoch')"
    ),
    "day_of_month": Spelling(
        "CAST(extract(day FROM to_timestamp({0}) AT TIME ZONE 'UTC') AS bigint)",
        "CAST(strftime('%d', {0}, 'unixepoch') AS integer)",
    ),
    "timestamp": Spelling("(to_timestamp({0}) AT TIME ZONE 'UTC')", "datetime({0}, 'unixepoch')"),
    # The order of a subquery's rows in a join, so that PostgreSQL groups them without another sort. SQLite takes the
    # order from its own loops, and would sort for nothing.
    "in_order_of": Spelling("ORDER BY {0}", ""),
    # A small but expensive CTE, which PostgreSQL must evaluate once; SQLite does so by itself.
    "once": Spelling("MATERIALIZED", ""),
    # Days since 1970 of a date.
    "day": Spelling("CAST({0} - DATE '1970-01-01' AS bigint)", "(CAST(strftime('%s', {0}) AS integer) / 86400)"),
    # A positive number rounded to a whole one, halves up.
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
    """The text of a view in the dialect of one database.

    Raises:
        ValueError: it uses a function that is not in `SPELLINGS`, or a bracket is not closed.

    """
    found = re.search(r"@(\w+)\(", sql)
    if found is None:
        return sql
    name, start = found[1], found.end()
    end = _closing_bracket(sql, start)
    if name not in SPELLINGS:
        raise ValueError(f"@{name}() is not in SPELLINGS")
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
