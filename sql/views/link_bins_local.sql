-- One row per link and 15-minute bin, with what the local clock showed when the bin began: for questions that no other
-- view answers. The hour that the clock shows twice in autumn has two rows that differ in offset_min.
--
-- link_id: the link
-- name: its name
-- bin_start_at: where the quarter hour begins, in UTC
-- bin_start_local (local timestamp): what the local clock showed then
-- local_date: the date in the warehouse's time zone
-- local_hour: the hour that the local clock shows, 0 to 23
-- weekday (bigint): 1 is Monday, 7 is Sunday
-- offset_min: what local time is ahead of UTC
-- mean_travel_time_s: the mean travel time of the bin
-- speed_kmh: length over mean travel time, with the length of that date
-- n_observations: how many measurements the bin rests on
-- sample_count: how many vehicles they rest on; NULL if unknown
SELECT
  b.link_id,
  l.name,
  b.bin_start_at,
  @timestamp(@epoch(b.bin_start_at) + 60 * z.offset_min) AS bin_start_local,
  @date(@epoch(b.bin_start_at) + 60 * z.offset_min) AS local_date,
  (@epoch(b.bin_start_at) + 60 * z.offset_min) % 86400 / 3600 AS local_hour,
  ((@epoch(b.bin_start_at) + 60 * z.offset_min) / 86400 + 3) % 7 + 1 AS weekday,
  z.offset_min,
  b.mean_travel_time_s,
  3.6 * c.length_m / b.mean_travel_time_s AS speed_kmh,
  b.n_observations,
  b.sample_count
FROM link_bins AS b
JOIN links AS l ON l.link_id = b.link_id
JOIN zone_offsets AS z ON z.from_utc <= b.bin_start_at AND z.to_utc > b.bin_start_at
JOIN internal_link_configurations AS c
  ON c.link_id = b.link_id
  AND c.valid_from <= @date(@epoch(b.bin_start_at) + 60 * z.offset_min)
  AND c.valid_to > @date(@epoch(b.bin_start_at) + 60 * z.offset_min)
