-- How is the whole network doing, month by month?
-- :period (text) one period; without it every period
SELECT
  month, period_name, links_used, length_km, network_tti, network_pti, weighting, links_added, links_lost, n_bins,
  n_days, coverage_pct, baseline_method, baseline_version
FROM network_monthly
WHERE true
  AND period_name = :period
ORDER BY month, period_name
