-- One row per corridor, month and period: its mean travel time beside that of the same month a year before, over the
-- links that are above the floors of index_rules in both (matched_links), so that a link that came or went changes
-- nothing. mean_s is the sum of those links' means: means may be added, percentiles may not. No free flow is needed.
-- Links whose length or sensors are not the same on all dates of both months are left out and counted (links_left_out).
-- links_total are the corridor's links in the month.
--
-- corridor_id: the corridor
-- name: its name
-- month: the local month, such as 2026-10
-- period_name: the period; see time_periods
-- mean_s: the mean travel time; bins weigh alike
-- mean_s_last_year (double): the mean travel time of the same links a year before
-- change_pct: the change as a share of before
-- matched_links (bigint): the links that count in both years
-- links_left_out: those whose length or sensors changed
-- links_total: the links of the corridor
-- n_bins: the bins it rests on
-- n_days: the local dates with data it rests on
-- coverage_pct: quarter hours with data over those of the calendar
WITH members AS (
  SELECT corridor_id, link_id, month, count(*) OVER (PARTITION BY corridor_id, month) AS links_total
  FROM (
    SELECT DISTINCT c.corridor_id, c.link_id, m.month
    FROM corridor_links AS c
    JOIN (
      SELECT month, min(local_date) AS first_date, max(local_date) AS last_date FROM internal_days GROUP BY month
    ) AS m ON c.valid_from <= m.last_date AND (c.valid_to IS NULL OR c.valid_to > m.first_date)
  ) AS belonging
),
paired AS (
  SELECT
    m.corridor_id,
    a.month,
    a.period_name,
    m.links_total,
    a.mean_s,
    b.mean_s AS mean_s_last_year,
    a.n_bins,
    a.n_days,
    a.coverage_pct,
    NOT (
      now_.is_mixed
      OR then_.is_mixed
      OR COALESCE(now_.length_m, -1) <> COALESCE(then_.length_m, -1)
      OR COALESCE(now_.origin_sensor_id, '') <> COALESCE(then_.origin_sensor_id, '')
      OR COALESCE(now_.destination_sensor_id, '') <> COALESCE(then_.destination_sensor_id, '')
    ) AS is_same
  FROM internal_link_means AS a
  JOIN internal_link_means AS b
    ON b.month_next_year = a.month AND b.link_id = a.link_id AND b.period_name = a.period_name
  JOIN members AS m ON m.month = a.month AND m.link_id = a.link_id
  JOIN internal_link_months AS now_ ON now_.link_id = a.link_id AND now_.month = a.month
  JOIN internal_link_months AS then_ ON then_.link_id = b.link_id AND then_.month = b.month
  WHERE a.is_enough AND b.is_enough
),
-- DISTINCT over windows and not GROUP BY: SQLite then hands a condition on the month down to the bins.
sums AS (
  SELECT DISTINCT
    corridor_id,
    month,
    period_name,
    sum(CASE WHEN is_same THEN mean_s END) OVER g AS mean_s,
    sum(CASE WHEN is_same THEN mean_s_last_year END) OVER g AS mean_s_last_year,
    count(CASE WHEN is_same THEN 1 END) OVER g AS matched_links,
    count(CASE WHEN NOT is_same THEN 1 END) OVER g AS links_left_out,
    links_total,
    CAST(sum(CASE WHEN is_same THEN n_bins ELSE 0 END) OVER g AS bigint) AS n_bins,
    min(CASE WHEN is_same THEN n_days END) OVER g AS n_days,
    min(CASE WHEN is_same THEN coverage_pct END) OVER g AS coverage_pct
  FROM paired
  WINDOW g AS (PARTITION BY corridor_id, month, period_name)
)
SELECT
  s.corridor_id,
  c.name,
  s.month,
  s.period_name,
  s.mean_s,
  s.mean_s_last_year,
  100 * (s.mean_s - s.mean_s_last_year) / s.mean_s_last_year AS change_pct,
  s.matched_links,
  s.links_left_out,
  s.links_total,
  s.n_bins,
  s.n_days,
  s.coverage_pct
FROM sums AS s
JOIN corridors AS c ON c.corridor_id = s.corridor_id
