-- Which links are worst?
-- :period (text) the period; without it am_peak
--   SELECT 'am_peak'
-- :month (days) such as 2026-10; without it the month before this one
--   SELECT last_month FROM data_now
-- :limit (number) how many links; without it 20
--   SELECT 20
SELECT
  rank() OVER (ORDER BY tti DESC) AS rank,
  link_id, name, month, period_name, tti, delay_s, speed_kmh, n_bins, n_days, coverage_pct, baseline_method,
  baseline_version
FROM link_reliability_monthly
WHERE tti IS NOT NULL
  AND period_name = :period
  AND month = :month
ORDER BY tti DESC, link_id
LIMIT :limit
