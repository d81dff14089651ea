-- One row per link that iNode lists. last_observed_at_local is the newest measurement on the local clock; NULL if there
-- never was one.
--
-- link_id: the link
-- name: its name
-- data_source: Sensor or Crowdsourced
-- length_m: the length along the road, as iNode has it today
-- free_flow_speed_kmh: the free-flow speed that iNode states today
-- sensors: from which sensor to which
-- last_observed_at_local (local timestamp): the newest measurement, on the local clock
-- status: its status in iNode
-- grid: its grid in iNode
SELECT
  l.link_id,
  l.name,
  l.data_source,
  l.length_m,
  l.free_flow_speed_kmh,
  COALESCE(l.origin_sensor_name, l.origin_sensor_id, '?') || ' to '
    || COALESCE(l.destination_sensor_name, l.destination_sensor_id, '?') AS sensors,
  @timestamp(@epoch(l.observed_at) + 60 * z.offset_min) AS last_observed_at_local,
  l.status,
  l.grid
FROM (
  SELECT k.*, (SELECT max(o.observed_at) FROM link_observations AS o WHERE o.link_id = k.link_id) AS observed_at
  FROM links AS k
  WHERE k.deleted_at IS NULL
) AS l
LEFT JOIN zone_offsets AS z ON z.from_utc <= l.observed_at AND z.to_utc > l.observed_at
