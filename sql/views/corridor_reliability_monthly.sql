-- One row per corridor, month and period: how long the corridor takes and how reliable that is. The same measures as
-- link_reliability_monthly, from the corridor's own series of 15-minute bins: percentiles of links are never added.
-- links_with_data is the most links that reported in one bin; is_expanded says that in some bins a link was missing
-- and its time was made up from free flow. delay_s_per_km is delay over the length of the corridor. Definitions: FHWA
-- Urban Congestion Report, ops.fhwa.dot.gov/perf_measurement/ucr/documentation.htm. NULL below the floors of
-- index_rules. A sum of the times that links show at one moment is not a driven trip.
--
-- corridor_id: the corridor
-- name: its name
-- direction: the direction of travel
-- month: the local month, such as 2026-10
-- period_name: the period; see time_periods
-- mean_s: the mean travel time; bins weigh alike
-- p50_s: the median travel time
-- p80_s: the travel time that 80 % of the bins stay within
-- p95_s: the travel time that 95 % of the bins stay within; NULL with fewer days than min_days_p95
-- free_flow_s: the travel time at free flow, of the baseline in force in that month
-- tti (double): Travel Time Index, mean over free flow; NULL below the floors
-- pti (double): Planning Time Index, P95 over free flow; NULL below the floors
-- buffer_index (double): (P95 - mean) / mean; NULL below the floors
-- buffer_index_median (double): (P95 - P50) / P50; NULL below the floors
-- p80_p50_ratio (double): P80 over P50; NULL below the floors
-- delay_s: mean less free flow
-- delay_s_per_km: delay for each kilometre
-- speed_kmh: length over mean travel time
-- length_m: the length along the road, as iNode has it today
-- links_total: the links of the corridor
-- links_with_data: those of them that report
-- is_expanded: a link was missing and made up by free flow
-- n_bins: the bins it rests on
-- n_days: the local dates with data it rests on
-- coverage_pct: quarter hours with data over those of the calendar
-- baseline_method: which baseline it is measured against; see link_baselines; NULL where there is none
-- baseline_version (bigint): the version of that baseline; NULL where there is none, or where there are several
WITH bins AS (
  SELECT
    corridor_id,
    month,
    period_name,
    local_date,
    travel_time_s AS x,
    free_flow_s,
    length_m,
    links_total,
    links_with_data,
    is_expanded,
    baseline_method,
    baseline_version,
    row_number() OVER w AS place,
    count(*) OVER w AS n
  FROM corridor_period_bins
  WINDOW w AS (
    PARTITION BY corridor_id, month, period_name ORDER BY travel_time_s
    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
  )
),
measures AS (
  SELECT
    corridor_id,
    month,
    period_name,
    avg(x) AS mean_s,
    @percentile(50) AS p50_s,
    @percentile(80) AS p80_s,
    @percentile(95) AS p95_s,
    CASE WHEN count(free_flow_s) = count(*) THEN avg(free_flow_s) END AS free_flow_s,
    CASE WHEN count(length_m) = count(*) THEN avg(length_m) END AS length_m,
    max(links_total) AS links_total,
    max(links_with_data) AS links_with_data,
    max(CASE WHEN is_expanded THEN 1 ELSE 0 END) = 1 AS is_expanded,
    count(*) AS n_bins,
    count(DISTINCT local_date) AS n_days,
    CASE WHEN min(baseline_method) = max(baseline_method) THEN min(baseline_method) ELSE 'mixed' END AS baseline_method,
    CASE WHEN min(baseline_version) = max(baseline_version) THEN min(baseline_version) END AS baseline_version
  FROM bins
  GROUP BY corridor_id, month, period_name
),
expected AS (
  SELECT month, period_name, CAST(sum(bins_expected) AS bigint) AS bins_expected
  FROM local_periods
  GROUP BY month, period_name
),
judged AS (
  SELECT
    m.*,
    c.name,
    c.direction,
    CAST(100 * m.n_bins AS double precision) / e.bins_expected AS coverage_pct,
    100 * m.n_bins >= f.min_coverage_pct * e.bins_expected AND m.n_days >= f.min_days AS is_enough,
    100 * m.n_bins >= f.min_coverage_pct * e.bins_expected AND m.n_days >= f.min_days
      AND m.n_days >= f.min_days_p95 AS is_enough_for_p95
  FROM measures AS m
  JOIN expected AS e ON e.month = m.month AND e.period_name = m.period_name
  JOIN corridors AS c ON c.corridor_id = m.corridor_id
  CROSS JOIN index_floors AS f
)
SELECT
  corridor_id,
  name,
  direction,
  month,
  period_name,
  mean_s,
  p50_s,
  p80_s,
  CASE WHEN is_enough_for_p95 THEN p95_s END AS p95_s,
  free_flow_s,
  CASE WHEN is_enough THEN mean_s / free_flow_s END AS tti,
  CASE WHEN is_enough_for_p95 THEN p95_s / free_flow_s END AS pti,
  CASE WHEN is_enough_for_p95 THEN (p95_s - mean_s) / mean_s END AS buffer_index,
  CASE WHEN is_enough_for_p95 THEN (p95_s - p50_s) / p50_s END AS buffer_index_median,
  CASE WHEN is_enough THEN p80_s / p50_s END AS p80_p50_ratio,
  mean_s - free_flow_s AS delay_s,
  1000 * (mean_s - free_flow_s) / length_m AS delay_s_per_km,
  3.6 * length_m / mean_s AS speed_kmh,
  length_m,
  links_total,
  links_with_data,
  is_expanded,
  n_bins,
  n_days,
  coverage_pct,
  baseline_method,
  baseline_version
FROM judged
