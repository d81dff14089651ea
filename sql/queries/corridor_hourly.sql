-- How does a corridor behave through the day?
-- :corridor_id (text) one corridor; without it every corridor
-- :month (days) such as 2026-10; without it the month before this one
--   SELECT last_month FROM data_now
SELECT
  corridor_id, name, day_kind, local_hour, mean_s, p50_s, p95_s, speed_kmh, month, n_bins, n_days, coverage_pct,
  links_total, links_left_out, expanded_pct
FROM corridor_hourly
WHERE month = :month
  AND corridor_id = :corridor_id
ORDER BY corridor_id, day_kind, local_hour
