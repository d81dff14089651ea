-- Internal: one row per link and month: its length in that month, and the free-flow travel time that the month's
-- indices divide by. A baseline serves a month only if the link has on all of the month's dates the length and the
-- sensors that the baseline was computed from. Of those it is the one frozen last by the end of the month, or the first
-- one ever if none was; so a baseline that is added later moves no index that is published, and neither does a
-- free-flow speed edited in iNode.
--
-- link_id: the link
-- month: the local month, such as 2026-10
-- length_m: the length along the road in that month; NULL if it or a sensor changed within the month
-- origin_sensor_id: the sensor at which it began in that month; NULL as length_m
-- destination_sensor_id: the sensor at which it ended in that month; NULL as length_m
-- is_mixed: the length or a sensor changed within the month, so that its times are those of two roads
-- configuration_changed (boolean): no index, since the length or a sensor changed within the month or is not that
--     of any baseline of the link; `inode-pipeline baselines freeze` makes one from the new configuration
-- baseline_method: which baseline it is measured against; see link_baselines; NULL where there is none
-- baseline_version (bigint): the version of that baseline; NULL where there is none, or where there are several
-- free_flow_s: the travel time at free flow, of the baseline in force in that month
WITH months AS @once() (
  SELECT month, min(local_date) AS first_date, max(local_date) AS last_date FROM internal_days GROUP BY month
),
configured AS @once() (
  SELECT
    c.link_id,
    m.month,
    count(*) > 1 AS is_mixed,
    max(c.length_m) AS length_m,
    max(c.origin_sensor_id) AS origin_sensor_id,
    max(c.destination_sensor_id) AS destination_sensor_id
  FROM months AS m
  JOIN internal_link_configurations AS c ON c.valid_from <= m.last_date AND c.valid_to > m.first_date
  GROUP BY c.link_id, m.month
),
frozen AS @once() (
  SELECT
    b.link_id,
    b.method,
    b.version,
    b.free_flow_travel_time_s,
    b.frozen_at,
    @month(@epoch(b.frozen_at) + 60 * z.offset_min) AS frozen_month,
    COALESCE(b.length_m, c.length_m) AS length_m,
    COALESCE(b.origin_sensor_id, c.origin_sensor_id) AS origin_sensor_id,
    COALESCE(b.destination_sensor_id, c.destination_sensor_id) AS destination_sensor_id
  FROM link_baselines AS b
  JOIN zone_offsets AS z ON z.from_utc <= b.frozen_at AND z.to_utc > b.frozen_at
  JOIN internal_link_configurations AS c
    ON c.link_id = b.link_id AND c.valid_from <= b.to_date AND c.valid_to > b.to_date
),
ranked AS (
  SELECT
    c.link_id,
    c.month,
    f.method,
    f.version,
    f.free_flow_travel_time_s,
    row_number() OVER (
      PARTITION BY c.link_id, c.month
      ORDER BY
        CASE WHEN f.frozen_month <= c.month THEN 0 ELSE 1 END,
        CASE WHEN f.frozen_month <= c.month THEN -@epoch(f.frozen_at) ELSE @epoch(f.frozen_at) END,
        f.method DESC,
        CASE WHEN f.frozen_month <= c.month THEN -f.version ELSE f.version END
    ) AS place
  FROM configured AS c
  JOIN frozen AS f
    ON f.link_id = c.link_id
    AND COALESCE(f.length_m, -1) = COALESCE(c.length_m, -1)
    AND COALESCE(f.origin_sensor_id, '') = COALESCE(c.origin_sensor_id, '')
    AND COALESCE(f.destination_sensor_id, '') = COALESCE(c.destination_sensor_id, '')
  WHERE NOT c.is_mixed
),
chosen AS @once() (
  SELECT
    c.link_id,
    c.month,
    CASE WHEN NOT c.is_mixed THEN c.length_m END AS length_m,
    CASE WHEN NOT c.is_mixed THEN c.origin_sensor_id END AS origin_sensor_id,
    CASE WHEN NOT c.is_mixed THEN c.destination_sensor_id END AS destination_sensor_id,
    c.is_mixed,
    c.is_mixed OR (r.link_id IS NULL AND c.link_id IN (SELECT link_id FROM link_baselines)) AS configuration_changed,
    r.method,
    r.version,
    r.free_flow_travel_time_s
  FROM configured AS c
  LEFT JOIN ranked AS r ON r.link_id = c.link_id AND r.month = c.month AND r.place = 1
)
SELECT
  link_id,
  month,
  length_m,
  origin_sensor_id,
  destination_sensor_id,
  is_mixed,
  configuration_changed,
  method AS baseline_method,
  version AS baseline_version,
  free_flow_travel_time_s AS free_flow_s
FROM chosen
