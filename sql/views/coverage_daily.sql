-- One row per link and local day on which iNode listed it: how many of the day's quarter hours have a measurement. Days
-- on which the link was deleted have no row, from the day of the deletion on; see link_history. A date without a load,
-- or with a snapshot that was not proven complete, deletes nothing. A day has its real length (92 to 100 quarter hours;
-- the running day until now), however many samples were taken. longest_gap_min is the longest time without a bin, the
-- ends of the day included.
--
-- link_id: the link
-- name: its name
-- local_date: the date in the warehouse's time zone
-- month: the local month, such as 2026-10
-- bins_expected (bigint): the quarter hours it has, until now if it is not over
-- bins_with_data (bigint): how many of them have a measurement
-- coverage_pct: quarter hours with data over those of the calendar
-- longest_gap_min (bigint): the longest time without a bin
WITH proven AS @once() (
  SELECT snapshot_date FROM internal_loaded_dates WHERE may_remove
),
dates AS @once() (
  SELECT
    d.local_date,
    d.month,
    d.bins_expected,
    d.from_epoch_s,
    d.to_epoch_s,
    d.starts_at,
    d.ends_at,
    (SELECT max(p.snapshot_date) FROM proven AS p WHERE p.snapshot_date <= d.local_date) AS proven_date
  FROM internal_days AS d
),
days AS (
  -- DISTINCT changes no row: the bins of a day are then counted once, not again for each use of their number.
  SELECT DISTINCT
    l.link_id,
    l.name,
    d.local_date,
    d.month,
    d.bins_expected,
    d.from_epoch_s,
    d.to_epoch_s,
    d.starts_at,
    d.ends_at,
    (
      SELECT count(*) FROM link_bins AS b
      WHERE b.link_id = l.link_id AND b.bin_start_at >= d.starts_at AND b.bin_start_at < d.ends_at
    ) AS bins_with_data
  FROM dates AS d
  JOIN links AS l ON l.first_seen_at < d.ends_at
  WHERE d.proven_date IS NULL
    OR EXISTS (SELECT 1 FROM link_snapshots AS s WHERE s.snapshot_date = d.proven_date AND s.link_id = l.link_id)
    OR d.proven_date < d.local_date AND EXISTS (
      SELECT 1 FROM link_snapshots AS s
      WHERE s.snapshot_date > d.proven_date AND s.snapshot_date <= d.local_date AND s.link_id = l.link_id
    )
)
SELECT
  link_id,
  name,
  local_date,
  month,
  bins_expected,
  bins_with_data,
  CAST(100 * bins_with_data AS double precision) / bins_expected AS coverage_pct,
  CASE
    WHEN bins_with_data >= bins_expected THEN 0
    WHEN bins_with_data = 0 THEN to_epoch_s - from_epoch_s
    ELSE (
      SELECT max(g.gap_s)
      FROM (
        SELECT
          @epoch(b.bin_start_at) - lag(@epoch(b.bin_start_at) + 900, 1, days.from_epoch_s) OVER (ORDER BY b.bin_start_at)
            AS gap_s
        FROM link_bins AS b
        WHERE b.link_id = days.link_id AND b.bin_start_at >= days.starts_at AND b.bin_start_at < days.ends_at
        UNION ALL
        SELECT days.to_epoch_s - @epoch(max(b.bin_start_at)) - 900
        FROM link_bins AS b
        WHERE b.link_id = days.link_id AND b.bin_start_at >= days.starts_at AND b.bin_start_at < days.ends_at
      ) AS g
    )
  END / 60 AS longest_gap_min
FROM days
