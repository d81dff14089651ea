-- How is the whole network doing, month by month?
-- :period (text) the period; without it am_peak
--   SELECT 'am_peak'
SELECT
  month, period_name, links_used, length_km, network_tti, network_pti, weighting, links_added, links_lost, n_bins,
  n_days, coverage_pct, baseline_method, baseline_version
FROM network_monthly
WHERE period_name = :period
ORDER BY month, period_name
