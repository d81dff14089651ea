-- Which corridors are worst?
-- :period (text) the period; without it am_peak
--   SELECT 'am_peak'
-- :month (days) such as 2026-10; without it the month before this one
--   SELECT last_month FROM data_now
-- :limit (number) how many corridors; without it 20
--   SELECT 20
SELECT
  rank() OVER (ORDER BY tti DESC) AS rank,
  corridor_id, name, direction, month, period_name, mean_s, free_flow_s, tti, pti, delay_s_per_km, coverage_pct,
  n_bins, n_days, links_total, links_left_out, expanded_pct, baseline_method, baseline_version
FROM corridor_reliability_monthly
WHERE tti IS NOT NULL
  AND period_name = :period
  AND month = :month
ORDER BY tti DESC, corridor_id
LIMIT :limit
