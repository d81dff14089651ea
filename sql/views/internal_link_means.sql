-- Internal: one row per link, month and period: its mean travel time, as in link_reliability_monthly but without the
-- percentiles, which cost ten times as much.
--
-- link_id: the link
-- month: the local month, such as 2026-10
-- month_next_year (text): the same month a year later
-- period_name: the period; see time_periods
-- mean_s: the mean travel time; bins weigh alike
-- n_bins: the bins it rests on
-- n_days: the local dates with data it rests on
-- coverage_pct: quarter hours with data over those of the calendar
-- is_enough: neither the bins nor the days are below the floors of index_rules
WITH days AS (
  SELECT
    p.link_id,
    p.month,
    p.month_next_year,
    p.period_name,
    p.day_number,
    @sum_beside(p) AS sum_s,
    @count_beside(p) AS n_bins
  FROM internal_link_periods AS p
  @beside_sums(p)
),
measures AS (
  SELECT
    link_id,
    month,
    month_next_year,
    period_name,
    sum(sum_s) / sum(n_bins) AS mean_s,
    CAST(sum(n_bins) AS bigint) AS n_bins,
    count(DISTINCT CASE WHEN n_bins > 0 THEN day_number END) AS n_days
  FROM days
  GROUP BY link_id, month, month_next_year, period_name
),
expected AS (
  SELECT month, period_name, CAST(sum(bins_expected) AS bigint) AS bins_expected
  FROM internal_periods
  GROUP BY month, period_name
)
SELECT
  m.link_id,
  m.month,
  m.month_next_year,
  m.period_name,
  m.mean_s,
  m.n_bins,
  m.n_days,
  CAST(100 * m.n_bins AS double precision) / e.bins_expected AS coverage_pct,
  100 * m.n_bins >= f.min_coverage_pct * e.bins_expected AND m.n_days >= f.min_days AS is_enough
FROM measures AS m
JOIN expected AS e ON e.month = m.month AND e.period_name = m.period_name
CROSS JOIN internal_floors AS f
WHERE m.n_bins > 0
