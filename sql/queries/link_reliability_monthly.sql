-- How reliable is each link?
-- :link_id (text) one link; without it every link
-- :month (days) such as 2026-10; without it the month before this one
--   SELECT last_month FROM data_now
-- :period (text) one period; without it every period
SELECT
  link_id, name, month, period_name, mean_s, p50_s, p80_s, p95_s, tti, pti, buffer_index, buffer_index_median,
  p80_p50_ratio, speed_kmh, length_m, configuration_changed, n_bins, n_days, coverage_pct, baseline_method,
  baseline_version
FROM link_reliability_monthly
WHERE month = :month
  AND link_id = :link_id
  AND period_name = :period
ORDER BY link_id, period_name
