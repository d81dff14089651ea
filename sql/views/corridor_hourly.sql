-- One row per corridor, month, kind of day and hour of the local clock: how long the corridor takes through the day,
-- from its own series of 15-minute bins. As in corridor_reliability_monthly, a missing link is made up by free flow if
-- the others cover enough of it, and links whose length or sensors changed are left out. Excluded days and holidays
-- from Monday to Friday are left out. A sum of the times that links show at one moment is not a driven trip.
--
-- corridor_id: the corridor
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
-- links_total: the links of the corridor
-- links_left_out: those whose length or sensors changed; the corridor does without them
-- expanded_pct: the share of the bins in which a link was missing and its time made up by free flow
WITH hours AS (
  SELECT
    corridor_id,
    month,
    CASE WHEN weekday < 6 THEN 'weekday' ELSE 'weekend' END AS day_kind,
    local_hour,
    travel_time_s AS x,
    speed_kmh,
    links_total,
    links_left_out,
    is_expanded,
    row_number() OVER (PARTITION BY corridor_id, month, local_date, local_hour ORDER BY bin_start_at) = 1
      AS is_first_of_day
  FROM corridor_bins_local
  WHERE NOT is_excluded AND (weekday > 5 OR NOT is_holiday)
),
bins AS (
  SELECT
    corridor_id,
    month,
    day_kind,
    local_hour,
    x,
    count(*) OVER w / sum(1 / speed_kmh) OVER w AS speed_kmh,
    max(links_total) OVER w AS links_total,
    max(links_left_out) OVER w AS links_left_out,
    avg(CASE WHEN is_expanded THEN CAST(100 AS double precision) ELSE 0 END) OVER w AS expanded_pct,
    count(CASE WHEN is_first_of_day THEN 1 END) OVER w AS n_days,
    @ranks()
  FROM hours
  WINDOW w AS (
    PARTITION BY corridor_id, month, day_kind, local_hour ORDER BY x
    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
  )
),
measures AS (
  SELECT DISTINCT
    corridor_id,
    month,
    day_kind,
    local_hour,
    @mean_of_each() AS mean_s,
    @percentile_of_each(50) AS p50_s,
    @percentile_of_each(95) AS p95_s,
    @size_of_each() AS n_bins,
    n_days,
    speed_kmh,
    links_total,
    links_left_out,
    expanded_pct
  FROM bins
  @each(corridor_id, month, day_kind, local_hour, n_days, speed_kmh, links_total, links_left_out, expanded_pct)
),
expected AS (
  SELECT month, day_kind, local_hour, CAST(sum(bins_expected) AS bigint) AS bins_expected
  FROM internal_hours
  WHERE NOT is_excluded AND (day_kind = 'weekend' OR NOT is_holiday)
  GROUP BY month, day_kind, local_hour
)
SELECT
  m.corridor_id,
  c.name,
  m.month,
  m.day_kind,
  m.local_hour,
  m.mean_s,
  m.p50_s,
  CASE WHEN m.n_days >= f.min_days_p95 THEN m.p95_s END AS p95_s,
  m.speed_kmh,
  m.n_bins,
  m.n_days,
  CAST(100 * m.n_bins AS double precision) / e.bins_expected AS coverage_pct,
  m.links_total,
  m.links_left_out,
  m.expanded_pct
FROM measures AS m
JOIN expected AS e ON e.month = m.month AND e.day_kind = m.day_kind AND e.local_hour = m.local_hour
JOIN corridors AS c ON c.corridor_id = m.corridor_id
CROSS JOIN internal_floors AS f
