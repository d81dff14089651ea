-- Which links never reported?
SELECT link_id, name, first_seen_at, days_listed, status
FROM links_never_reported
ORDER BY days_listed DESC, link_id
