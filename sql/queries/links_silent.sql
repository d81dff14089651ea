-- Which links are silent, and since when?
SELECT link_id, name, last_observed_at_local, silent_hours, usual_gap_hours, status
FROM links_silent
ORDER BY silent_hours DESC, link_id
