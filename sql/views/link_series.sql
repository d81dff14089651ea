-- The series of a link. One row per link, grain and local time: its mean travel time and speed in that quarter hour,
-- hour or day. Every 15-minute bin weighs alike. A time at which the link was listed and not measured has a row too, its
-- travel time NULL and its coverage 0, so that a chart shows the gap. The hour that the clock shows twice in autumn has
-- two rows that differ in offset_min. Name the link, the grain and the dates: there are many rows.
--
-- link_id: the link
-- name: its name
-- grain: 15min, hour or day
-- starts_at_local (local timestamp): what the local clock shows at the beginning
-- starts_at: the beginning in UTC
-- offset_min: what local time is ahead of UTC
-- local_date: the date in the warehouse's time zone
-- month: the local month, such as 2026-10
-- weekday (bigint): 1 is Monday, 7 is Sunday
-- local_hour: the hour that the local clock shows, 0 to 23
-- is_holiday: a public holiday of the calendar
-- is_excluded: a day that a person has taken out of every index
-- travel_time_s: the mean travel time
-- speed_kmh: length over mean travel time, with the length of that date
-- n_bins: the bins it rests on
-- bins_expected (bigint): the quarter hours it has, until now if it is not over
-- coverage_pct: quarter hours with data over those of the calendar
WITH quarters (k) AS (
  SELECT 0 UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3
),
slots AS (
  SELECT
    'day' AS grain, local_date, month, weekday, 0 AS local_hour, is_holiday, is_excluded, starts_at, ends_at, bins_expected
  FROM internal_days
  UNION ALL
  SELECT 'hour', local_date, month, weekday, local_hour, is_holiday, is_excluded, starts_at, ends_at, bins_expected
  FROM internal_hours
  UNION ALL
  SELECT
    '15min', h.local_date, h.month, h.weekday, h.local_hour, h.is_holiday, h.is_excluded,
    @instant(@epoch(h.starts_at) + 900 * q.k), @instant(@epoch(h.starts_at) + 900 * q.k + 900), 1
  FROM internal_hours AS h
  JOIN quarters AS q ON q.k < h.bins_expected
),
measured AS (
  SELECT
    l.link_id,
    l.name,
    l.first_seen_at,
    l.deleted_at,
    s.*,
    (
      SELECT avg(b.mean_travel_time_s) FROM link_bins AS b
      WHERE b.link_id = l.link_id AND b.bin_start_at >= s.starts_at AND b.bin_start_at < s.ends_at
    ) AS travel_time_s,
    (
      SELECT count(*) FROM link_bins AS b
      WHERE b.link_id = l.link_id AND b.bin_start_at >= s.starts_at AND b.bin_start_at < s.ends_at
    ) AS n_bins
  FROM links AS l
  CROSS JOIN slots AS s
)
SELECT
  m.link_id,
  m.name,
  m.grain,
  @timestamp(@epoch(m.starts_at) + 60 * z.offset_min) AS starts_at_local,
  m.starts_at,
  z.offset_min,
  m.local_date,
  m.month,
  m.weekday,
  m.local_hour,
  m.is_holiday,
  m.is_excluded,
  m.travel_time_s,
  3.6 * c.length_m / m.travel_time_s AS speed_kmh,
  m.n_bins,
  m.bins_expected,
  CAST(100 * m.n_bins AS double precision) / m.bins_expected AS coverage_pct
FROM measured AS m
JOIN zone_offsets AS z ON z.from_utc <= m.starts_at AND z.to_utc > m.starts_at
JOIN internal_link_configurations AS c
  ON c.link_id = m.link_id AND c.valid_from <= m.local_date AND c.valid_to > m.local_date
WHERE m.n_bins > 0
  OR m.first_seen_at < m.ends_at AND (m.deleted_at IS NULL OR m.deleted_at > m.starts_at)
