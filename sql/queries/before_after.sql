-- Did the retiming help?
-- :study_id (text) one study; without it every study
SELECT
  study_id, name, before_from, before_to, after_from, after_to, n_days_before, n_days_after, mean_s_before,
  mean_s_after, change_s, change_pct, ci95_low_s, ci95_high_s, control_change_s, control_change_pct, net_change_pct,
  warnings, n_bins
FROM before_after
WHERE true
  AND study_id = :study_id
ORDER BY study_id
