-- Where are the coverage holes?
-- :since (date) the first date to show; without it the week before now
-- :below (number) only days with less coverage than this; without it 100
SELECT link_id, name, local_date, bins_expected, bins_with_data, coverage_pct, longest_gap_min
FROM coverage_daily
WHERE local_date >= COALESCE(:since, (SELECT week_ago FROM data_now))
  AND coverage_pct < COALESCE(:below, 100)
ORDER BY coverage_pct, link_id, local_date
