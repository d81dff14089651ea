-- How does a link behave through the day?
-- :link_id (text) one link; without it every link
-- :month (days) such as 2026-10; without it the month of now
--   SELECT month FROM data_now
SELECT
  link_id, name, day_kind, local_hour, mean_s, p50_s, p95_s, speed_kmh, speed_p5_kmh, speed_p15_kmh, speed_p50_kmh,
  speed_p85_kmh, speed_p95_kmh, month, n_bins, n_days, coverage_pct
FROM link_hourly
WHERE month = :month
  AND link_id = :link_id
ORDER BY link_id, day_kind, local_hour
