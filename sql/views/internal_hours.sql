-- Internal: one row per local day, hour of the clock and offset from UTC: the instants between which the clock showed
-- that hour. An hour that occurs twice has two rows, one that is skipped has none.
--
-- day_number (bigint): the local date in days since 1970
-- local_date: the date in the warehouse's time zone
-- month: the local month, such as 2026-10
-- weekday (bigint): 1 is Monday, 7 is Sunday
-- day_kind: weekday (Monday to Friday) or weekend
-- is_holiday: a public holiday of the calendar
-- is_excluded: a day that a person has taken out of every index
-- local_hour: the hour that the local clock shows, 0 to 23
-- starts_at: where it begins, in UTC
-- ends_at: where it ends, in UTC, half-open
-- bins_expected (bigint): the quarter hours it has, until now if it is not over
WITH RECURSIVE hours (local_hour) AS (
  SELECT CAST(0 AS bigint)
  UNION ALL
  SELECT local_hour + 1 FROM hours WHERE local_hour < 23
),
clipped AS (
  SELECT
    s.day_number,
    s.local_date,
    s.month,
    s.weekday,
    s.day_kind,
    s.is_holiday,
    s.is_excluded,
    h.local_hour,
    CASE
      WHEN s.from_epoch_s > 86400 * s.day_number + 3600 * h.local_hour - 60 * s.offset_min THEN s.from_epoch_s
      ELSE 86400 * s.day_number + 3600 * h.local_hour - 60 * s.offset_min
    END AS from_epoch_s,
    CASE
      WHEN s.to_epoch_s < 86400 * s.day_number + 3600 * h.local_hour + 3600 - 60 * s.offset_min THEN s.to_epoch_s
      ELSE 86400 * s.day_number + 3600 * h.local_hour + 3600 - 60 * s.offset_min
    END AS to_epoch_s
  FROM internal_segments AS s
  CROSS JOIN hours AS h
)
-- DISTINCT changes no row: SQLite then computes the rows once, not again for every bin that they are joined to.
SELECT DISTINCT
  day_number,
  local_date,
  month,
  weekday,
  day_kind,
  is_holiday,
  is_excluded,
  local_hour,
  @instant(from_epoch_s) AS starts_at,
  @instant(to_epoch_s) AS ends_at,
  (to_epoch_s - from_epoch_s) / 900 AS bins_expected
FROM clipped
WHERE from_epoch_s < to_epoch_s
