-- What changed in the network last night?
-- :since (date) the first date to show; without it the newest date with a load
--   SELECT max(snapshot_date) FROM loads WHERE endpoint = 'links'
SELECT changed_on, link_id, name, change_kind, column_name, old_value, new_value
FROM network_changes
WHERE changed_on >= :since
ORDER BY changed_on DESC, change_kind, link_id, column_name
