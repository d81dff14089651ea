-- One row per link and month: the free-flow travel time that the month's indices divide by. It is the baseline frozen
-- last by the end of that month, or the first one ever if none was; so a baseline that is added later moves no month
-- that is over, and neither does a free-flow speed edited in iNode.
--
-- link_id: the link
-- month: the local month, such as 2026-10
-- baseline_method: which baseline it is measured against; see link_baselines; NULL where there is none
-- baseline_version (bigint): the version of that baseline; NULL where there is none, or where there are several
-- free_flow_s: the travel time at free flow, of the baseline in force in that month
WITH frozen AS (
  SELECT b.link_id, b.method, b.version, b.free_flow_travel_time_s, b.frozen_at,
    @month(@epoch(b.frozen_at) + 60 * z.offset_min) AS frozen_month
  FROM link_baselines AS b
  JOIN zone_offsets AS z ON z.from_utc <= b.frozen_at AND z.to_utc > b.frozen_at
),
ranked AS (
  SELECT f.link_id, m.month, f.method, f.version, f.free_flow_travel_time_s,
    row_number() OVER (
      PARTITION BY f.link_id, m.month
      ORDER BY
        CASE WHEN f.frozen_month <= m.month THEN 0 ELSE 1 END,
        CASE WHEN f.frozen_month <= m.month THEN -@epoch(f.frozen_at) ELSE @epoch(f.frozen_at) END,
        f.method DESC,
        CASE WHEN f.frozen_month <= m.month THEN -f.version ELSE f.version END
    ) AS place
  FROM frozen AS f
  CROSS JOIN (SELECT DISTINCT month FROM local_days) AS m
),
chosen AS @once() (
  SELECT link_id, month, method, version, free_flow_travel_time_s FROM ranked WHERE place = 1
)
SELECT
  link_id,
  month,
  method AS baseline_method,
  version AS baseline_version,
  free_flow_travel_time_s AS free_flow_s
FROM chosen
