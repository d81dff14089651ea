-- Which days were worst on a corridor?
-- :corridor_id (text) one corridor; without it every corridor
-- :period (text) the period; without it am_peak
--   SELECT 'am_peak'
-- :month (month) such as 2026-10; without it every month
-- :limit (number) how many days; without it 20
--   SELECT 20
SELECT
  corridor_id, name, local_date, weekday, is_holiday, period_name, mean_s, delay_s, coverage_pct, n_bins, is_expanded,
  baseline_method, baseline_version
FROM corridor_period_daily
WHERE period_name = :period
  AND corridor_id = :corridor_id
  AND month = :month
ORDER BY CASE WHEN delay_s IS NULL THEN 1 ELSE 0 END, delay_s DESC, mean_s DESC, corridor_id, local_date
LIMIT :limit
