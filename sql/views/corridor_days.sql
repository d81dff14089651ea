-- One row per corridor and local day: its links on that day and their free-flow times together, with the baselines of
-- that day's month. free_flow_s is NULL if one of the links has no baseline.
--
-- corridor_id: the corridor
-- day_number (bigint): the local date in days since 1970
-- local_date: the date in the warehouse's time zone
-- month: the local month, such as 2026-10
-- weekday (bigint): 1 is Monday, 7 is Sunday
-- is_holiday: a public holiday of the calendar
-- links_total: the links of the corridor
-- free_flow_s: the travel time at free flow, of the baseline in force in that month
-- length_m: the length along the road, as iNode has it today
-- baseline_method: which baseline it is measured against; see link_baselines; NULL where there is none
-- baseline_version (bigint): the version of that baseline; NULL where there is none, or where there are several
SELECT
  c.corridor_id,
  d.day_number,
  d.local_date,
  d.month,
  d.weekday,
  d.is_holiday,
  count(*) AS links_total,
  CASE WHEN count(c.free_flow_s) = count(*) THEN sum(c.free_flow_s) END AS free_flow_s,
  CASE WHEN count(l.length_m) = count(*) THEN sum(l.length_m) END AS length_m,
  CASE
    WHEN count(c.free_flow_s) < count(*) THEN NULL
    WHEN min(c.baseline_method) = max(c.baseline_method) THEN min(c.baseline_method)
    ELSE 'mixed'
  END AS baseline_method,
  CASE
    WHEN count(c.free_flow_s) = count(*) AND min(c.baseline_version) = max(c.baseline_version)
      THEN min(c.baseline_version)
  END AS baseline_version
FROM corridor_link_months AS c
JOIN local_days AS d
  ON d.month = c.month AND d.local_date >= c.valid_from AND (c.valid_to IS NULL OR d.local_date < c.valid_to)
LEFT JOIN links AS l ON l.link_id = c.link_id
GROUP BY c.corridor_id, d.day_number, d.local_date, d.month, d.weekday, d.is_holiday
