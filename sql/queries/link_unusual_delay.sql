-- Where is traffic unusually slow today?
-- :limit (number) how many rows; without it 50
--   SELECT 50
SELECT
  link_id, name, local_hour, travel_time_s, typical_s, n_weeks, unusual_delay_s, unusual_delay_pct, n_bins,
  coverage_pct, configuration_changed
FROM link_unusual_delay
ORDER BY CASE WHEN unusual_delay_s IS NULL THEN 1 ELSE 0 END, unusual_delay_s DESC, link_id, local_hour
LIMIT :limit
