-- One row per link and hour of today's local clock: how much longer the link takes than it typically does. typical_s
-- is the mean of the bins of the same weekday and hour in the previous 12 weeks, as iNode's own historical alerts
-- have it (knowledge.smats.info, alert rules); excluded days are left out. unusual_delay is NULL with fewer than 6 of
-- those weeks.
--
-- link_id: the link
-- name: its name
-- local_hour: the hour that the local clock shows, 0 to 23
-- travel_time_s: the mean travel time
-- typical_s: the mean of the same weekday and hour in the previous 12 weeks
-- n_weeks: how many of those weeks have data
-- unusual_delay_s: how much longer than typical; NULL with too few weeks
-- unusual_delay_pct: the same as a share of typical; NULL with too few weeks
-- n_bins: the bins it rests on
-- coverage_pct: quarter hours with data over those of the calendar
WITH today AS (
  SELECT
    b.link_id,
    h.local_hour,
    avg(b.mean_travel_time_s) AS travel_time_s,
    count(*) AS n_bins,
    CAST(100 * count(*) AS double precision) / max(d.bins_expected) AS coverage_pct
  FROM data_now AS n
  JOIN local_hours AS h ON h.local_date = n.local_date
  JOIN (
    SELECT local_date, local_hour, CAST(sum(bins_expected) AS bigint) AS bins_expected
    FROM local_hours GROUP BY local_date, local_hour
  ) AS d ON d.local_date = h.local_date AND d.local_hour = h.local_hour
  CROSS JOIN links AS l
  CROSS JOIN link_bins AS b
  WHERE b.link_id = l.link_id AND b.bin_start_at >= h.starts_at AND b.bin_start_at < h.ends_at
  GROUP BY b.link_id, h.local_hour
),
typical AS (
  SELECT
    b.link_id,
    h.local_hour,
    avg(b.mean_travel_time_s) AS typical_s,
    count(DISTINCT h.day_number) AS n_weeks
  FROM data_now AS n
  JOIN local_hours AS h
    ON h.day_number < n.now_local_s / 86400
    AND h.day_number >= n.now_local_s / 86400 - 84
    AND (n.now_local_s / 86400 - h.day_number) % 7 = 0
    AND NOT h.is_excluded
  CROSS JOIN links AS l
  CROSS JOIN link_bins AS b
  WHERE b.link_id = l.link_id AND b.bin_start_at >= h.starts_at AND b.bin_start_at < h.ends_at
  GROUP BY b.link_id, h.local_hour
)
SELECT
  t.link_id,
  l.name,
  t.local_hour,
  t.travel_time_s,
  y.typical_s,
  COALESCE(y.n_weeks, 0) AS n_weeks,
  CASE WHEN y.n_weeks >= r.unusual_delay_min_weeks THEN t.travel_time_s - y.typical_s END AS unusual_delay_s,
  CASE WHEN y.n_weeks >= r.unusual_delay_min_weeks
    THEN 100 * (t.travel_time_s - y.typical_s) / y.typical_s END AS unusual_delay_pct,
  t.n_bins,
  t.coverage_pct
FROM today AS t
JOIN links AS l ON l.link_id = t.link_id
LEFT JOIN typical AS y ON y.link_id = t.link_id AND y.local_hour = t.local_hour
CROSS JOIN index_floors AS r
