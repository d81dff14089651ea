-- How did a link do through the days?
-- :link_id (text, needed) the link
-- :from (date) the first date; without it seven days before now
--   SELECT week_ago FROM data_now
-- :to (date) the last date; without it the date of now
--   SELECT local_date FROM data_now
-- :grain (text) 15min, hour or day; without it hour
--   SELECT 'hour'
-- :weekdays (weekdays) only these, such as tue-thu or sat,sun
SELECT
  link_id, name, grain, starts_at_local, offset_min, travel_time_s, speed_kmh, n_bins, coverage_pct
FROM link_series
WHERE link_id = :link_id
  AND grain = :grain
  AND local_date >= :from
  AND local_date <= :to
  AND weekday IN :weekdays
ORDER BY starts_at
