-- Which links pass the 1.50 test this year?
-- :year (number) such as 2026; without it the last year that is over
--   SELECT CAST(substr(month, 1, 4) AS bigint) - 1 FROM data_now
SELECT
  link_id, name, year, lottr_weekday_06_10, lottr_weekday_10_16, lottr_weekday_16_20, lottr_weekend_06_20, is_reliable,
  n_bins, n_days, coverage_pct, configuration_changed
FROM link_lottr_annual
WHERE year = :year
ORDER BY is_reliable, link_id
