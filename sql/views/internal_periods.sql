-- Internal: one row per local day and period of time_periods that counts on it: the instants between which it lies,
-- twice where the clocks change inside it. Days that a person excluded count in none. A holiday from Monday to Friday
-- counts only in the periods of 23 CFR 490.511, which includes holidays; elsewhere it would pass for a weekday with
-- little traffic.
--
-- day_number (bigint): the local date in days since 1970
-- local_date: the date in the warehouse's time zone
-- month: the local month, such as 2026-10
-- month_next_year (text): the same month a year later
-- weekday (bigint): 1 is Monday, 7 is Sunday
-- day_kind: weekday (Monday to Friday) or weekend
-- is_holiday: a public holiday of the calendar
-- period_name: the period; see time_periods
-- scheme: whose period it is; see time_periods
-- from_minute: the local minute of the day at which the period begins
-- to_minute: the local minute of the day before which it ends
-- starts_at: where it begins, in UTC
-- ends_at: where it ends, in UTC, half-open
-- bins_expected (bigint): the quarter hours it has, until now if it is not over
WITH clipped AS (
  SELECT
    s.day_number,
    s.local_date,
    s.month,
    s.weekday,
    s.day_kind,
    s.is_holiday,
    p.period_name,
    p.scheme,
    p.from_minute,
    p.to_minute,
    CASE
      WHEN s.from_epoch_s > 86400 * s.day_number + 60 * (p.from_minute - s.offset_min) THEN s.from_epoch_s
      ELSE 86400 * s.day_number + 60 * (p.from_minute - s.offset_min)
    END AS from_epoch_s,
    CASE
      WHEN s.to_epoch_s < 86400 * s.day_number + 60 * (p.to_minute - s.offset_min) THEN s.to_epoch_s
      ELSE 86400 * s.day_number + 60 * (p.to_minute - s.offset_min)
    END AS to_epoch_s
  FROM internal_segments AS s
  JOIN time_periods AS p ON p.day_kind = s.day_kind
  WHERE NOT s.is_excluded AND (p.scheme = 'cfr' OR s.day_kind = 'weekend' OR NOT s.is_holiday)
)
-- DISTINCT changes no row: SQLite then computes the rows once, not again for every bin that they are joined to.
SELECT DISTINCT
  day_number,
  local_date,
  month,
  CAST(CAST(substr(month, 1, 4) AS bigint) + 1 AS text) || substr(month, 5) AS month_next_year,
  weekday,
  day_kind,
  is_holiday,
  period_name,
  scheme,
  from_minute,
  to_minute,
  @instant(from_epoch_s) AS starts_at,
  @instant(to_epoch_s) AS ends_at,
  (to_epoch_s - from_epoch_s) / 900 AS bins_expected
FROM clipped
WHERE from_epoch_s < to_epoch_s
