-- How did a link do through the days?
-- :link_id (text, needed) the link
-- :grain (text) 15min, hour or day; without it hour
--   SELECT 'hour'
-- :month (days) such as 2026-10; without it the month of now
--   SELECT month FROM data_now
SELECT
  link_id, name, grain, starts_at_local, offset_min, travel_time_s, speed_kmh, n_bins, coverage_pct
FROM link_series
WHERE month = :month
  AND link_id = :link_id
  AND grain = :grain
ORDER BY starts_at
