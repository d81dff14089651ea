-- Where are the coverage holes?
-- :since (date) the first date to show; without it the week before now
--   SELECT week_ago FROM data_now
-- :below (number) only days with less coverage than this; without it 100
--   SELECT 100
SELECT link_id, name, local_date, bins_expected, bins_with_data, coverage_pct, longest_gap_min
FROM coverage_daily
WHERE local_date >= :since
  AND coverage_pct < :below
ORDER BY coverage_pct, link_id, local_date
