-- One row per corridor, local day and period: the mean of the corridor's 15-minute bins on that day, and its delay
-- over free flow. Coverage is bins with data over the quarter hours of the period on that day. A day of few bins is
-- in here too: look at coverage_pct.
--
-- corridor_id: the corridor
-- name: its name
-- local_date: the date in the warehouse's time zone
-- month: the local month, such as 2026-10
-- weekday (bigint): 1 is Monday, 7 is Sunday
-- is_holiday: a public holiday of the calendar
-- period_name: the period; see time_periods
-- mean_s: the mean travel time; bins weigh alike
-- free_flow_s: the travel time at free flow, of the baseline in force in that month
-- delay_s: mean less free flow
-- n_bins: the bins it rests on
-- coverage_pct: quarter hours with data over those of the calendar
-- is_expanded: a link was missing and made up by free flow
-- baseline_method: which baseline it is measured against; see link_baselines; NULL where there is none
-- baseline_version (bigint): the version of that baseline; NULL where there is none, or where there are several
SELECT
  b.corridor_id,
  c.name,
  b.local_date,
  b.month,
  b.weekday,
  b.is_holiday,
  b.period_name,
  b.mean_s,
  b.free_flow_s,
  b.mean_s - b.free_flow_s AS delay_s,
  b.n_bins,
  CAST(100 * b.n_bins AS double precision) / e.bins_expected AS coverage_pct,
  b.is_expanded,
  b.baseline_method,
  b.baseline_version
FROM (
  SELECT
    corridor_id,
    local_date,
    month,
    weekday,
    is_holiday,
    period_name,
    avg(travel_time_s) AS mean_s,
    CASE WHEN count(free_flow_s) = count(*) THEN avg(free_flow_s) END AS free_flow_s,
    count(*) AS n_bins,
    max(CASE WHEN is_expanded THEN 1 ELSE 0 END) = 1 AS is_expanded,
    min(baseline_method) AS baseline_method,
    min(baseline_version) AS baseline_version
  FROM corridor_period_bins
  GROUP BY corridor_id, local_date, month, weekday, is_holiday, period_name
) AS b
JOIN (
  SELECT local_date, period_name, CAST(sum(bins_expected) AS bigint) AS bins_expected
  FROM local_periods
  GROUP BY local_date, period_name
) AS e ON e.local_date = b.local_date AND e.period_name = b.period_name
JOIN corridors AS c ON c.corridor_id = b.corridor_id
