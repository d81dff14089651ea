-- One row per listed link that is slower than 90 % of its free flow, measured within the hour before now. Threshold:
-- FHWA Urban Congestion Report, ops.fhwa.dot.gov/perf_measurement/ucr/documentation.htm. Free flow is the speed that
-- iNode states today.
--
-- link_id: the link
-- name: its name
-- last_speed_kmh: the newest measured speed
-- free_flow_speed_kmh: the free-flow speed that iNode states today
-- speed_ratio (double): measured over free-flow speed; 1 is free flow
-- last_sample_count: how many vehicles that rests on; NULL if unknown
-- minutes_old (bigint): how long before now it was measured
SELECT
  l.link_id,
  l.name,
  l.last_speed_kmh,
  l.free_flow_speed_kmh,
  l.last_speed_kmh / l.free_flow_speed_kmh AS speed_ratio,
  l.last_sample_count,
  (n.now_epoch_s - @epoch(l.last_observed_at)) / 60 AS minutes_old
FROM links AS l
CROSS JOIN data_now AS n
CROSS JOIN internal_floors AS r
WHERE l.deleted_at IS NULL
  AND l.free_flow_speed_kmh > 0
  AND 100.0000001 * l.last_speed_kmh < r.congested_threshold_pct * l.free_flow_speed_kmh
  AND l.last_observed_at >= @instant(n.now_epoch_s - 3600)
