-- One row per link and what changed of it: since when (valid_from), and until just before when (valid_to; NULL if it
-- still holds). change_kind is new, changed, deleted or returned; a change of several columns is several rows, one a
-- column. A date without a load changes nothing, nor does one whose snapshot was not proven complete or in which the
-- link's record could not be read. corrections: how many measurements in that time were corrected later.
--
-- link_id: the link
-- name: its name
-- valid_from: the first local date on which it was so
-- valid_to: the first local date on which it no longer was; NULL if it still is
-- change_kind: new, changed, deleted or returned
-- column_name: which column of links changed; NULL where the whole link came or went
-- old_value: what it was; of a line the number of its points
-- new_value: what it became
-- corrections: how many of its measurements in that time were corrected later
WITH known AS (
  SELECT link_id, min(snapshot_date) AS first_date FROM link_snapshots GROUP BY link_id
),
days AS (
  SELECT k.link_id, d.snapshot_date, s.content_hash, s.link_id IS NOT NULL AS is_listed
  FROM known AS k
  JOIN internal_loaded_dates AS d ON d.snapshot_date >= k.first_date
  LEFT JOIN link_snapshots AS s ON s.snapshot_date = d.snapshot_date AND s.link_id = k.link_id
  WHERE s.content_hash IS NOT NULL OR (s.link_id IS NULL AND d.may_remove)
),
steps AS (
  SELECT
    link_id,
    snapshot_date,
    is_listed,
    content_hash,
    lag(content_hash) OVER w AS hash_before,
    lag(is_listed) OVER w AS was_listed
  FROM days
  WINDOW w AS (PARTITION BY link_id ORDER BY snapshot_date)
),
listed_before AS (
  SELECT
    link_id,
    snapshot_date,
    is_listed,
    content_hash,
    CASE
      WHEN was_listed IS NULL AND is_listed THEN 'new'
      WHEN was_listed AND NOT is_listed THEN 'deleted'
      WHEN NOT was_listed AND is_listed THEN 'returned'
      WHEN is_listed AND content_hash <> hash_before THEN 'changed'
    END AS change_kind
  FROM steps
),
changes AS (
  SELECT
    link_id,
    snapshot_date AS valid_from,
    change_kind,
    content_hash,
    lead(snapshot_date) OVER w AS valid_to,
    lag(content_hash) OVER w AS hash_1,
    lag(content_hash, 2) OVER w AS hash_2
  FROM listed_before
  WHERE change_kind IS NOT NULL
  WINDOW w AS (PARTITION BY link_id ORDER BY snapshot_date)
),
compared AS (
  SELECT
    link_id, valid_from, valid_to, change_kind, content_hash,
    CASE change_kind WHEN 'changed' THEN hash_1 WHEN 'returned' THEN hash_2 END AS hash_before
  FROM changes
),
configuration (column_name) AS (
  SELECT 'name'
  UNION ALL SELECT 'data_source'
  UNION ALL SELECT 'grid'
  UNION ALL SELECT 'origin_sensor_id'
  UNION ALL SELECT 'origin_sensor_name'
  UNION ALL SELECT 'destination_sensor_id'
  UNION ALL SELECT 'destination_sensor_name'
  UNION ALL SELECT 'length_m'
  UNION ALL SELECT 'free_flow_speed_kmh'
  UNION ALL SELECT 'free_flow_travel_time_s'
  UNION ALL SELECT 'geometry'
),
-- The configuration after each change, and the one before it.
sides AS (
  SELECT link_id, valid_from, valid_to, change_kind, content_hash, true AS is_new
  FROM compared
  WHERE content_hash <> hash_before
  UNION ALL
  SELECT link_id, valid_from, valid_to, change_kind, hash_before, false
  FROM compared
  WHERE content_hash <> hash_before
),
spelled AS (
  SELECT
    s.link_id,
    s.valid_from,
    s.valid_to,
    s.change_kind,
    s.is_new,
    c.column_name,
    CASE c.column_name
      WHEN 'name' THEN v.name
      WHEN 'data_source' THEN v.data_source
      WHEN 'grid' THEN v.grid
      WHEN 'origin_sensor_id' THEN v.origin_sensor_id
      WHEN 'origin_sensor_name' THEN v.origin_sensor_name
      WHEN 'destination_sensor_id' THEN v.destination_sensor_id
      WHEN 'destination_sensor_name' THEN v.destination_sensor_name
      WHEN 'length_m' THEN @plain(v.length_m)
      WHEN 'free_flow_speed_kmh' THEN @plain(v.free_flow_speed_kmh)
      WHEN 'free_flow_travel_time_s' THEN @plain(v.free_flow_travel_time_s)
      WHEN 'geometry' THEN @points(v.geometry)
    END AS shown,
    CASE c.column_name WHEN 'geometry' THEN CAST(v.geometry AS text) END AS line
  FROM sides AS s
  JOIN link_versions AS v ON v.link_id = s.link_id AND v.content_hash = s.content_hash
  CROSS JOIN configuration AS c
),
paired AS (
  SELECT
    link_id,
    valid_from,
    valid_to,
    change_kind,
    column_name,
    max(CASE WHEN NOT is_new THEN shown END) AS old_value,
    max(CASE WHEN is_new THEN shown END) AS new_value,
    COALESCE(max(CASE WHEN NOT is_new THEN line END), '') <> COALESCE(max(CASE WHEN is_new THEN line END), '')
      AS is_other_line
  FROM spelled
  GROUP BY link_id, valid_from, valid_to, change_kind, column_name
  HAVING count(*) = 2
),
told AS (
  SELECT link_id, valid_from, valid_to, change_kind, column_name, old_value, new_value
  FROM paired
  WHERE COALESCE(old_value, '') <> COALESCE(new_value, '') OR (old_value IS NULL) <> (new_value IS NULL) OR is_other_line
  UNION ALL
  SELECT link_id, valid_from, valid_to, change_kind, NULL, NULL, NULL
  FROM compared
  WHERE change_kind <> 'changed'
)
SELECT
  t.link_id,
  l.name,
  t.valid_from,
  t.valid_to,
  t.change_kind,
  t.column_name,
  t.old_value,
  t.new_value,
  (
    SELECT count(*)
    FROM observation_corrections AS o
    JOIN zone_offsets AS z ON z.from_utc <= o.observed_at AND z.to_utc > o.observed_at
    WHERE o.link_id = t.link_id
      AND @date(@epoch(o.observed_at) + 60 * z.offset_min) >= t.valid_from
      AND (t.valid_to IS NULL OR @date(@epoch(o.observed_at) + 60 * z.offset_min) < t.valid_to)
  ) AS corrections
FROM told AS t
JOIN links AS l ON l.link_id = t.link_id
