-- One row per listed link whose last measurement is older than three of its usual gaps, and than an hour. The usual gap
-- is the median time between its measurements in the 14 days before the last one; where there is none it is taken to be
-- 8 hours, so that a link with one measurement is silent after a day.
--
-- link_id: the link
-- name: its name
-- last_observed_at_local (local timestamp): the newest measurement, on the local clock
-- silent_hours: how long before now that was
-- usual_gap_hours: the usual time between two of its measurements; NULL if there are fewer than two
-- status: its status in iNode
WITH last_seen AS (
  SELECT
    l.link_id,
    l.name,
    l.status,
    (SELECT max(o.observed_at) FROM link_observations AS o WHERE o.link_id = l.link_id) AS observed_at,
    n.now_epoch_s
  FROM links AS l
  CROSS JOIN data_now AS n
  WHERE l.deleted_at IS NULL
),
candidates AS (
  SELECT link_id, name, status, observed_at, now_epoch_s - @epoch(observed_at) AS silent_s
  FROM last_seen
  WHERE observed_at < @instant(now_epoch_s - 3600)
),
gaps AS (
  SELECT
    o.link_id,
    @epoch(o.observed_at) - lag(@epoch(o.observed_at)) OVER (PARTITION BY o.link_id ORDER BY o.observed_at) AS gap_s
  FROM candidates AS c
  JOIN link_observations AS o
    ON o.link_id = c.link_id AND o.observed_at >= @instant(@epoch(c.observed_at) - 1209600)
),
ranked AS (
  SELECT
    link_id,
    gap_s,
    row_number() OVER (PARTITION BY link_id ORDER BY gap_s) AS place,
    count(*) OVER (PARTITION BY link_id) AS n
  FROM gaps
  WHERE gap_s IS NOT NULL
),
usual AS (
  SELECT link_id, avg(CAST(gap_s AS double precision)) AS gap_s
  FROM ranked
  WHERE place IN ((n + 1) / 2, (n + 2) / 2)
  GROUP BY link_id
)
SELECT
  c.link_id,
  c.name,
  @timestamp(@epoch(c.observed_at) + 60 * z.offset_min) AS last_observed_at_local,
  c.silent_s / CAST(3600 AS double precision) AS silent_hours,
  u.gap_s / 3600 AS usual_gap_hours,
  c.status
FROM candidates AS c
LEFT JOIN usual AS u ON u.link_id = c.link_id
JOIN zone_offsets AS z ON z.from_utc <= c.observed_at AND z.to_utc > c.observed_at
WHERE c.silent_s > 3 * COALESCE(u.gap_s, 28800)
