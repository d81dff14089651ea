-- One row per month and period: the whole network, over the links whose Travel Time Index is above the floors.
-- network_tti is the sum of the links' mean times over the sum of their free-flow times. network_pti is the sum of
-- their P95 over the sum of their free-flow times, over the links that have one: a mean of the links' Planning Time
-- Indices weighted by free-flow time, not a percentile of the network. Neither is weighted by traffic, unlike the
-- figures of the FHWA Urban Congestion Report, since iNode does not know how many vehicles use a link. links_added
-- and links_lost are against the month before: compare months only where they are small.
--
-- month: the local month, such as 2026-10
-- period_name: the period; see time_periods
-- links_used: the links that count
-- length_km: the length of all its links together
-- network_tti (double): sum of mean times over sum of free-flow times
-- network_pti (double): sum of P95 over sum of free-flow times
-- weighting: what the network's figures are weighted by
-- links_added: links that count and did not the month before
-- links_lost: links that counted the month before and do not
-- n_bins: the bins it rests on
-- n_days: the local dates with data it rests on
-- coverage_pct: quarter hours with data over those of the calendar
-- baseline_method: which baseline it is measured against; see link_baselines; NULL where there is none
-- baseline_version (bigint): the version of that baseline; NULL where there is none, or where there are several
WITH used AS (
  SELECT * FROM link_reliability_monthly WHERE tti IS NOT NULL
),
months AS (
  SELECT month, row_number() OVER (ORDER BY month) AS number
  FROM (SELECT DISTINCT month FROM local_days) AS m
),
changes AS (
  SELECT
    u.link_id,
    u.period_name,
    m.number,
    lag(m.number) OVER (PARTITION BY u.link_id, u.period_name ORDER BY m.number) AS number_before,
    lead(m.number) OVER (PARTITION BY u.link_id, u.period_name ORDER BY m.number) AS number_after
  FROM used AS u
  JOIN months AS m ON m.month = u.month
),
added AS (
  SELECT number, period_name, count(*) AS links
  FROM changes
  WHERE number_before IS NULL OR number_before < number - 1
  GROUP BY number, period_name
),
lost AS (
  SELECT number + 1 AS number, period_name, count(*) AS links
  FROM changes
  WHERE number_after IS NULL OR number_after > number + 1
  GROUP BY number, period_name
),
sums AS (
  SELECT
    month,
    period_name,
    count(*) AS links_used,
    sum(length_m) / 1000 AS length_km,
    sum(mean_s) / sum(free_flow_s) AS network_tti,
    sum(p95_s) / sum(CASE WHEN pti IS NOT NULL THEN free_flow_s END) AS network_pti,
    CAST(sum(n_bins) AS bigint) AS n_bins,
    max(n_days) AS n_days,
    avg(coverage_pct) AS coverage_pct,
    CASE WHEN min(baseline_method) = max(baseline_method) THEN min(baseline_method) ELSE 'mixed' END AS baseline_method,
    CASE WHEN min(baseline_version) = max(baseline_version) THEN min(baseline_version) END AS baseline_version
  FROM used
  GROUP BY month, period_name
)
SELECT
  s.month,
  s.period_name,
  s.links_used,
  s.length_km,
  s.network_tti,
  s.network_pti,
  'free-flow time; not weighted by traffic' AS weighting,
  COALESCE(a.links, 0) AS links_added,
  COALESCE(o.links, 0) AS links_lost,
  s.n_bins,
  s.n_days,
  s.coverage_pct,
  s.baseline_method,
  s.baseline_version
FROM sums AS s
JOIN months AS m ON m.month = s.month
LEFT JOIN added AS a ON a.number = m.number AND a.period_name = s.period_name
LEFT JOIN lost AS o ON o.number = m.number AND o.period_name = s.period_name
