-- How fresh and complete is the data?
SELECT
  data_as_of, data_as_of_local, last_run_at, last_run_outcome, last_verdict, links_expected, links_reporting, gap_days,
  hours_sampled, sampling_on
FROM data_freshness
