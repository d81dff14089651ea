-- Internal: one row per link and year, and one per link and the 365 days before today (is_rolling): P80 over P50 of the
-- 15-minute bins in each of the four periods of 23 CFR 490.511. Travel times are rounded to whole seconds, so bins are
-- counted by second before anything is sorted.
--
-- link_id: the link
-- is_rolling: the 365 days before today, not a year of the calendar
-- year (bigint): the local year; NULL where is_rolling
-- first_day (bigint): the first local date in days since 1970
-- next_first_day (bigint): the first local date that no longer counts
-- lottr_weekday_06_10 (double): P80 over P50, weekdays 06:00 to 10:00
-- lottr_weekday_10_16 (double): P80 over P50, weekdays 10:00 to 16:00
-- lottr_weekday_16_20 (double): P80 over P50, weekdays 16:00 to 20:00
-- lottr_weekend_06_20 (double): P80 over P50, weekends 06:00 to 20:00
-- is_reliable: all four are below 1.50
-- configuration_changed (boolean): no ratio, since the length or a sensor changed in that time
-- n_bins: the bins it rests on
-- n_days: the local dates with data it rests on
-- coverage_pct: quarter hours with data over those of the calendar, of the period with the least
WITH RECURSIVE spans AS (
  SELECT
    0 AS is_rolling,
    year,
    -- 1 January of a year is so many days after 1970.
    365 * (year - 1970) + (year - 1969) / 4 - (year - 1901) / 100 + (year - 1601) / 400 AS first_day,
    365 * (year - 1969) + (year - 1968) / 4 - (year - 1900) / 100 + (year - 1600) / 400 AS next_first_day
  FROM (SELECT DISTINCT CAST(substr(month, 1, 4) AS bigint) AS year FROM internal_days) AS y
  UNION ALL
  SELECT 1, CAST(NULL AS bigint), now_local_s / 86400 - 365, now_local_s / 86400 FROM data_now
),
-- The days of the whole span, measured or not.
calendar_days (first_day, next_first_day, day_number) AS (
  SELECT first_day, next_first_day, first_day FROM spans
  UNION ALL
  SELECT first_day, next_first_day, day_number + 1 FROM calendar_days WHERE day_number + 1 < next_first_day
),
expected AS @once() (
  SELECT
    d.first_day,
    d.next_first_day,
    p.day_kind,
    p.from_minute,
    CAST(sum((p.to_minute - p.from_minute) / 15) AS bigint) AS bins_expected
  FROM calendar_days AS d
  JOIN time_periods AS p
    ON p.scheme = 'cfr' AND p.day_kind = CASE WHEN (d.day_number + 3) % 7 < 5 THEN 'weekday' ELSE 'weekend' END
  LEFT JOIN calendar AS c ON c.local_date = @date(86400 * d.day_number)
  WHERE NOT COALESCE(c.is_excluded, false)
  GROUP BY d.first_day, d.next_first_day, p.day_kind, p.from_minute
),
periods AS (
  SELECT p.link_id, s.is_rolling, s.year, s.first_day, s.next_first_day, p.day_kind, p.from_minute, p.day_number,
    p.starts_at, p.ends_at
  FROM spans AS s
  JOIN internal_link_periods AS p ON p.day_number >= s.first_day AND p.day_number < s.next_first_day
  WHERE p.scheme = 'cfr'
    AND (
      (p.day_kind = 'weekday' AND p.from_minute = 360 AND p.to_minute = 600)
      OR (p.day_kind = 'weekday' AND p.from_minute = 600 AND p.to_minute = 960)
      OR (p.day_kind = 'weekday' AND p.from_minute = 960 AND p.to_minute = 1200)
      OR (p.day_kind = 'weekend' AND p.from_minute = 360 AND p.to_minute = 1200)
    )
),
-- How many bins take how many seconds.
counts AS (
  SELECT
    p.link_id,
    p.is_rolling,
    p.year,
    p.first_day,
    p.next_first_day,
    p.day_kind,
    p.from_minute,
    @whole(b.mean_travel_time_s) AS x,
    count(*) AS bins
  FROM periods AS p
  CROSS JOIN @bins_of(p)
  GROUP BY
    p.link_id, p.is_rolling, p.year, p.first_day, p.next_first_day, p.day_kind, p.from_minute,
    @whole(b.mean_travel_time_s)
),
summed AS (
  SELECT
    c.*,
    CAST(sum(bins) OVER (PARTITION BY link_id, is_rolling, year, day_kind, from_minute ORDER BY x) AS bigint) AS up_to,
    CAST(sum(bins) OVER (PARTITION BY link_id, is_rolling, year, day_kind, from_minute) AS bigint) AS n
  FROM counts AS c
),
-- The two values around the rank 1 + (n - 1) p / 100; in hundredths their mean is exact.
ranked AS (
  SELECT DISTINCT
    link_id,
    is_rolling,
    year,
    first_day,
    next_first_day,
    day_kind,
    from_minute,
    n,
    min(CASE WHEN up_to > (n - 1) * 80 / 100 THEN x END) OVER g * (100 - (n - 1) * 80 % 100)
      + COALESCE(min(CASE WHEN up_to > (n - 1) * 80 / 100 + 1 THEN x END) OVER g, 0) * ((n - 1) * 80 % 100) AS p80,
    min(CASE WHEN up_to > (n - 1) * 50 / 100 THEN x END) OVER g * (100 - (n - 1) * 50 % 100)
      + COALESCE(min(CASE WHEN up_to > (n - 1) * 50 / 100 + 1 THEN x END) OVER g, 0) * ((n - 1) * 50 % 100) AS p50
  FROM summed
  WINDOW g AS (PARTITION BY link_id, is_rolling, year, day_kind, from_minute)
),
days AS (
  SELECT p.link_id, p.is_rolling, p.year, p.day_kind, p.from_minute, count(DISTINCT p.day_number) AS n_days
  FROM periods AS p
  WHERE (
    SELECT min(b.bin_start_at) FROM link_bins AS b
    WHERE b.link_id = p.link_id AND b.bin_start_at >= p.starts_at AND b.bin_start_at < p.ends_at
  ) IS NOT NULL
  GROUP BY p.link_id, p.is_rolling, p.year, p.day_kind, p.from_minute
),
judged AS (
  SELECT
    r.link_id,
    r.is_rolling,
    r.year,
    r.first_day,
    r.next_first_day,
    r.day_kind,
    r.from_minute,
    r.n,
    d.n_days,
    CAST(100 * r.n AS double precision) / e.bins_expected AS coverage_pct,
    CASE
      WHEN 100 * r.n >= f.min_coverage_pct * e.bins_expected AND d.n_days >= f.min_days AND r.p50 > 0
        THEN (200 * r.p80 + r.p50) / (2 * r.p50)
    END AS hundredths
  FROM ranked AS r
  JOIN days AS d
    ON d.link_id = r.link_id AND d.is_rolling = r.is_rolling AND COALESCE(d.year, 0) = COALESCE(r.year, 0)
    AND d.day_kind = r.day_kind AND d.from_minute = r.from_minute
  JOIN expected AS e
    ON e.first_day = r.first_day AND e.next_first_day = r.next_first_day
    AND e.day_kind = r.day_kind AND e.from_minute = r.from_minute
  CROSS JOIN internal_floors AS f
),
sides AS (
  SELECT DISTINCT
    link_id,
    is_rolling,
    year,
    first_day,
    next_first_day,
    max(CASE WHEN day_kind = 'weekday' AND from_minute = 360 THEN hundredths END) OVER g AS weekday_06_10,
    max(CASE WHEN day_kind = 'weekday' AND from_minute = 600 THEN hundredths END) OVER g AS weekday_10_16,
    max(CASE WHEN day_kind = 'weekday' AND from_minute = 960 THEN hundredths END) OVER g AS weekday_16_20,
    max(CASE WHEN day_kind = 'weekend' THEN hundredths END) OVER g AS weekend_06_20,
    count(hundredths) OVER g AS periods,
    CAST(sum(n) OVER g AS bigint) AS n_bins,
    max(CASE WHEN day_kind = 'weekday' THEN n_days ELSE 0 END) OVER g
      + max(CASE WHEN day_kind = 'weekend' THEN n_days ELSE 0 END) OVER g AS n_days,
    CASE WHEN count(*) OVER g = 4 THEN min(coverage_pct) OVER g ELSE 0 END AS coverage_pct
  FROM judged
  WINDOW g AS (PARTITION BY link_id, is_rolling, year)
),
changed AS @once() (
  SELECT s.first_day, s.next_first_day, c.link_id
  FROM spans AS s
  JOIN internal_link_configurations AS c
    ON c.valid_from < @date(86400 * s.next_first_day) AND c.valid_to > @date(86400 * s.first_day)
  GROUP BY s.first_day, s.next_first_day, c.link_id
  HAVING count(*) > 1
),
-- A year that is not over, or with two lengths or other sensors in it, has no ratio.
complete AS (
  SELECT
    s.*,
    c.link_id IS NOT NULL AS configuration_changed,
    s.periods = 4 AND c.link_id IS NULL AND s.next_first_day <= n.now_local_s / 86400 AS is_complete
  FROM sides AS s
  CROSS JOIN data_now AS n
  LEFT JOIN changed AS c
    ON c.link_id = s.link_id AND c.first_day = s.first_day AND c.next_first_day = s.next_first_day
)
SELECT
  link_id,
  is_rolling = 1 AS is_rolling,
  year,
  first_day,
  next_first_day,
  CASE WHEN is_complete THEN CAST(weekday_06_10 AS double precision) / 100 END AS lottr_weekday_06_10,
  CASE WHEN is_complete THEN CAST(weekday_10_16 AS double precision) / 100 END AS lottr_weekday_10_16,
  CASE WHEN is_complete THEN CAST(weekday_16_20 AS double precision) / 100 END AS lottr_weekday_16_20,
  CASE WHEN is_complete THEN CAST(weekend_06_20 AS double precision) / 100 END AS lottr_weekend_06_20,
  CASE
    WHEN is_complete
      THEN weekday_06_10 < 150 AND weekday_10_16 < 150 AND weekday_16_20 < 150 AND weekend_06_20 < 150
  END AS is_reliable,
  configuration_changed,
  n_bins,
  n_days,
  coverage_pct
FROM complete
