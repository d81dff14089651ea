-- One row per corridor, month and period: its mean travel time beside that of the same month a year before, over the
-- links that have a Travel Time Index above the floors in both (matched_links), so that a link that came or went
-- changes nothing. mean_s is the sum of those links' means: means may be added, percentiles may not. links_total are
-- the corridor's links.
--
-- corridor_id: the corridor
-- name: its name
-- month: the local month, such as 2026-10
-- period_name: the period; see time_periods
-- mean_s: the mean travel time; bins weigh alike
-- mean_s_last_year (double): the mean travel time of the same links a year before
-- change_pct: the change as a share of before
-- matched_links (bigint): the links that count in both years
-- links_total: the links of the corridor
-- n_bins: the bins it rests on
-- n_days: the local dates with data it rests on
-- coverage_pct: quarter hours with data over those of the calendar
-- baseline_method: which baseline it is measured against; see link_baselines; NULL where there is none
-- baseline_version (bigint): the version of that baseline; NULL where there is none, or where there are several
WITH corridor_months AS (
  SELECT DISTINCT c.corridor_id, c.link_id, d.month
  FROM corridor_links AS c
  JOIN local_days AS d ON d.local_date >= c.valid_from AND (c.valid_to IS NULL OR d.local_date < c.valid_to)
),
totals AS (
  SELECT corridor_id, month, count(*) AS links_total FROM corridor_months GROUP BY corridor_id, month
),
measured AS (
  SELECT
    c.corridor_id,
    c.link_id,
    c.month,
    CAST(substr(c.month, 1, 4) AS bigint) AS year,
    r.period_name,
    r.mean_s,
    r.n_bins,
    r.n_days,
    r.coverage_pct,
    r.baseline_method,
    r.baseline_version
  FROM link_reliability_monthly AS r
  JOIN corridor_months AS c ON c.link_id = r.link_id AND c.month = r.month
  WHERE r.tti IS NOT NULL
),
paired AS (
  SELECT
    m.*,
    lag(mean_s) OVER w AS mean_s_last_year,
    lag(year) OVER w AS year_before
  FROM measured AS m
  WINDOW w AS (PARTITION BY corridor_id, link_id, period_name, substr(month, 6, 2) ORDER BY year)
)
SELECT
  a.corridor_id,
  c.name,
  a.month,
  a.period_name,
  sum(a.mean_s) AS mean_s,
  sum(a.mean_s_last_year) AS mean_s_last_year,
  100 * (sum(a.mean_s) - sum(a.mean_s_last_year)) / sum(a.mean_s_last_year) AS change_pct,
  count(*) AS matched_links,
  max(t.links_total) AS links_total,
  CAST(sum(a.n_bins) AS bigint) AS n_bins,
  min(a.n_days) AS n_days,
  min(a.coverage_pct) AS coverage_pct,
  CASE WHEN min(a.baseline_method) = max(a.baseline_method) THEN min(a.baseline_method) ELSE 'mixed' END
    AS baseline_method,
  CASE WHEN min(a.baseline_version) = max(a.baseline_version) THEN min(a.baseline_version) END AS baseline_version
FROM paired AS a
JOIN totals AS t ON t.corridor_id = a.corridor_id AND t.month = a.month
JOIN corridors AS c ON c.corridor_id = a.corridor_id
WHERE a.year_before = a.year - 1
GROUP BY a.corridor_id, c.name, a.month, a.period_name
