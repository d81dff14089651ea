-- One row per corridor, month and period: how long the corridor takes and how reliable that is. The same measures as
-- link_reliability_monthly, from the corridor's own series of 15-minute bins: percentiles of links are never added. A
-- link whose length or sensors changed within the month, or since its baseline, is left out of the month
-- (links_left_out). delay_s_per_km is delay over the length of the corridor. Definitions: FHWA Urban Congestion Report,
-- ops.fhwa.dot.gov/perf_measurement/ucr/documentation.htm. NULL below the floors of index_rules. A sum of the times
-- that links show at one moment is not a driven trip.
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
-- tti (double): Travel Time Index, mean over free flow (FHWA Urban Congestion Report); NULL below the floors
-- pti (double): Planning Time Index, P95 over free flow (FHWA Urban Congestion Report); NULL below the floors
-- buffer_index (double): (P95 - mean) / mean (FHWA Travel Time Reliability brochure); NULL below the floors
-- buffer_index_median (double): (P95 - P50) / P50; NULL below the floors
-- p80_p50_ratio (double): P80 over P50; NULL below the floors
-- delay_s: mean less free flow
-- delay_s_per_km: delay for each kilometre
-- speed_kmh: length over mean travel time
-- length_m: the length along the road in that month
-- links_total: the links of the corridor
-- links_left_out: those whose length or sensors changed; the corridor does without them
-- links_with_data: the most links that reported in one bin
-- expanded_pct: the share of the bins in which a link was missing and its time made up by free flow
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
    x,
    CASE WHEN count(free_flow_s) OVER w = count(*) OVER w THEN avg(free_flow_s) OVER w END AS free_flow_s,
    CASE WHEN count(length_m) OVER w = count(*) OVER w THEN avg(length_m) OVER w END AS length_m,
    max(links_total) OVER w AS links_total,
    max(links_left_out) OVER w AS links_left_out,
    max(links_with_data) OVER w AS links_with_data,
    avg(CASE WHEN is_expanded THEN CAST(100 AS double precision) ELSE 0 END) OVER w AS expanded_pct,
    count(CASE WHEN is_first_of_day THEN 1 END) OVER w AS n_days,
    min(baseline_method) OVER w AS first_method,
    max(baseline_method) OVER w AS last_method,
    min(baseline_version) OVER w AS first_version,
    max(baseline_version) OVER w AS last_version,
    @ranks()
  FROM (SELECT *, travel_time_s AS x FROM internal_corridor_bins) AS b
  WINDOW w AS (
    PARTITION BY corridor_id, month, period_name ORDER BY x ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
  )
),
measures AS (
  SELECT DISTINCT
    corridor_id,
    month,
    period_name,
    @mean_of_each() AS mean_s,
    @percentile_of_each(50) AS p50_s,
    @percentile_of_each(80) AS p80_s,
    @percentile_of_each(95) AS p95_s,
    @size_of_each() AS n_bins,
    free_flow_s,
    length_m,
    links_total,
    links_left_out,
    links_with_data,
    expanded_pct,
    n_days,
    CASE WHEN first_method <> last_method THEN 'mixed' ELSE first_method END AS baseline_method,
    CASE WHEN first_version = last_version THEN first_version END AS baseline_version
  FROM bins
  @each(
    corridor_id, month, period_name, free_flow_s, length_m, links_total, links_left_out, links_with_data, expanded_pct,
    n_days, first_method, last_method, first_version, last_version
  )
),
expected AS (
  SELECT month, period_name, CAST(sum(bins_expected) AS bigint) AS bins_expected
  FROM internal_periods
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
  CROSS JOIN internal_floors AS f
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
  links_left_out,
  links_with_data,
  expanded_pct,
  n_bins,
  n_days,
  coverage_pct,
  baseline_method,
  baseline_version
FROM judged
