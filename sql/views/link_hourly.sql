-- One row per link, month, kind of day and hour of the local clock: how long the link takes through the day. Every
-- 15-minute bin weighs alike; percentiles by linear interpolation (as percentile_cont). Speed is length over mean time,
-- never a mean of speeds, with the length of that month; in a month within which the length or a sensor changed it is
-- NULL. Excluded days and holidays from Monday to Friday are left out.
--
-- link_id: the link
-- name: its name
-- month: the local month, such as 2026-10
-- day_kind: weekday (Monday to Friday) or weekend
-- local_hour: the hour that the local clock shows, 0 to 23
-- mean_s: the mean travel time; bins weigh alike
-- p50_s: the median travel time
-- p95_s: the travel time that 95 % of the bins stay within; NULL with fewer days than min_days_p95
-- speed_kmh: length over mean travel time
-- speed_p5_kmh: the speed that 5 % of the bins stay below; NULL with fewer days than min_days_p95
-- speed_p15_kmh: the speed that 15 % of the bins stay below
-- speed_p50_kmh: the median of the bins' speeds
-- speed_p85_kmh: the speed that 85 % of the bins stay below
-- speed_p95_kmh: the speed that 95 % of the bins stay below; NULL with fewer days than min_days_p95
-- n_bins: the bins it rests on
-- n_days: the local dates with data it rests on
-- coverage_pct: quarter hours with data over those of the calendar
WITH bins AS (
  SELECT link_id, month, day_kind, local_hour, x, @ranks()
  FROM (
    SELECT h.link_id, h.month, h.day_kind, h.local_hour, b.mean_travel_time_s AS x
    FROM internal_link_hours AS h
    CROSS JOIN @bins_of(h)
  ) AS b
  WINDOW w AS (
    PARTITION BY link_id, month, day_kind, local_hour ORDER BY x
    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
  )
),
measures AS (
  SELECT DISTINCT
    link_id,
    month,
    day_kind,
    local_hour,
    @mean_of_each() AS mean_s,
    @percentile_of_each(50) AS p50_s,
    @percentile_of_each(95) AS p95_s,
    @speed_percentile_of_each(5) AS speed_p5,
    @speed_percentile_of_each(15) AS speed_p15,
    @speed_percentile_of_each(50) AS speed_p50,
    @speed_percentile_of_each(85) AS speed_p85,
    @speed_percentile_of_each(95) AS speed_p95,
    @size_of_each() AS n_bins
  FROM bins
  @each(link_id, month, day_kind, local_hour)
),
days AS (
  SELECT h.link_id, h.month, h.day_kind, h.local_hour, count(DISTINCT h.day_number) AS n_days
  FROM internal_link_hours AS h
  WHERE (
    SELECT min(b.bin_start_at) FROM link_bins AS b
    WHERE b.link_id = h.link_id AND b.bin_start_at >= h.starts_at AND b.bin_start_at < h.ends_at
  ) IS NOT NULL
  GROUP BY h.link_id, h.month, h.day_kind, h.local_hour
),
-- Laid side by side by a window and not by a join, for which SQLite would seek among all of them without an index.
counted AS (
  SELECT
    link_id,
    month,
    day_kind,
    local_hour,
    mean_s,
    p50_s,
    p95_s,
    speed_p5,
    speed_p15,
    speed_p50,
    speed_p85,
    speed_p95,
    n_bins,
    max(n_days) OVER (PARTITION BY link_id, month, day_kind, local_hour) AS n_days
  FROM (
    SELECT *, 0 AS n_days FROM measures
    UNION ALL
    SELECT
      link_id, month, day_kind, local_hour, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, n_days
    FROM days
  ) AS both_of_them
),
expected AS (
  SELECT month, day_kind, local_hour, CAST(sum(bins_expected) AS bigint) AS bins_expected
  FROM internal_hours
  WHERE NOT is_excluded AND (day_kind = 'weekend' OR NOT is_holiday)
  GROUP BY month, day_kind, local_hour
)
SELECT
  m.link_id,
  l.name,
  m.month,
  m.day_kind,
  m.local_hour,
  m.mean_s,
  m.p50_s,
  CASE WHEN m.n_days >= f.min_days_p95 THEN m.p95_s END AS p95_s,
  3.6 * c.length_m / m.mean_s AS speed_kmh,
  CASE WHEN m.n_days >= f.min_days_p95 THEN 3.6 * c.length_m * m.speed_p5 END AS speed_p5_kmh,
  3.6 * c.length_m * m.speed_p15 AS speed_p15_kmh,
  3.6 * c.length_m * m.speed_p50 AS speed_p50_kmh,
  3.6 * c.length_m * m.speed_p85 AS speed_p85_kmh,
  CASE WHEN m.n_days >= f.min_days_p95 THEN 3.6 * c.length_m * m.speed_p95 END AS speed_p95_kmh,
  m.n_bins,
  m.n_days,
  CAST(100 * m.n_bins AS double precision) / e.bins_expected AS coverage_pct
FROM counted AS m
JOIN expected AS e ON e.month = m.month AND e.day_kind = m.day_kind AND e.local_hour = m.local_hour
JOIN links AS l ON l.link_id = m.link_id
JOIN internal_link_months AS c ON c.link_id = m.link_id AND c.month = m.month
CROSS JOIN internal_floors AS f
WHERE m.mean_s IS NOT NULL
