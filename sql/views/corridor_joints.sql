-- One row per flaw of a corridor as it is today: a gap in the positions, a link that overlaps another (the same link
-- twice, or two at one position), one that does not join the next (it ends at another sensor than the next begins at),
-- one that iNode does not list, and one without a baseline. A corridor without flaws has no row.
--
-- corridor_id: the corridor
-- name: its name
-- position: the link's place in the corridor
-- link_id: the link
-- next_link_id: the link after it
-- flaw: gap, overlap, does not join, not listed or no baseline
WITH today AS (
  SELECT c.corridor_id, c.position, c.link_id
  FROM corridor_links AS c
  CROSS JOIN data_now AS n
  WHERE c.valid_from <= n.local_date AND (c.valid_to IS NULL OR c.valid_to > n.local_date)
),
neighbours AS (
  SELECT
    t.corridor_id,
    t.position,
    t.link_id,
    l.destination_sensor_id AS ends_at,
    lead(t.position) OVER w AS next_position,
    lead(t.link_id) OVER w AS next_link_id,
    lead(l.origin_sensor_id) OVER w AS next_begins_at,
    count(*) OVER (PARTITION BY t.corridor_id, t.link_id) AS times,
    l.link_id IS NULL OR l.deleted_at IS NOT NULL AS is_unlisted
  FROM today AS t
  LEFT JOIN links AS l ON l.link_id = t.link_id
  WINDOW w AS (PARTITION BY t.corridor_id ORDER BY t.position, t.link_id)
),
flaws AS (
  SELECT corridor_id, position, link_id, next_link_id, 'gap' AS flaw FROM neighbours WHERE next_position > position + 1
  UNION ALL
  SELECT corridor_id, position, link_id, next_link_id, 'overlap' FROM neighbours
  WHERE next_position = position OR times > 1
  UNION ALL
  SELECT corridor_id, position, link_id, next_link_id, 'does not join' FROM neighbours
  WHERE next_position = position + 1 AND ends_at <> next_begins_at
  UNION ALL
  SELECT corridor_id, position, link_id, CAST(NULL AS text), 'not listed' FROM neighbours WHERE is_unlisted
  UNION ALL
  SELECT n.corridor_id, n.position, n.link_id, CAST(NULL AS text), 'no baseline' FROM neighbours AS n
  WHERE NOT EXISTS (SELECT 1 FROM link_baselines AS b WHERE b.link_id = n.link_id)
)
SELECT f.corridor_id, c.name, f.position, f.link_id, f.next_link_id, f.flaw
FROM flaws AS f
JOIN corridors AS c ON c.corridor_id = f.corridor_id
