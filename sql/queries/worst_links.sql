-- Which links are worst?
-- :period (text) the period; without it am_peak
--   SELECT 'am_peak'
-- :month (days) such as 2026-10; without it the month before this one
--   SELECT last_month FROM data_now
-- :by (text) tti, delay_s or delay_s_per_km: what is worst; without it tti
--   SELECT 'tti'
-- :limit (number) how many links; without it 20
--   SELECT 20
SELECT
  rank() OVER (ORDER BY worth DESC) AS rank,
  link_id, name, month, period_name, tti, delay_s, delay_s_per_km, speed_kmh, n_bins, n_days, coverage_pct,
  baseline_method, baseline_version
FROM (
  SELECT
    *, CASE :by WHEN 'tti' THEN tti WHEN 'delay_s' THEN delay_s WHEN 'delay_s_per_km' THEN delay_s_per_km END AS worth
  FROM link_reliability_monthly
  WHERE tti IS NOT NULL
    AND period_name = :period
    AND month = :month
) AS ranked
WHERE worth IS NOT NULL
ORDER BY worth DESC, link_id
LIMIT :limit
