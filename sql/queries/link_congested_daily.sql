-- How many hours a day is each link congested?
-- :month (days) such as 2026-10; without it the month before this one
--   SELECT last_month FROM data_now
SELECT
  link_id, name, month, mean_congested_h, threshold_pct, n_days, n_bins, coverage_pct, baseline_method,
  baseline_version, configuration_changed
FROM link_congested_daily
WHERE month = :month
ORDER BY CASE WHEN mean_congested_h IS NULL THEN 1 ELSE 0 END, mean_congested_h DESC, link_id
