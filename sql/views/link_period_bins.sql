-- One row per link, period and 15-minute bin that counts in it: what the monthly measures of links are computed from.
--
-- link_id: the link
-- day_number (bigint): the local date in days since 1970
-- local_date: the date in the warehouse's time zone
-- month: the local month, such as 2026-10
-- weekday (bigint): 1 is Monday, 7 is Sunday
-- day_kind: weekday (Monday to Friday) or weekend
-- is_holiday: a public holiday of the calendar
-- period_name: the period; see time_periods
-- scheme: whose period it is; see time_periods
-- from_minute: the local minute of the day at which the period begins
-- to_minute: the local minute of the day before which it ends
-- bin_start_at: where the quarter hour begins, in UTC
-- mean_travel_time_s: the mean travel time of the bin
SELECT
  p.link_id,
  p.day_number,
  p.local_date,
  p.month,
  p.weekday,
  p.day_kind,
  p.is_holiday,
  p.period_name,
  p.scheme,
  p.from_minute,
  p.to_minute,
  b.bin_start_at,
  b.mean_travel_time_s
FROM link_periods AS p
CROSS JOIN @bins_of(p)
