-- How reliable is each corridor?
-- :corridor_id (text) one corridor; without it every corridor
-- :month (days) such as 2026-10; without it the month before this one
--   SELECT last_month FROM data_now
-- :period (text) one period; without it every period
SELECT
  corridor_id, name, direction, month, period_name, mean_s, p50_s, p80_s, p95_s, tti, pti, buffer_index,
  buffer_index_median, p80_p50_ratio, links_total, links_left_out, links_with_data, expanded_pct, n_bins, n_days,
  coverage_pct, baseline_method, baseline_version
FROM corridor_reliability_monthly
WHERE month = :month
  AND corridor_id = :corridor_id
  AND period_name = :period
ORDER BY corridor_id, period_name
