-- One row: the instant up to which the warehouse knows the links, and what the local clock showed then. "Now" in every
-- view is this instant, the newest snapshot that was loaded, never the clock of the computer that asks. No row before
-- the first load.
--
-- now_at: the newest loaded snapshot, in UTC
-- now_epoch_s (bigint): the same in seconds since 1970
-- now_local_s (bigint): what the local clock showed then, as seconds since 1970
-- now_local (local timestamp): what the local clock showed then
-- local_date: the date in the warehouse's time zone
-- month: the local month, such as 2026-10
-- last_month: the local month before, such as 2026-09
-- week_ago (date): the local date seven days before
SELECT
  n.now_at,
  @epoch(n.now_at) AS now_epoch_s,
  @epoch(n.now_at) + 60 * z.offset_min AS now_local_s,
  @timestamp(@epoch(n.now_at) + 60 * z.offset_min) AS now_local,
  @date(@epoch(n.now_at) + 60 * z.offset_min) AS local_date,
  @month(@epoch(n.now_at) + 60 * z.offset_min) AS month,
  @month(@epoch(n.now_at) + 60 * z.offset_min - 86400 * @day_of_month(@epoch(n.now_at) + 60 * z.offset_min))
    AS last_month,
  @date(@epoch(n.now_at) + 60 * z.offset_min - 604800) AS week_ago
FROM (SELECT max(snapshot_at) AS now_at FROM loads WHERE endpoint = 'links') AS n
JOIN zone_offsets AS z ON z.from_utc <= n.now_at AND z.to_utc > n.now_at
