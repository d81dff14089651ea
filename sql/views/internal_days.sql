-- Internal: one row per local day: its instants and its real length in quarter hours, 92, 94, 96, 98 or 100 (the
-- running day until now).
--
-- day_number (bigint): the local date in days since 1970
-- local_date: the date in the warehouse's time zone
-- month: the local month, such as 2026-10
-- weekday (bigint): 1 is Monday, 7 is Sunday
-- day_kind: weekday (Monday to Friday) or weekend
-- is_holiday: a public holiday of the calendar
-- is_excluded: a day that a person has taken out of every index
-- from_epoch_s (bigint): where it begins, in seconds since 1970
-- to_epoch_s (bigint): where it ends, in seconds since 1970
-- starts_at: where it begins, in UTC
-- ends_at: where it ends, in UTC, half-open
-- bins_expected (bigint): the quarter hours it has, until now if it is not over
SELECT
  day_number,
  local_date,
  month,
  weekday,
  day_kind,
  is_holiday,
  is_excluded,
  min(from_epoch_s) AS from_epoch_s,
  max(to_epoch_s) AS to_epoch_s,
  @instant(min(from_epoch_s)) AS starts_at,
  @instant(max(to_epoch_s)) AS ends_at,
  (max(to_epoch_s) - min(from_epoch_s)) / 900 AS bins_expected
FROM internal_segments
GROUP BY day_number, local_date, month, weekday, day_kind, is_holiday, is_excluded
