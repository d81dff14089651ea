-- Internal: one row per link and stretch of dates on which its length and sensors stayed the same, from the snapshots
-- of the dates. A date without a load changes nothing, nor does one on which iNode left out a value that it gives on
-- other dates. The first stretch begins before any measurement; the last has not ended.
--
-- link_id: the link
-- valid_from: the first local date on which it was so; 1970-01-01 for the first stretch
-- valid_to (date): the first local date on which it no longer was; 9999-12-31 if it still is
-- length_m: the length along the road on those dates
-- origin_sensor_id: the sensor at which it began
-- destination_sensor_id: the sensor at which it ended
WITH known AS @once() (
  SELECT
    link_id,
    max(length_m) AS length_m,
    max(origin_sensor_id) AS origin_sensor_id,
    max(destination_sensor_id) AS destination_sensor_id,
    min(length_m) <> max(length_m)
      OR min(origin_sensor_id) <> max(origin_sensor_id)
      OR min(destination_sensor_id) <> max(destination_sensor_id) AS is_edited
  FROM link_versions
  GROUP BY link_id
),
dated AS (
  SELECT
    s.link_id,
    s.snapshot_date,
    v.length_m,
    v.origin_sensor_id,
    v.destination_sensor_id,
    lag(s.snapshot_date) OVER w AS date_before,
    lag(v.length_m) OVER w AS length_before,
    lag(v.origin_sensor_id) OVER w AS origin_before,
    lag(v.destination_sensor_id) OVER w AS destination_before
  FROM link_snapshots AS s
  JOIN known AS k ON k.link_id = s.link_id AND k.is_edited
  JOIN link_versions AS v ON v.link_id = s.link_id AND v.content_hash = s.content_hash
  WHERE (v.length_m IS NOT NULL OR k.length_m IS NULL)
    AND (v.origin_sensor_id IS NOT NULL OR k.origin_sensor_id IS NULL)
    AND (v.destination_sensor_id IS NOT NULL OR k.destination_sensor_id IS NULL)
  WINDOW w AS (PARTITION BY s.link_id ORDER BY s.snapshot_date)
),
stretches AS (
  SELECT
    link_id,
    CASE WHEN date_before IS NULL THEN @date(0) ELSE snapshot_date END AS valid_from,
    lead(snapshot_date) OVER (PARTITION BY link_id ORDER BY snapshot_date) AS valid_to,
    length_m,
    origin_sensor_id,
    destination_sensor_id
  FROM dated
  WHERE date_before IS NULL
    OR length_m <> length_before
    OR origin_sensor_id <> origin_before
    OR destination_sensor_id <> destination_before
)
SELECT
  link_id,
  valid_from,
  COALESCE(valid_to, @date(253402214400)) AS valid_to,
  length_m,
  origin_sensor_id,
  destination_sensor_id
FROM stretches
UNION ALL
SELECT
  l.link_id,
  @date(0),
  @date(253402214400),
  COALESCE(l.length_m, k.length_m),
  COALESCE(l.origin_sensor_id, k.origin_sensor_id),
  COALESCE(l.destination_sensor_id, k.destination_sensor_id)
FROM links AS l
LEFT JOIN known AS k ON k.link_id = l.link_id
WHERE l.link_id NOT IN (SELECT link_id FROM stretches)
