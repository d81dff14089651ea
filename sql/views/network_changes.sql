-- One row per link and what changed of it on a date: links that came, went or returned, and edits of their
-- configuration. The links of the first load are no change.
--
-- changed_on: the first local date on which it was so
-- link_id: the link
-- name: its name
-- change_kind: new, changed, deleted or returned
-- column_name: which column of links changed; NULL where the whole link came or went
-- old_value: what it was; of a line the number of its points
-- new_value: what it became
SELECT
  h.valid_from AS changed_on,
  h.link_id,
  h.name,
  h.change_kind,
  h.column_name,
  h.old_value,
  h.new_value
FROM link_history AS h
WHERE h.valid_from > (SELECT min(snapshot_date) FROM loads WHERE endpoint = 'links')
