-- Which links pass the 1.50 test over the last 365 days (provisional)?
SELECT
  link_id, name, status, from_date, to_date, lottr_weekday_06_10, lottr_weekday_10_16, lottr_weekday_16_20,
  lottr_weekend_06_20, is_reliable, n_bins, n_days, coverage_pct, configuration_changed
FROM link_lottr_rolling
ORDER BY is_reliable, link_id
