-- Internal: one row per corridor, period and 15-minute bin: the corridor's travel time in that quarter hour, the sum of
-- its links'. It is given only if the links that report cover at least 80 % of the free-flow time
-- (corridor_min_coverage_pct), and is then expanded to the whole by free-flow time (is_expanded). Without a baseline it
-- is given only if every link reports. A sum of the times that links show at one moment is not a driven trip: a driver
-- who enters now reaches the last link later. Links whose length or sensors changed are left out.
--
-- corridor_id: the corridor
-- month: the local month, such as 2026-10
-- period_name: the period; see time_periods
-- local_date: the date in the warehouse's time zone
-- weekday (bigint): 1 is Monday, 7 is Sunday
-- is_holiday: a public holiday of the calendar
-- bin_start_at: where the quarter hour begins, in UTC
-- is_first_of_day: the first such bin of the period on that day, by which days are counted
-- travel_time_s: the mean travel time
-- free_flow_s: the travel time at free flow, of the baseline in force in that month
-- length_m: the length along the road in that month
-- links_total: the links of the corridor
-- links_left_out: those whose length or sensors changed; the corridor does without them
-- links_with_data: those that report
-- is_expanded: a link was missing and made up by free flow
-- baseline_method: which baseline it is measured against; see link_baselines; NULL where there is none
-- baseline_version (bigint): the version of that baseline; NULL where there is none, or where there are several
WITH placed AS (
  SELECT
    c.corridor_id, c.link_id, p.month, p.period_name, p.day_number, p.starts_at, p.ends_at, c.free_flow_s
  FROM internal_corridor_links AS c
  JOIN internal_periods AS p
    ON p.month = c.month AND p.local_date >= c.valid_from AND (c.valid_to IS NULL OR p.local_date < c.valid_to)
  WHERE NOT c.is_left_out
  @in_order_of(c.corridor_id, p.day_number, p.month, p.period_name)
),
sums AS (
  SELECT
    p.corridor_id,
    p.month,
    p.period_name,
    p.day_number,
    b.bin_start_at,
    sum(b.mean_travel_time_s) AS covered_s,
    sum(p.free_flow_s) AS covered_free_flow_s,
    count(*) AS links_with_data
  FROM placed AS p
  CROSS JOIN @bins_of(p)
  GROUP BY p.corridor_id, p.day_number, p.month, p.period_name, b.bin_start_at
)
SELECT
  s.corridor_id,
  s.month,
  s.period_name,
  d.local_date,
  d.weekday,
  d.is_holiday,
  s.bin_start_at,
  row_number() OVER (
    PARTITION BY s.corridor_id, s.month, s.period_name, s.day_number ORDER BY s.bin_start_at
  ) = 1 AS is_first_of_day,
  CASE
    WHEN s.links_with_data = d.links_total - d.links_left_out THEN s.covered_s
    ELSE s.covered_s * d.free_flow_s / s.covered_free_flow_s
  END AS travel_time_s,
  d.free_flow_s,
  d.length_m,
  d.links_total,
  d.links_left_out,
  s.links_with_data,
  s.links_with_data < d.links_total - d.links_left_out AS is_expanded,
  d.baseline_method,
  d.baseline_version
FROM sums AS s
JOIN internal_corridor_days AS d
  ON d.corridor_id = s.corridor_id AND d.day_number = s.day_number AND d.month = s.month
CROSS JOIN internal_floors AS r
WHERE s.links_with_data = d.links_total - d.links_left_out
  -- Exactly the threshold is enough, whatever the last bit of the two sums says.
  OR 100.0000001 * s.covered_free_flow_s >= r.corridor_min_coverage_pct * d.free_flow_s
