-- Did the retiming help?
-- :study_id (text) one study; without it every study
SELECT
  study_id, name, before_from, before_to, after_from, after_to, n_days_before, n_days_after, days_left_out,
  mean_s_before, mean_s_after, change_s, ci95_low_s, ci95_high_s, change_pct, ci95_low_pct, ci95_high_pct,
  control_change_s, control_change_pct, net_change_pct, net_ci95_low_pct, net_ci95_high_pct, warnings, n_bins,
  links_total, links_left_out, expanded_pct
FROM before_after
WHERE true
  AND study_id = :study_id
ORDER BY study_id
