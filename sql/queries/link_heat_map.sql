-- When in the week is a link slow?
-- :link_id (text, needed) the link
-- :from (date) the first date; without it the first of the month before this one
--   SELECT substr(last_month, 1, 7) || '-01' FROM data_now
-- :to (date) the last date; without it the date of now
--   SELECT local_date FROM data_now
SELECT
  link_id, name, weekday, local_hour, sum(travel_time_s * n_bins) / sum(n_bins) AS mean_s,
  sum(n_bins) / sum(n_bins / speed_kmh) AS speed_kmh, CAST(sum(n_bins) AS bigint) AS n_bins,
  count(travel_time_s) AS n_days, CAST(100 * sum(n_bins) AS double precision) / sum(bins_expected) AS coverage_pct
FROM link_series
WHERE grain = 'hour'
  AND NOT is_excluded
  AND (weekday > 5 OR NOT is_holiday)
  AND link_id = :link_id
  AND local_date >= :from
  AND local_date <= :to
GROUP BY link_id, name, weekday, local_hour
ORDER BY weekday, local_hour
