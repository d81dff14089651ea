-- One row per corridor, local day and period: the mean of the corridor's 15-minute bins on that day, and its delay over
-- free flow. Coverage is bins with data over the quarter hours of the period on that day. A day of few bins has a row
-- as well; see coverage_pct.
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
-- links_total: the links of the corridor
-- links_left_out: those whose length or sensors changed; the corridor does without them
-- expanded_pct: the share of the bins in which a link was missing and its time made up by free flow
-- baseline_method: which baseline it is measured against; see link_baselines; NULL where there is none
-- baseline_version (bigint): the version of that baseline; NULL where there is none, or where there are several
WITH days AS (
  SELECT DISTINCT
    corridor_id,
    local_date,
    month,
    weekday,
    is_holiday,
    period_name,
    avg(travel_time_s) OVER w AS mean_s,
    free_flow_s,
    count(*) OVER w AS n_bins,
    links_total,
    links_left_out,
    avg(CASE WHEN is_expanded THEN CAST(100 AS double precision) ELSE 0 END) OVER w AS expanded_pct,
    baseline_method,
    baseline_version
  FROM internal_corridor_bins
  WINDOW w AS (PARTITION BY corridor_id, month, period_name, local_date)
),
expected AS (
  SELECT local_date, period_name, CAST(sum(bins_expected) AS bigint) AS bins_expected
  FROM internal_periods
  GROUP BY local_date, period_name
)
SELECT
  d.corridor_id,
  c.name,
  d.local_date,
  d.month,
  d.weekday,
  d.is_holiday,
  d.period_name,
  d.mean_s,
  d.free_flow_s,
  d.mean_s - d.free_flow_s AS delay_s,
  d.n_bins,
  CAST(100 * d.n_bins AS double precision) / e.bins_expected AS coverage_pct,
  d.links_total,
  d.links_left_out,
  d.expanded_pct,
  d.baseline_method,
  d.baseline_version
FROM days AS d
JOIN expected AS e ON e.local_date = d.local_date AND e.period_name = d.period_name
JOIN corridors AS c ON c.corridor_id = d.corridor_id
