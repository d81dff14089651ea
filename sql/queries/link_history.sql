-- May I compare: what changed on these links?
-- :link_id (text) one link; without it every link
-- :since (date) the first date to show; without it all of them
SELECT link_id, name, valid_from, valid_to, change_kind, column_name, old_value, new_value, corrections
FROM link_history
WHERE true
  AND link_id = :link_id
  AND valid_from >= :since
ORDER BY link_id, valid_from, change_kind, column_name
