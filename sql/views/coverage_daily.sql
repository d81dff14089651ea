-- One row per link and local day on which the link was known: how many of the day's quarter hours have a measurement.
-- The day counts with its real length (92 to 100 quarter hours, the running day until now), never with the samples
-- taken. longest_gap_min is the longest time without a bin, the ends of the day included.
--
-- link_id: the link
-- name: its name
-- local_date: the date in the warehouse's time zone
-- month: the local month, such as 2026-10
-- bins_expected (bigint): the quarter hours it has, until now if it is not over
-- bins_with_data (bigint): how many of them have a measurement
-- coverage_pct: quarter hours with data over those of the calendar
-- longest_gap_min (bigint): the longest time without a bin
WITH bins AS (
  SELECT
    l.link_id,
    l.name,
    d.local_date,
    d.month,
    d.bins_expected,
    d.from_epoch_s,
    d.to_epoch_s,
    @epoch(b.bin_start_at) AS bin_epoch_s,
    lead(@epoch(b.bin_start_at), 1, d.to_epoch_s)
      OVER (PARTITION BY l.link_id, d.local_date ORDER BY b.bin_start_at) AS next_epoch_s
  FROM local_days AS d
  JOIN links AS l
    ON l.first_seen_at < d.ends_at AND (l.deleted_at IS NULL OR l.deleted_at > d.starts_at)
  LEFT JOIN link_bins AS b
    ON b.link_id = l.link_id AND b.bin_start_at >= d.starts_at AND b.bin_start_at < d.ends_at
),
days AS (
  SELECT
    link_id,
    name,
    local_date,
    month,
    bins_expected,
    count(bin_epoch_s) AS bins_with_data,
    COALESCE(min(bin_epoch_s), to_epoch_s) - from_epoch_s AS first_gap_s,
    COALESCE(max(next_epoch_s - bin_epoch_s - 900), 0) AS later_gap_s
  FROM bins
  GROUP BY link_id, name, local_date, month, bins_expected, from_epoch_s, to_epoch_s
)
SELECT
  link_id,
  name,
  local_date,
  month,
  bins_expected,
  bins_with_data,
  CAST(100 * bins_with_data AS double precision) / bins_expected AS coverage_pct,
  CASE WHEN first_gap_s > later_gap_s THEN first_gap_s ELSE later_gap_s END / 60 AS longest_gap_min
FROM days
