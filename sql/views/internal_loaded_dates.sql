-- Internal: one row per local date with a load: whether its newest snapshot was proven to be complete, so that a link
-- that is not in it is gone.
--
-- snapshot_date: the date in the warehouse's time zone
-- may_remove: its newest snapshot may make links vanish
SELECT snapshot_date, may_remove
FROM (
  SELECT
    snapshot_date,
    may_remove,
    row_number() OVER (PARTITION BY snapshot_date ORDER BY snapshot_at DESC, started_at DESC) AS place
  FROM loads
  WHERE endpoint = 'links'
) AS newest
WHERE place = 1
