-- How did a corridor do through the days?
-- :corridor_id (text, needed) the corridor
-- :month (days) such as 2026-10; without it the month of now
--   SELECT month FROM data_now
SELECT
  corridor_id, name, min(bin_start_local) AS bin_start_local, offset_min, avg(travel_time_s) AS travel_time_s,
  count(*) / sum(1 / speed_kmh) AS speed_kmh, count(*) AS n_bins, min(links_with_data) AS links_with_data,
  max(links_total) AS links_total
FROM corridor_bins_local
WHERE month = :month
  AND corridor_id = :corridor_id
GROUP BY corridor_id, name, local_date, local_hour, offset_min
ORDER BY min(bin_start_at)
