-- One row per link and month: how many hours a day the link is slower than 90 % of its free flow, on weekdays from
-- 06:00 to 22:00 local time: Congested Hours of the FHWA Urban Congestion Report,
-- ops.fhwa.dot.gov/perf_measurement/ucr/documentation.htm. A bin is a quarter of an hour; the mean is over the days
-- with data (n_days), and missing bins are not imputed, so low coverage makes it low: see coverage_pct. Excluded days
-- and holidays are left out. NULL below the floors of index_rules.
--
-- link_id: the link
-- name: its name
-- month: the local month, such as 2026-10
-- mean_congested_h: congested hours a day; NULL below the floors
-- threshold_pct: congested is slower than this share of free flow
-- n_bins: the bins it rests on
-- n_days: the local dates with data it rests on
-- coverage_pct: quarter hours with data over those of the calendar
-- baseline_method: which baseline it is measured against; see link_baselines; NULL where there is none
-- baseline_version (bigint): the version of that baseline; NULL where there is none, or where there are several
-- configuration_changed (boolean): no figure, since the length or a sensor changed within the month or is not that
--     of any baseline of the link; `inode-pipeline baselines freeze` makes one from the new configuration
WITH spans AS @once() (
  SELECT
    s.month,
    s.local_date,
    CASE
      WHEN s.from_epoch_s > 86400 * s.day_number + 60 * (360 - s.offset_min) THEN s.from_epoch_s
      ELSE 86400 * s.day_number + 60 * (360 - s.offset_min)
    END AS from_epoch_s,
    CASE
      WHEN s.to_epoch_s < 86400 * s.day_number + 60 * (1320 - s.offset_min) THEN s.to_epoch_s
      ELSE 86400 * s.day_number + 60 * (1320 - s.offset_min)
    END AS to_epoch_s
  FROM internal_segments AS s
  WHERE s.day_kind = 'weekday' AND NOT s.is_holiday AND NOT s.is_excluded
),
link_spans AS (
  SELECT
    l.link_id,
    s.month,
    s.local_date,
    @instant(s.from_epoch_s) AS starts_at,
    @instant(s.to_epoch_s) AS ends_at,
    f.free_flow_s,
    f.baseline_method,
    f.baseline_version,
    f.configuration_changed
  FROM links AS l
  CROSS JOIN spans AS s
  JOIN internal_link_months AS f ON f.link_id = l.link_id AND f.month = s.month
  WHERE s.from_epoch_s < s.to_epoch_s
  @in_order_of(l.link_id, s.month)
),
measures AS (
  SELECT
    s.link_id,
    s.month,
    s.free_flow_s,
    s.baseline_method,
    s.baseline_version,
    s.configuration_changed,
    count(*) AS n_bins,
    count(DISTINCT s.local_date) AS n_days,
    -- Exactly at the threshold is not congested, whatever the last bit of the two products says.
    count(
      CASE WHEN r.congested_threshold_pct * b.mean_travel_time_s > 100.0000001 * s.free_flow_s THEN 1 END
    ) AS congested_bins
  FROM internal_floors AS r
  CROSS JOIN link_spans AS s
  CROSS JOIN @bins_of(s)
  GROUP BY s.link_id, s.month, s.free_flow_s, s.baseline_method, s.baseline_version, s.configuration_changed
),
expected AS (
  SELECT month, CAST(sum(to_epoch_s - from_epoch_s) AS bigint) / 900 AS bins_expected
  FROM spans
  WHERE from_epoch_s < to_epoch_s
  GROUP BY month
)
SELECT
  m.link_id,
  l.name,
  m.month,
  CASE
    WHEN m.free_flow_s IS NOT NULL
      AND 100 * m.n_bins >= r.min_coverage_pct * e.bins_expected
      AND m.n_days >= r.min_days
      THEN CAST(m.congested_bins AS double precision) / 4 / m.n_days
  END AS mean_congested_h,
  r.congested_threshold_pct AS threshold_pct,
  m.n_bins,
  m.n_days,
  CAST(100 * m.n_bins AS double precision) / e.bins_expected AS coverage_pct,
  m.baseline_method,
  m.baseline_version,
  m.configuration_changed
FROM measures AS m
JOIN expected AS e ON e.month = m.month
JOIN links AS l ON l.link_id = m.link_id
CROSS JOIN internal_floors AS r
