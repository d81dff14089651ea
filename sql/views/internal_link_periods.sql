-- Internal: one row per link, local day and period that counts on it, whether or not anything was measured: what a link
-- is expected to have.
--
-- link_id: the link
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
SELECT
  l.link_id,
  d.day_number,
  d.local_date,
  d.month,
  d.month_next_year,
  d.weekday,
  d.day_kind,
  d.is_holiday,
  d.period_name,
  d.scheme,
  d.from_minute,
  d.to_minute,
  d.starts_at,
  d.ends_at
FROM links AS l
CROSS JOIN internal_periods AS d
@in_order_of(l.link_id, d.month, d.period_name)
