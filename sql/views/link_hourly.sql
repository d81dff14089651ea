-- One row per link, month, kind of day and hour of the local clock: how long the link takes through the day. Every
-- 15-minute bin weighs alike; percentiles by linear interpolation (as percentile_cont). Speed is length over mean
-- time, never a mean of speeds. Excluded days and holidays from Monday to Friday are left out.
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
-- n_bins: the bins it rests on
-- n_days: the local dates with data it rests on
-- coverage_pct: quarter hours with data over those of the calendar
WITH bins AS (
  SELECT
    b.link_id,
    h.month,
    h.day_kind,
    h.local_hour,
    h.local_date,
    b.mean_travel_time_s AS x,
    row_number() OVER (
      PARTITION BY b.link_id, h.month, h.day_kind, h.local_hour ORDER BY b.mean_travel_time_s
    ) AS place,
    count(*) OVER (PARTITION BY b.link_id, h.month, h.day_kind, h.local_hour) AS n
  FROM local_hours AS h
  CROSS JOIN links AS l
  CROSS JOIN link_bins AS b
  WHERE b.link_id = l.link_id
    AND b.bin_start_at >= h.starts_at
    AND b.bin_start_at < h.ends_at
    AND NOT h.is_excluded
    AND (h.day_kind = 'weekend' OR NOT h.is_holiday)
),
measures AS (
  SELECT
    link_id,
    month,
    day_kind,
    local_hour,
    avg(x) AS mean_s,
    @percentile(50) AS p50_s,
    @percentile(95) AS p95_s,
    count(*) AS n_bins,
    count(DISTINCT local_date) AS n_days
  FROM bins
  GROUP BY link_id, month, day_kind, local_hour
),
expected AS (
  SELECT month, day_kind, local_hour, CAST(sum(bins_expected) AS bigint) AS bins_expected
  FROM local_hours
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
  3.6 * l.length_m / m.mean_s AS speed_kmh,
  m.n_bins,
  m.n_days,
  CAST(100 * m.n_bins AS double precision) / e.bins_expected AS coverage_pct
FROM measures AS m
JOIN expected AS e ON e.month = m.month AND e.day_kind = m.day_kind AND e.local_hour = m.local_hour
JOIN links AS l ON l.link_id = m.link_id
CROSS JOIN index_floors AS f
