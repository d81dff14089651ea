-- Internal: one row per corridor and local day: its links on that day and their free-flow times together, with the
-- baselines of that day's month. All values are of the links that are not left out.
--
-- corridor_id: the corridor
-- day_number (bigint): the local date in days since 1970
-- local_date: the date in the warehouse's time zone
-- month: the local month, such as 2026-10
-- weekday (bigint): 1 is Monday, 7 is Sunday
-- is_holiday: a public holiday of the calendar
-- links_total: the links of the corridor
-- links_left_out: those whose length or sensors changed; the corridor does without them
-- free_flow_s: the travel time at free flow; NULL if one of its links has no baseline
-- length_m: the length along the road in that month
-- baseline_method: which baseline it is measured against; see link_baselines; NULL where there is none
-- baseline_version (bigint): the version of that baseline; NULL where there is none, or where there are several
WITH days AS (
  SELECT
    c.corridor_id,
    d.day_number,
    d.local_date,
    d.month,
    d.weekday,
    d.is_holiday,
    count(*) AS links_total,
    count(CASE WHEN c.is_left_out THEN 1 END) AS links_left_out,
    count(CASE WHEN NOT c.is_left_out THEN c.free_flow_s END) AS links_with_baseline,
    sum(CASE WHEN NOT c.is_left_out THEN c.free_flow_s END) AS free_flow_s,
    count(CASE WHEN NOT c.is_left_out THEN c.length_m END) AS links_with_length,
    sum(CASE WHEN NOT c.is_left_out THEN c.length_m END) AS length_m,
    min(CASE WHEN NOT c.is_left_out THEN c.baseline_method END) AS first_method,
    max(CASE WHEN NOT c.is_left_out THEN c.baseline_method END) AS last_method,
    min(CASE WHEN NOT c.is_left_out THEN c.baseline_version END) AS first_version,
    max(CASE WHEN NOT c.is_left_out THEN c.baseline_version END) AS last_version
  FROM internal_corridor_links AS c
  JOIN internal_days AS d
    ON d.month = c.month AND d.local_date >= c.valid_from AND (c.valid_to IS NULL OR d.local_date < c.valid_to)
  GROUP BY c.corridor_id, d.day_number, d.local_date, d.month, d.weekday, d.is_holiday
)
SELECT
  corridor_id,
  day_number,
  local_date,
  month,
  weekday,
  is_holiday,
  links_total,
  links_left_out,
  CASE WHEN links_with_baseline = links_total - links_left_out THEN free_flow_s END AS free_flow_s,
  CASE WHEN links_with_length = links_total - links_left_out THEN length_m END AS length_m,
  CASE
    WHEN links_with_baseline < links_total - links_left_out THEN NULL
    WHEN first_method = last_method THEN first_method
    ELSE 'mixed'
  END AS baseline_method,
  CASE
    WHEN links_with_baseline = links_total - links_left_out AND first_version = last_version THEN first_version
  END AS baseline_version
FROM days
