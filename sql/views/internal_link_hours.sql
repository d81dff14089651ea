-- Internal: one row per link, local day and hour of its clock that counts, whether or not anything was measured.
-- Excluded days and holidays from Monday to Friday do not count.
--
-- link_id: the link
-- day_number (bigint): the local date in days since 1970
-- month: the local month, such as 2026-10
-- day_kind: weekday (Monday to Friday) or weekend
-- local_hour: the hour that the local clock shows, 0 to 23
-- starts_at: where it begins, in UTC
-- ends_at: where it ends, in UTC, half-open
SELECT l.link_id, d.day_number, d.month, d.day_kind, d.local_hour, d.starts_at, d.ends_at
FROM links AS l
CROSS JOIN internal_hours AS d
WHERE NOT d.is_excluded AND (d.day_kind = 'weekend' OR NOT d.is_holiday)
@in_order_of(l.link_id, d.month, d.day_kind, d.local_hour)
