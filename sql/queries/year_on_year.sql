-- Better than the same month last year?
-- :month (month) such as 2026-10; without it the month before this one
--   SELECT last_month FROM data_now
-- :period (text) one period; without it every period
SELECT
  corridor_id, name, month, period_name, mean_s, mean_s_last_year, change_pct, matched_links, links_left_out,
  links_total, n_bins, n_days, coverage_pct
FROM year_on_year
WHERE month = :month
  AND period_name = :period
ORDER BY corridor_id, period_name
