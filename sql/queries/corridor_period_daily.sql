-- Which days were worst on a corridor?
-- :corridor_id (text) one corridor; without it every corridor
-- :period (text) the period; without it am_peak
--   SELECT 'am_peak'
-- :month (month) such as 2026-10; without it every month
-- :from (date) the first date; without it all of them
-- :to (date) the last date; without it all of them
-- :weekdays (weekdays) only these, such as tue-thu or sat,sun
-- :limit (number) how many days; without it 20
--   SELECT 20
SELECT
  corridor_id, name, local_date, weekday, is_holiday, period_name, mean_s, delay_s, coverage_pct, n_bins, links_total,
  links_left_out, expanded_pct, baseline_method, baseline_version
FROM corridor_period_daily
WHERE period_name = :period
  AND corridor_id = :corridor_id
  AND month = :month
  AND local_date >= :from
  AND local_date <= :to
  AND weekday IN :weekdays
ORDER BY CASE WHEN delay_s IS NULL THEN 1 ELSE 0 END, delay_s DESC, mean_s DESC, corridor_id, local_date
LIMIT :limit
