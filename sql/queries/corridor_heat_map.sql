-- When in the week is a corridor slow?
-- :corridor_id (text, needed) the corridor
-- :month (days) such as 2026-10; without it the month before this one
--   SELECT last_month FROM data_now
SELECT
  corridor_id, name, weekday, local_hour, avg(travel_time_s) AS mean_s,
  count(*) / sum(1 / speed_kmh) AS speed_kmh, count(*) AS n_bins, count(DISTINCT local_date) AS n_days
FROM corridor_bins_local
WHERE NOT is_excluded
  AND (weekday > 5 OR NOT is_holiday)
  AND month = :month
  AND corridor_id = :corridor_id
GROUP BY corridor_id, name, weekday, local_hour
ORDER BY weekday, local_hour
