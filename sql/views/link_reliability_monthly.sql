-- One row per link, month and period: how long the link takes and how reliable that is. tti, the Travel Time Index, is
-- mean over free flow; pti, the Planning Time Index, is P95 over free flow: FHWA Urban Congestion Report,
-- ops.fhwa.dot.gov/perf_measurement/ucr/documentation.htm. buffer_index is (P95 - mean) / mean: FHWA, Travel Time
-- Reliability brochure. buffer_index_median is (P95 - P50) / P50, as the City of Toronto has it. Every 15-minute bin
-- weighs alike; percentiles by linear interpolation (as percentile_cont). Coverage is bins with data over the quarter
-- hours of the period's days, never over samples. Below the floors of index_rules an index is NULL, and what rests on
-- P95 needs more days. An index below 1 (faster than free flow) is not clipped. A baseline serves only the length and
-- the sensors that it was computed from: see configuration_changed. A month within which the length or a sensor changed
-- has the times of two roads, so it has no index and no speed.
--
-- link_id: the link
-- name: its name
-- month: the local month, such as 2026-10
-- period_name: the period; see time_periods
-- mean_s: the mean travel time; bins weigh alike
-- p50_s: the median travel time
-- p80_s: the travel time that 80 % of the bins stay within
-- p95_s: the travel time that 95 % of the bins stay within; NULL with fewer days than min_days_p95
-- free_flow_s: the travel time at free flow, of the baseline in force in that month
-- tti (double): Travel Time Index, mean over free flow (FHWA Urban Congestion Report); NULL below the floors
-- pti (double): Planning Time Index, P95 over free flow (FHWA Urban Congestion Report); NULL below the floors
-- buffer_index (double): (P95 - mean) / mean (FHWA Travel Time Reliability brochure); NULL below the floors
-- buffer_index_median (double): (P95 - P50) / P50; NULL below the floors
-- p80_p50_ratio (double): P80 over P50; NULL below the floors
-- delay_s: mean less free flow
-- delay_s_per_km: delay for each kilometre
-- speed_kmh: length over mean travel time
-- length_m: the length along the road in that month; NULL if it or a sensor changed within the month
-- configuration_changed (boolean): no index, since the length or a sensor changed within the month or is not that
--     of any baseline of the link; `inode-pipeline baselines freeze` makes one from the new configuration
-- n_bins: the bins it rests on
-- n_days: the local dates with data it rests on
-- coverage_pct: quarter hours with data over those of the calendar
-- baseline_method: which baseline it is measured against; see link_baselines; NULL where there is none
-- baseline_version (bigint): the version of that baseline; NULL where there is none, or where there are several
WITH bins AS (
  SELECT link_id, month, period_name, x, @ranks()
  FROM (
    SELECT p.link_id, p.month, p.period_name, b.mean_travel_time_s AS x
    FROM internal_link_periods AS p
    CROSS JOIN @bins_of(p)
  ) AS b
  WINDOW w AS (
    PARTITION BY link_id, month, period_name ORDER BY x ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
  )
),
measures AS (
  SELECT DISTINCT
    link_id,
    month,
    period_name,
    @mean_of_each() AS mean_s,
    @percentile_of_each(50) AS p50_s,
    @percentile_of_each(80) AS p80_s,
    @percentile_of_each(95) AS p95_s,
    @size_of_each() AS n_bins
  FROM bins
  @each(link_id, month, period_name)
),
days AS (
  SELECT p.link_id, p.month, p.period_name, count(DISTINCT p.day_number) AS n_days
  FROM internal_link_periods AS p
  WHERE (
    SELECT min(b.bin_start_at) FROM link_bins AS b
    WHERE b.link_id = p.link_id AND b.bin_start_at >= p.starts_at AND b.bin_start_at < p.ends_at
  ) IS NOT NULL
  GROUP BY p.link_id, p.month, p.period_name
),
expected AS (
  SELECT month, period_name, CAST(sum(bins_expected) AS bigint) AS bins_expected
  FROM internal_periods
  GROUP BY month, period_name
),
judged AS (
  SELECT
    m.link_id,
    l.name,
    m.month,
    m.period_name,
    b.length_m,
    b.configuration_changed,
    m.mean_s,
    m.p50_s,
    m.p80_s,
    m.p95_s,
    b.free_flow_s,
    m.n_bins,
    d.n_days,
    CAST(100 * m.n_bins AS double precision) / e.bins_expected AS coverage_pct,
    100 * m.n_bins >= f.min_coverage_pct * e.bins_expected AND d.n_days >= f.min_days AS is_enough,
    100 * m.n_bins >= f.min_coverage_pct * e.bins_expected AND d.n_days >= f.min_days
      AND d.n_days >= f.min_days_p95 AS is_enough_for_p95,
    b.is_mixed,
    b.baseline_method,
    b.baseline_version
  FROM measures AS m
  JOIN days AS d ON d.link_id = m.link_id AND d.month = m.month AND d.period_name = m.period_name
  JOIN expected AS e ON e.month = m.month AND e.period_name = m.period_name
  JOIN links AS l ON l.link_id = m.link_id
  JOIN internal_link_months AS b ON b.link_id = m.link_id AND b.month = m.month
  CROSS JOIN internal_floors AS f
)
SELECT
  link_id,
  name,
  month,
  period_name,
  mean_s,
  p50_s,
  p80_s,
  CASE WHEN is_enough_for_p95 THEN p95_s END AS p95_s,
  free_flow_s,
  CASE WHEN is_enough THEN mean_s / free_flow_s END AS tti,
  CASE WHEN is_enough_for_p95 THEN p95_s / free_flow_s END AS pti,
  CASE WHEN is_enough_for_p95 AND NOT is_mixed THEN (p95_s - mean_s) / mean_s END AS buffer_index,
  CASE WHEN is_enough_for_p95 AND NOT is_mixed THEN (p95_s - p50_s) / p50_s END AS buffer_index_median,
  CASE WHEN is_enough AND NOT is_mixed THEN p80_s / p50_s END AS p80_p50_ratio,
  mean_s - free_flow_s AS delay_s,
  1000 * (mean_s - free_flow_s) / length_m AS delay_s_per_km,
  3.6 * length_m / mean_s AS speed_kmh,
  length_m,
  configuration_changed,
  n_bins,
  n_days,
  coverage_pct,
  baseline_method,
  baseline_version
FROM judged
