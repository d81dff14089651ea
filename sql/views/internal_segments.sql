-- Internal: one row per local day and offset from UTC in it: two rows on the days on which the clocks change, else one.
-- Local time comes from zone_offsets alone, so an hour that the clock shows twice is kept twice and one it skips is not
-- missed. From the first day of the month of the earliest bin until now; the running day ends with the quarter hour of
-- now. A weekday is Monday to Friday, whether or not it is a holiday.
--
-- day_number (bigint): the local date in days since 1970
-- local_date: the date in the warehouse's time zone
-- month: the local month, such as 2026-10
-- weekday (bigint): 1 is Monday, 7 is Sunday
-- day_kind: weekday (Monday to Friday) or weekend
-- is_holiday: a public holiday of the calendar
-- is_excluded: a day that a person has taken out of every index
-- offset_min: what local time is ahead of UTC
-- from_epoch_s (bigint): where it begins, in seconds since 1970
-- to_epoch_s (bigint): where it ends, in seconds since 1970
WITH RECURSIVE first_bin AS (
  -- Asked link by link, each answer is the first entry of the table's key; asked at once it would read every bin.
  SELECT
    COALESCE(
      (SELECT min((SELECT min(b.bin_start_at) FROM link_bins AS b WHERE b.link_id = l.link_id)) FROM links AS l),
      n.now_at
    ) AS first_at,
    n.now_at,
    n.now_local_s
  FROM data_now AS n
),
horizon AS (
  SELECT
    (@epoch(f.first_at) + 60 * z.offset_min) / 86400 AS first_day,
    @month(@epoch(f.first_at) + 60 * z.offset_min) AS first_month,
    f.now_local_s / 86400 AS last_day,
    @epoch(f.now_at) / 900 * 900 + 900 AS end_epoch_s
  FROM first_bin AS f
  JOIN zone_offsets AS z ON z.from_utc <= f.first_at AND z.to_utc > f.first_at
),
days (day_number, last_day, first_month, end_epoch_s) AS (
  SELECT first_day - 31, last_day, first_month, end_epoch_s FROM horizon
  UNION ALL
  SELECT day_number + 1, last_day, first_month, end_epoch_s FROM days WHERE day_number < last_day
),
segments AS (
  SELECT
    d.day_number,
    z.offset_min,
    CASE
      WHEN @epoch(z.from_utc) > 86400 * d.day_number - 60 * z.offset_min THEN @epoch(z.from_utc)
      ELSE 86400 * d.day_number - 60 * z.offset_min
    END AS from_epoch_s,
    CASE
      WHEN @epoch(z.to_utc) < 86400 * d.day_number + 86400 - 60 * z.offset_min THEN @epoch(z.to_utc)
      ELSE 86400 * d.day_number + 86400 - 60 * z.offset_min
    END AS to_epoch_s,
    d.first_month,
    d.end_epoch_s
  FROM days AS d
  JOIN zone_offsets AS z
    ON z.from_utc < @instant(86400 * d.day_number + 172800) AND z.to_utc > @instant(86400 * d.day_number - 86400)
)
-- DISTINCT changes no row: SQLite then computes the rows once, not again for every bin that they are joined to.
SELECT DISTINCT
  s.day_number,
  @date(86400 * s.day_number) AS local_date,
  @month(86400 * s.day_number) AS month,
  (s.day_number + 3) % 7 + 1 AS weekday,
  CASE WHEN (s.day_number + 3) % 7 < 5 THEN 'weekday' ELSE 'weekend' END AS day_kind,
  COALESCE(c.is_holiday, false) AS is_holiday,
  COALESCE(c.is_excluded, false) AS is_excluded,
  s.offset_min,
  s.from_epoch_s,
  CASE WHEN s.to_epoch_s < s.end_epoch_s THEN s.to_epoch_s ELSE s.end_epoch_s END AS to_epoch_s
FROM segments AS s
LEFT JOIN calendar AS c ON c.local_date = @date(86400 * s.day_number)
WHERE s.from_epoch_s < s.to_epoch_s
  AND s.from_epoch_s < s.end_epoch_s
  AND @month(86400 * s.day_number) >= s.first_month
