-- One row per month and period: the whole network, over the links whose Travel Time Index is above the floors.
-- network_tti is the sum of the links' mean times over the sum of their free-flow times. network_pti is the sum of
-- their P95 over the sum of their free-flow times, over the links that have one: a mean of the links' Planning Time
-- Indices weighted by free-flow time, not a percentile of the network. Neither is weighted by traffic, unlike the
-- figures of the FHWA Urban Congestion Report, since iNode does not know how many vehicles use a link. links_added and
-- links_lost are against the month before: compare months only where they are small.
--
-- month: the local month, such as 2026-10
-- period_name: the period; see time_periods
-- links_used: the links that count
-- length_km: the length of all its links together
-- network_tti (double): sum of mean times over sum of free-flow times
-- network_pti (double): sum of P95 over sum of free-flow times
-- weighting: what the network's figures are weighted by
-- links_added: links that count and did not the month before
-- links_lost (bigint): links that counted the month before and do not
-- n_bins: the bins it rests on
-- n_days: the local dates with data it rests on
-- coverage_pct: quarter hours with data over those of the calendar
-- baseline_method: which baseline it is measured against; see link_baselines; NULL where there is none
-- baseline_version (bigint): the version of that baseline; NULL where there is none, or where there are several
WITH months AS @once() (
  SELECT month, row_number() OVER (ORDER BY month) AS number
  FROM (SELECT DISTINCT month FROM internal_days) AS m
),
used AS (
  SELECT
    r.*,
    m.number,
    lag(m.number) OVER w AS number_before,
    lead(m.number) OVER w AS number_after
  FROM link_reliability_monthly AS r
  JOIN months AS m ON m.month = r.month
  WHERE r.tti IS NOT NULL
  WINDOW w AS (PARTITION BY r.link_id, r.period_name ORDER BY m.number)
),
-- DISTINCT over windows and not GROUP BY: SQLite then hands a condition on the period down to the bins.
sums AS (
  SELECT DISTINCT
    month,
    number,
    period_name,
    count(*) OVER g AS links_used,
    sum(length_m) OVER g / 1000 AS length_km,
    sum(mean_s) OVER g / sum(free_flow_s) OVER g AS network_tti,
    sum(p95_s) OVER g / sum(CASE WHEN pti IS NOT NULL THEN free_flow_s END) OVER g AS network_pti,
    count(CASE WHEN number_before IS NULL OR number_before < number - 1 THEN 1 END) OVER g AS links_added,
    count(CASE WHEN number_after IS NULL OR number_after > number + 1 THEN 1 END) OVER g AS links_lost_next,
    CAST(sum(n_bins) OVER g AS bigint) AS n_bins,
    max(n_days) OVER g AS n_days,
    avg(coverage_pct) OVER g AS coverage_pct,
    min(baseline_method) OVER g AS first_method,
    max(baseline_method) OVER g AS last_method,
    min(baseline_version) OVER g AS first_version,
    max(baseline_version) OVER g AS last_version
  FROM used
  WINDOW g AS (PARTITION BY period_name, number)
)
SELECT
  month,
  period_name,
  links_used,
  length_km,
  network_tti,
  network_pti,
  'free-flow time; not weighted by traffic' AS weighting,
  links_added,
  CASE WHEN lag(number) OVER w = number - 1 THEN lag(links_lost_next) OVER w ELSE 0 END AS links_lost,
  n_bins,
  n_days,
  coverage_pct,
  CASE WHEN first_method <> last_method THEN 'mixed' ELSE first_method END AS baseline_method,
  CASE WHEN first_version = last_version THEN first_version END AS baseline_version
FROM sums
WINDOW w AS (PARTITION BY period_name ORDER BY number)
