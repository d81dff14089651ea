-- One row per listed link without any measurement; days_listed counts the local dates whose newest snapshot lists it.
--
-- link_id: the link
-- name: its name
-- first_seen_at: since when the warehouse knows it, in UTC
-- days_listed (bigint): the local dates on which it was listed
-- status: its status in iNode
SELECT
  l.link_id,
  l.name,
  l.first_seen_at,
  (SELECT count(*) FROM link_snapshots AS s WHERE s.link_id = l.link_id) AS days_listed,
  l.status
FROM links AS l
WHERE l.deleted_at IS NULL
  AND (SELECT max(o.observed_at) FROM link_observations AS o WHERE o.link_id = l.link_id) IS NULL
