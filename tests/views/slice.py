"""Part of a sampled account's warehouse, of any size, generated inside the database and the same on both databases.

Travel times come from integer arithmetic on the numbers of link and sample, so both databases compute the same doubles.
Bins are computed from the observations like in a load; `test_slice.py` compares them with real loads.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from inode_pipeline.warehouse.facts.bins import MAX_SAMPLE_COUNT, MAX_TRAVEL_TIME_S
from inode_pipeline.warehouse.stored import offsets_of
from inode_pipeline.warehouse.tables import RECEIPT_COUNTS
from inode_pipeline.warehouse.views import spell
from tests.views.conftest import World

ZONE = "America/Toronto"

NUMBERS = """
WITH RECURSIVE numbers (k) AS (
  SELECT CAST(0 AS bigint) UNION ALL SELECT k + 1 FROM numbers WHERE k + 1 < {count}
)
"""

# Link l takes 30 to 177 s at free flow, at 50 km/h.
LINKS = """
INSERT INTO links (
  link_id, name, status, length_m, free_flow_speed_kmh, free_flow_travel_time_s, last_speed_kmh, last_travel_time_s,
  last_sample_count, last_observed_at, origin_sensor_id, destination_sensor_id, record_hash, content_hash,
  first_seen_at, snapshot_at, snapshot_date
)
{each_of_links}
SELECT
  CAST(100000 + k AS text), 'Link ' || k, 'Collected', (30 + 3 * (k % 50)) * 50 / 3.6e0, 50e0,
  CAST(30 + 3 * (k % 50) AS double precision), 25e0 + k % 40, (30 + 3 * (k % 50)) * 50 / (25e0 + k % 40), 5,
  @instant({last} - 40 - 60 * (k % 7)), CAST(k AS text), CAST(k + 1 AS text), 'r', 'x',
  @instant({start}), @instant({last}), {last_day}
FROM numbers
"""

# Sample k of link l: a morning and an evening peak, noise, and one of 29 missing. Link 0 never reports.
OBSERVATIONS = """
INSERT INTO link_observations (
  link_id, observed_at, travel_time_s, speed_kmh, sample_count, snapshot_at
)
{each_of_samples},
seen AS (
  SELECT
    l.link_id, l.length_m, l.free_flow_travel_time_s AS free_s, CAST(l.link_id AS bigint) % 100000 AS l, n.k,
    (CAST(l.link_id AS bigint) * 7919 + n.k * 104729) % 1009 AS noise,
    CASE n.k * {step} % 86400 / 3600
      WHEN 7 THEN 60 WHEN 8 THEN 80 WHEN 16 THEN 70 WHEN 17 THEN 90 WHEN 18 THEN 40 ELSE 10
    END AS rush
  FROM links AS l CROSS JOIN numbers AS n
),
timed AS (
  SELECT *, free_s * (0.92e0 + rush * noise / 100900e0 + (noise * 37 % 1009) / 10090e0) AS travel_time_s FROM seen
  WHERE l > 0 AND (l * 7 + k * 13) % 29 > 0
)
SELECT
  link_id, @instant({start} + {step} * k - 40 - l * 37 % 240), travel_time_s, 3.6e0 * length_m / travel_time_s,
  CASE WHEN noise % 17 > 0 THEN noise % 12 END, @instant({start} + {step} * k)
FROM timed
ORDER BY link_id, k
"""

BINS = f"""
INSERT INTO link_bins (link_id, bin_start_at, mean_travel_time_s, n_observations, sample_count)
SELECT
  link_id, @instant(@epoch(observed_at) / 900 * 900),
  CASE
    WHEN min(travel_time_s) = max(travel_time_s) THEN min(travel_time_s)
    WHEN sum(sample_count) > 0 THEN (
      sum(travel_time_s * CAST(sample_count AS double precision)) * count(sample_count)
        / CAST(sum(sample_count) AS double precision)
      + COALESCE(sum(CASE WHEN sample_count IS NULL THEN travel_time_s END), 0e0)
    ) / count(*)
    ELSE sum(travel_time_s) / count(*)
  END,
  count(*), CAST(sum(sample_count) AS bigint)
FROM (
  SELECT * FROM link_observations
  WHERE travel_time_s > 0 AND travel_time_s < {MAX_TRAVEL_TIME_S} AND COALESCE(sample_count, 0) <= {MAX_SAMPLE_COUNT}
  ORDER BY link_id, observed_at
) AS o
GROUP BY link_id, @instant(@epoch(observed_at) / 900 * 900)
ORDER BY link_id, @instant(@epoch(observed_at) / 900 * 900)
"""

CORRECTIONS = """
INSERT INTO observation_corrections (link_id, observed_at, travel_time_s, speed_kmh, sample_count, snapshot_at)
SELECT link_id, observed_at, travel_time_s + 1, speed_kmh, sample_count, snapshot_at
FROM link_observations WHERE CAST(link_id AS bigint) % 50 = 7 AND sample_count = 11
"""


LOCAL_DATE = """(
  SELECT @date({start} + {step} * k + 60 * z.offset_min) FROM zone_offsets AS z
  WHERE z.from_utc <= {at} AND z.to_utc > {at}
)"""
COUNTS = ", ".join(RECEIPT_COUNTS)
LOADS = (
    """
    INSERT INTO runs (run_id, attempt, trigger, process, snapshot_date, started_at, finished_at, outcome)
    {each_of_samples}
    SELECT 'run-' || k, 1, 'sample', 'p', {local_date}, {at}, {at}, 'ok' FROM numbers
    """,
    """
    INSERT INTO walks (
      walk_id, endpoint, run_id, snapshot_at, snapshot_date, finished_at, verdict, pages, received, requests, retries,
      logins, allow_shrink
    )
    {each_of_samples}
    SELECT 'walk-' || k, 'links', 'run-' || k, {at}, {local_date}, {at}, 'proven', 1, 500, 1, 0, 1, false FROM numbers
    """,
    f"""
    INSERT INTO loads (
      load_id, walk_id, endpoint, run_id, snapshot_at, snapshot_date, started_at, finished_at, verdict, may_remove,
      is_present, fields, normaliser_version, seconds, {COUNTS}
    )
    {{each_of_samples}}
    SELECT
      'load-' || k, 'walk-' || k, 'links', 'run-' || k, {{at}}, {{local_date}}, {{at}}, {{at}}, 'proven', true,
      true, '{{{{}}}}', 1, 1e0, {", ".join("0" for _ in RECEIPT_COUNTS)}
    FROM numbers
    """,
)

# Each day lists every link; one of 25 links is 100 m longer from the 20th day on.
CONFIGURATIONS = (
    """
    INSERT INTO link_versions (link_id, content_hash, name, length_m, free_flow_speed_kmh)
    SELECT link_id, v.content_hash, name, length_m - v.less, 50e0
    FROM links CROSS JOIN (SELECT 'x' AS content_hash, 0 AS less UNION ALL SELECT 'y', 100) AS v
    WHERE v.less = 0 OR CAST(link_id AS bigint) % 25 = 1
    """,
    """
    INSERT INTO link_snapshots (snapshot_date, link_id, content_hash)
    {each_of_days}
    SELECT
      @date({start} + 43200 + 86400 * k), link_id,
      CASE WHEN k < 20 AND CAST(link_id AS bigint) % 25 = 1 THEN 'y' ELSE 'x' END
    FROM numbers CROSS JOIN links
    """,
)

# Corridors of ten links each, a study of every second one with the next as its control, and both kinds of baselines.
ANALYSTS = (
    """
    INSERT INTO link_baselines (
      link_id, method, version, free_flow_travel_time_s, n_bins, from_date, to_date, frozen_at
    )
    SELECT
      link_id, m.method, 1, free_flow_travel_time_s * m.share, 0, @date({start} + 43200), @date({start} + 43200),
      @instant({start} + m.later)
    FROM links
    CROSS JOIN (
      SELECT 'configured' AS method, 1e0 AS share, 600 AS later UNION ALL SELECT 'p85_offpeak_speed', 0.97e0, 1209600
    ) AS m
    """,
    """
    INSERT INTO corridors (corridor_id, name, direction)
    SELECT DISTINCT 'c' || (CAST(link_id AS bigint) / 10), 'Corridor ' || (CAST(link_id AS bigint) / 10), 'NB'
    FROM links
    """,
    """
    INSERT INTO corridor_links (corridor_id, position, link_id, valid_from)
    SELECT 'c' || (CAST(link_id AS bigint) / 10), CAST(link_id AS bigint) % 10 + 1, link_id, '{first}' FROM links
    """,
    """
    INSERT INTO calendar (local_date, is_holiday, name, is_excluded)
    VALUES ('{month}-12', true, 'Thanksgiving', false), ('{month}-20', false, 'Storm', true)
    """,
    """
    INSERT INTO studies (
      study_id, name, corridor_id, control_corridor_id, period_name, before_from, before_to, after_from, after_to
    )
    SELECT
      's' || c.corridor_id, 'Retiming', c.corridor_id, k.corridor_id, 'am_peak', '{month}-01', '{month}-14',
      '{month}-15', '{month}-28'
    FROM corridors AS c
    JOIN corridors AS k ON CAST(substr(k.corridor_id, 2) AS bigint) = CAST(substr(c.corridor_id, 2) AS bigint) + 1
    WHERE CAST(substr(c.corridor_id, 2) AS bigint) % 2 = 0
    """,
)


@dataclass(frozen=True, slots=True)
class Slice:
    """The number of links, days from `first` on, samples, and minutes between samples."""

    links: int
    days: int
    samples: int
    every_min: int = 5
    first: date = date(2026, 10, 1)

    def fill(self, world: World) -> None:
        """Write the slice to an empty, migrated warehouse, with everything else that the queries read."""
        offsets = (
            {"from_utc": begin, "to_utc": end, "offset_min": minutes} for begin, end, minutes in offsets_of(ZONE)
        )
        world.zone = ZoneInfo(ZONE)
        world.write("pipeline_settings", [{"name": "timezone", "value": ZONE}])
        world.write("zone_offsets", offsets)
        start = world.local(f"{self.first} 00:00")
        last = start + (self.samples - 1) * timedelta(minutes=self.every_min)
        month = last.astimezone(world.zone).date().replace(day=1) - timedelta(days=1)
        values: dict[str, object] = {"start": int(start.timestamp()), "last": int(last.timestamp())}
        values |= {"step": 60 * self.every_min, "first": self.first, "month": f"{month:%Y-%m}"}
        values |= {
            "last_day": f"'{last.astimezone(world.zone).date()}'",
            "at": f"@instant({values['start']} + {values['step']} * k)",
        }
        values["local_date"] = LOCAL_DATE.format(**values)
        counted = {"links": self.links, "samples": self.samples, "days": self.days}
        numbers = {f"each_of_{name}": NUMBERS.format(count=count) for name, count in counted.items()}
        for statement in (LINKS, OBSERVATIONS, BINS, CORRECTIONS, *LOADS, *CONFIGURATIONS, *ANALYSTS):
            world.execute(spell(statement.format(**numbers, **values), postgresql=world.warehouse.is_postgresql))
