-- One row per link and hour of today's local clock: how much longer the link takes than it typically does. typical_s is
-- what the same quarter hours take on the same weekday of the previous 12 weeks, as iNode's own historical alerts have
-- it (knowledge.smats.info, alert rules): the mean over the weeks of each quarter hour that was measured today, and the
-- mean of those. So an hour that has only begun is compared with its beginning. Excluded days, holidays and days on
-- which the link had another length or other sensors than today are left out; n_weeks counts those that remain.
-- unusual_delay is NULL with fewer than 6 of them.
--
-- link_id: the link
-- name: its name
-- local_hour: the hour that the local clock shows, 0 to 23
-- travel_time_s: the mean travel time
-- typical_s: what the same quarter hours of that weekday take in the previous 12 weeks
-- n_weeks: how many of those weeks have data
-- unusual_delay_s: how much longer than typical; NULL with too few weeks
-- unusual_delay_pct: the same as a share of typical; NULL with too few weeks
-- n_bins: the bins of today it rests on
-- coverage_pct: quarter hours with data over those of the calendar
-- configuration_changed (boolean): the link had another length or other sensors within those 12 weeks
WITH spans AS @once() (
  SELECT
    s.day_number,
    s.local_date,
    s.offset_min,
    s.day_number = n.now_local_s / 86400 AS is_today,
    @instant(s.from_epoch_s) AS starts_at,
    @instant(s.to_epoch_s) AS ends_at
  FROM data_now AS n
  JOIN internal_segments AS s
    ON s.day_number > n.now_local_s / 86400 - 85
    AND (n.now_local_s / 86400 - s.day_number) % 7 = 0
    AND (s.day_number = n.now_local_s / 86400 OR NOT (s.is_excluded OR s.is_holiday))
),
link_spans AS @once() (
  SELECT
    r.link_id,
    s.day_number,
    s.offset_min,
    s.is_today,
    s.starts_at,
    s.ends_at,
    s.local_date >= r.valid_from AND s.local_date < r.valid_to AS is_same
  FROM spans AS s
  JOIN data_now AS n ON s.day_number <= n.now_local_s / 86400
  JOIN internal_link_configurations AS r ON r.valid_from <= n.local_date AND r.valid_to > n.local_date
),
bins AS @once() (
  SELECT
    s.link_id,
    s.day_number,
    s.is_today,
    (@epoch(b.bin_start_at) + 60 * s.offset_min) % 86400 / 900 AS quarter,
    b.mean_travel_time_s AS x
  FROM link_spans AS s
  CROSS JOIN @bins_of(s)
  WHERE s.is_same
),
today AS @once() (
  SELECT link_id, quarter, avg(x) AS x, count(*) AS n_bins FROM bins WHERE is_today GROUP BY link_id, quarter
),
-- Of each earlier day, with how many days share its quarter hour: the sum of x / n is the sum of the quarters' means.
earlier AS (
  SELECT b.link_id, b.quarter, b.day_number, b.x, count(*) OVER (PARTITION BY b.link_id, b.quarter) AS n
  FROM bins AS b
  JOIN today AS t ON t.link_id = b.link_id AND t.quarter = b.quarter
  WHERE NOT b.is_today
),
typical AS @once() (
  SELECT
    link_id,
    quarter / 4 AS local_hour,
    sum(x / n) / count(DISTINCT quarter) AS typical_s,
    count(DISTINCT day_number) AS n_weeks
  FROM earlier
  GROUP BY link_id, quarter / 4
),
hours AS @once() (
  SELECT
    t.link_id,
    t.quarter / 4 AS local_hour,
    avg(t.x) AS travel_time_s,
    CAST(sum(t.n_bins) AS bigint) AS n_bins
  FROM today AS t
  GROUP BY t.link_id, t.quarter / 4
),
expected AS (
  SELECT h.local_hour, CAST(sum(h.bins_expected) AS bigint) AS bins_expected
  FROM internal_hours AS h
  JOIN data_now AS n ON n.local_date = h.local_date
  GROUP BY h.local_hour
),
changed AS (
  SELECT link_id FROM link_spans GROUP BY link_id HAVING count(CASE WHEN NOT is_same THEN 1 END) > 0
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
  CAST(100 * t.n_bins AS double precision) / e.bins_expected AS coverage_pct,
  t.link_id IN (SELECT link_id FROM changed) AS configuration_changed
FROM hours AS t
JOIN links AS l ON l.link_id = t.link_id
JOIN expected AS e ON e.local_hour = t.local_hour
LEFT JOIN typical AS y ON y.link_id = t.link_id AND y.local_hour = t.local_hour
CROSS JOIN internal_floors AS r
