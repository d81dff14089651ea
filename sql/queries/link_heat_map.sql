-- When in the week is a link slow?
-- :link_id (text, needed) the link
-- :month (days) such as 2026-10; without it the month before this one
--   SELECT last_month FROM data_now
SELECT
  link_id, name, weekday, local_hour, sum(travel_time_s * n_bins) / sum(n_bins) AS mean_s,
  sum(n_bins) / sum(n_bins / speed_kmh) AS speed_kmh, CAST(sum(n_bins) AS bigint) AS n_bins,
  count(travel_time_s) AS n_days, CAST(100 * sum(n_bins) AS double precision) / sum(bins_expected) AS coverage_pct
FROM link_series
WHERE grain = 'hour'
  AND NOT is_excluded
  AND (weekday > 5 OR NOT is_holiday)
  AND month = :month
  AND link_id = :link_id
GROUP BY link_id, name, weekday, local_hour
ORDER BY weekday, local_hour
