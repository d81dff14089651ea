-- One row per link and year: P80 over P50 of the year's 15-minute bins in each of four periods of local time,
-- weekdays 06-10, 10-16, 16-20 and weekends 06-20, holidays included. Travel times are rounded to whole seconds,
-- missing bins are not imputed, a ratio is rounded to the nearest hundredth, and the link is reliable only if all
-- four are below 1.50. The same formula as 23 CFR 490.511, not the reported measure: that one rests on NPMRDS travel
-- times and segments and is weighted by traffic and occupancy. An incomplete year has NULLs: one that is not over, or
-- of which one of the four periods is below index_rules, where coverage is of the whole calendar year, from 1 January
-- on. The ratio needs no free flow, so there is no baseline.
--
-- link_id: the link
-- name: its name
-- year (bigint): the local year
-- lottr_weekday_06_10 (double): P80 over P50, weekdays 06:00 to 10:00
-- lottr_weekday_10_16 (double): P80 over P50, weekdays 10:00 to 16:00
-- lottr_weekday_16_20 (double): P80 over P50, weekdays 16:00 to 20:00
-- lottr_weekend_06_20 (double): P80 over P50, weekends 06:00 to 20:00
-- is_reliable: all four are below 1.50
-- n_bins: the bins it rests on
-- n_days: the local dates with data it rests on
-- coverage_pct: quarter hours with data over those of the calendar
-- baseline_method: which baseline it is measured against; see link_baselines; NULL where there is none
-- baseline_version (bigint): the version of that baseline; NULL where there is none, or where there are several
WITH RECURSIVE bins AS (
  SELECT
    link_id,
    CAST(substr(month, 1, 4) AS bigint) AS year,
    day_kind,
    from_minute,
    day_number,
    @whole(mean_travel_time_s) AS x
  FROM link_period_bins
  WHERE scheme = 'cfr'
    AND (
      (day_kind = 'weekday' AND from_minute = 360 AND to_minute = 600)
      OR (day_kind = 'weekday' AND from_minute = 600 AND to_minute = 960)
      OR (day_kind = 'weekday' AND from_minute = 960 AND to_minute = 1200)
      OR (day_kind = 'weekend' AND from_minute = 360 AND to_minute = 1200)
    )
),
placed AS (
  SELECT
    link_id,
    year,
    day_kind,
    from_minute,
    day_number,
    x,
    row_number() OVER w AS place,
    count(*) OVER w AS n
  FROM bins
  WINDOW w AS (
    PARTITION BY link_id, year, day_kind, from_minute ORDER BY x
    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
  )
),
measures AS (
  SELECT
    link_id,
    year,
    day_kind,
    from_minute,
    @percentile_hundredths(80) AS p80,
    @percentile_hundredths(50) AS p50,
    count(*) AS n_bins,
    count(DISTINCT day_number) AS n_days
  FROM placed
  GROUP BY link_id, year, day_kind, from_minute
),
-- The days of the whole year, measured or not. 1 January of a year is so many days after 1970.
calendar_years AS (
  SELECT
    year,
    365 * (year - 1970) + (year - 1969) / 4 - (year - 1901) / 100 + (year - 1601) / 400 AS first_day,
    365 * (year - 1969) + (year - 1968) / 4 - (year - 1900) / 100 + (year - 1600) / 400 AS next_first_day
  FROM (SELECT DISTINCT CAST(substr(month, 1, 4) AS bigint) AS year FROM local_days) AS y
),
calendar_days (year, day_number, next_first_day) AS (
  SELECT year, first_day, next_first_day FROM calendar_years
  UNION ALL
  SELECT year, day_number + 1, next_first_day FROM calendar_days WHERE day_number + 1 < next_first_day
),
expected AS (
  SELECT d.year, p.day_kind, p.from_minute, CAST(sum((p.to_minute - p.from_minute) / 15) AS bigint) AS bins_expected
  FROM calendar_days AS d
  JOIN time_periods AS p
    ON p.scheme = 'cfr' AND p.day_kind = CASE WHEN (d.day_number + 3) % 7 < 5 THEN 'weekday' ELSE 'weekend' END
  LEFT JOIN calendar AS c ON c.local_date = @date(86400 * d.day_number)
  WHERE NOT COALESCE(c.is_excluded, false)
  GROUP BY d.year, p.day_kind, p.from_minute
),
judged AS (
  SELECT
    m.link_id,
    m.year,
    m.day_kind,
    m.from_minute,
    m.n_bins,
    m.n_days,
    CAST(100 * m.n_bins AS double precision) / e.bins_expected AS coverage_pct,
    CASE
      WHEN m.year < CAST(substr(n.month, 1, 4) AS bigint)
        AND 100 * m.n_bins >= f.min_coverage_pct * e.bins_expected
        AND m.n_days >= f.min_days
        AND m.p50 > 0
        THEN (200 * m.p80 + m.p50) / (2 * m.p50)
    END AS hundredths
  FROM measures AS m
  JOIN expected AS e ON e.year = m.year AND e.day_kind = m.day_kind AND e.from_minute = m.from_minute
  CROSS JOIN data_now AS n
  CROSS JOIN index_floors AS f
),
years AS (
  SELECT
    link_id,
    year,
    max(CASE WHEN day_kind = 'weekday' AND from_minute = 360 THEN hundredths END) AS morning,
    max(CASE WHEN day_kind = 'weekday' AND from_minute = 600 THEN hundredths END) AS midday,
    max(CASE WHEN day_kind = 'weekday' AND from_minute = 960 THEN hundredths END) AS evening,
    max(CASE WHEN day_kind = 'weekend' THEN hundredths END) AS weekend,
    count(hundredths) AS periods,
    CAST(sum(n_bins) AS bigint) AS n_bins,
    CAST(max(CASE WHEN day_kind = 'weekday' THEN n_days ELSE 0 END) AS bigint)
      + CAST(max(CASE WHEN day_kind = 'weekend' THEN n_days ELSE 0 END) AS bigint) AS n_days,
    CASE WHEN count(*) = 4 THEN min(coverage_pct) ELSE 0 END AS coverage_pct
  FROM judged
  GROUP BY link_id, year
)
SELECT
  y.link_id,
  l.name,
  y.year,
  CASE WHEN y.periods = 4 THEN CAST(y.morning AS double precision) / 100 END AS lottr_weekday_06_10,
  CASE WHEN y.periods = 4 THEN CAST(y.midday AS double precision) / 100 END AS lottr_weekday_10_16,
  CASE WHEN y.periods = 4 THEN CAST(y.evening AS double precision) / 100 END AS lottr_weekday_16_20,
  CASE WHEN y.periods = 4 THEN CAST(y.weekend AS double precision) / 100 END AS lottr_weekend_06_20,
  CASE
    WHEN y.periods = 4 THEN y.morning < 150 AND y.midday < 150 AND y.evening < 150 AND y.weekend < 150
  END AS is_reliable,
  y.n_bins,
  y.n_days,
  y.coverage_pct,
  CAST(NULL AS text) AS baseline_method,
  CAST(NULL AS bigint) AS baseline_version
FROM years AS y
JOIN links AS l ON l.link_id = y.link_id
