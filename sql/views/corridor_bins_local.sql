-- One row per corridor and 15-minute bin of any hour, with what the local clock showed when it began: the series of a
-- corridor, from which its week and its hours come. The corridor's travel time is the sum of its links' in that quarter
-- hour, given only if the links that report cover at least 80 % of the free-flow time (corridor_min_coverage_pct), and
-- then expanded to the whole by free-flow time (is_expanded); for want of a baseline, only if every link reports. A sum
-- of the times that links show at one moment is not a driven trip. Name the month: there are many rows.
--
-- corridor_id: the corridor
-- name: its name
-- bin_start_at: where the quarter hour begins, in UTC
-- bin_start_local (local timestamp): what the local clock showed then
-- offset_min: what local time is ahead of UTC
-- month: the local month, such as 2026-10
-- local_date: the date in the warehouse's time zone
-- local_hour: the hour that the local clock shows, 0 to 23
-- weekday (bigint): 1 is Monday, 7 is Sunday
-- is_holiday: a public holiday of the calendar
-- is_excluded: a day that a person has taken out of every index
-- travel_time_s: the mean travel time
-- speed_kmh: length over mean travel time
-- links_total: the links of the corridor
-- links_left_out: those whose length or sensors changed; the corridor does without them
-- links_with_data: those of them that report
-- is_expanded: a link was missing and made up by free flow
WITH placed AS (
  SELECT
    c.corridor_id,
    c.link_id,
    d.month,
    d.day_number,
    d.offset_min,
    @instant(d.from_epoch_s) AS starts_at,
    @instant(d.to_epoch_s) AS ends_at,
    c.free_flow_s
  FROM internal_corridor_links AS c
  JOIN internal_segments AS d
    ON d.month = c.month AND d.local_date >= c.valid_from AND (c.valid_to IS NULL OR d.local_date < c.valid_to)
  WHERE NOT c.is_left_out
  @in_order_of(c.corridor_id, d.day_number, d.month, d.offset_min)
),
sums AS (
  SELECT
    p.corridor_id,
    p.month,
    p.day_number,
    p.offset_min,
    b.bin_start_at,
    sum(b.mean_travel_time_s) AS covered_s,
    sum(p.free_flow_s) AS covered_free_flow_s,
    count(*) AS links_with_data
  FROM placed AS p
  CROSS JOIN @bins_of(p)
  GROUP BY p.corridor_id, p.day_number, p.month, p.offset_min, b.bin_start_at
),
timed AS (
  SELECT
    s.corridor_id,
    s.month,
    s.day_number,
    s.offset_min,
    s.bin_start_at,
    d.local_date,
    d.weekday,
    d.is_holiday,
    CASE
      WHEN s.links_with_data = d.links_total - d.links_left_out THEN s.covered_s
      ELSE s.covered_s * d.free_flow_s / s.covered_free_flow_s
    END AS travel_time_s,
    d.length_m,
    d.links_total,
    d.links_left_out,
    s.links_with_data
  FROM sums AS s
  JOIN internal_corridor_days AS d
    ON d.corridor_id = s.corridor_id AND d.day_number = s.day_number AND d.month = s.month
  CROSS JOIN internal_floors AS r
  WHERE s.links_with_data = d.links_total - d.links_left_out
    OR 100.0000001 * s.covered_free_flow_s >= r.corridor_min_coverage_pct * d.free_flow_s
)
SELECT
  t.corridor_id,
  c.name,
  t.bin_start_at,
  @timestamp(@epoch(t.bin_start_at) + 60 * t.offset_min) AS bin_start_local,
  t.offset_min,
  t.month,
  t.local_date,
  (@epoch(t.bin_start_at) + 60 * t.offset_min) % 86400 / 3600 AS local_hour,
  t.weekday,
  t.is_holiday,
  COALESCE(x.is_excluded, false) AS is_excluded,
  t.travel_time_s,
  3.6 * t.length_m / t.travel_time_s AS speed_kmh,
  t.links_total,
  t.links_left_out,
  t.links_with_data,
  t.links_with_data < t.links_total - t.links_left_out AS is_expanded
FROM timed AS t
JOIN corridors AS c ON c.corridor_id = t.corridor_id
LEFT JOIN calendar AS x ON x.local_date = t.local_date
