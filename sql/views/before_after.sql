-- One row per study: did the change help? The day is the unit: the mean of the corridor's 15-minute bins on each day
-- of the study's period, days before against days after. change_s is after minus before, so a negative one is an
-- improvement. The 95 % confidence interval is Welch's (unequal variances), its degrees of freedom rounded down to
-- those of the table t_quantiles (B. L. Welch, Biometrika 34, 1947). net_change_pct is the change less that of the
-- control corridor, in percentage points. Days of study_exclusions, excluded days and holidays do not count.
--
-- study_id: the study
-- name: its name
-- corridor_id: the corridor
-- period_name: the period; see time_periods
-- before_from (date): the first day before the change
-- before_to (date): the last day before the change, which is included
-- after_from (date): the first day after the change
-- after_to (date): the last day after the change, which is included
-- n_days_before: days that count before the change
-- n_days_after: days that count after it
-- mean_s_before (double): the mean of those days before
-- mean_s_after (double): the mean of those days after
-- change_s: after less before; below 0 is faster
-- change_pct: the change as a share of before
-- ci95_low_s: the lower end of the 95 % confidence interval of change_s
-- ci95_high_s: its upper end
-- control_corridor_id: the corridor to compare with; NULL for none
-- control_change_s: the control corridor's change
-- control_change_pct: the same as a share of before
-- net_change_pct: change_pct less control_change_pct, in percentage points
-- n_bins: the bins it rests on
-- warnings: what speaks against the comparison, each followed by a semicolon; empty for nothing
WITH RECURSIVE sides AS (
  SELECT study_id, corridor_id, period_name, 'study' AS side, before_from, before_to, after_from, after_to FROM studies
  UNION ALL
  SELECT study_id, control_corridor_id, period_name, 'control', before_from, before_to, after_from, after_to
  FROM studies
  WHERE control_corridor_id IS NOT NULL
),
days AS (
  SELECT
    s.study_id,
    s.side,
    CASE WHEN d.local_date <= s.before_to THEN d.mean_s END AS before_s,
    CASE WHEN d.local_date >= s.after_from THEN d.mean_s END AS after_s,
    d.n_bins,
    d.is_expanded
  FROM sides AS s
  JOIN corridor_period_daily AS d ON d.corridor_id = s.corridor_id AND d.period_name = s.period_name
  WHERE (d.local_date BETWEEN s.before_from AND s.before_to OR d.local_date BETWEEN s.after_from AND s.after_to)
    AND NOT EXISTS (
      SELECT 1 FROM study_exclusions AS e WHERE e.study_id = s.study_id AND e.local_date = d.local_date
    )
),
means AS (
  SELECT
    study_id,
    side,
    count(before_s) AS n_before,
    count(after_s) AS n_after,
    avg(before_s) AS mean_before_s,
    avg(after_s) AS mean_after_s,
    CAST(sum(n_bins) AS bigint) AS n_bins,
    max(CASE WHEN is_expanded THEN 1 ELSE 0 END) AS is_expanded
  FROM days
  GROUP BY study_id, side
),
errors AS (
  SELECT
    m.study_id,
    m.side,
    sum((d.before_s - m.mean_before_s) * (d.before_s - m.mean_before_s)) / (m.n_before - 1) / m.n_before
      AS error_before,
    sum((d.after_s - m.mean_after_s) * (d.after_s - m.mean_after_s)) / (m.n_after - 1) / m.n_after
      AS error_after
  FROM means AS m
  JOIN days AS d ON d.study_id = m.study_id AND d.side = m.side
  WHERE m.n_before > 1 AND m.n_after > 1
  GROUP BY m.study_id, m.side, m.n_before, m.n_after
),
-- The square root by Newton's method from above, for want of one that every SQLite has.
roots (study_id, square, root, step) AS (
  SELECT study_id, error_before + error_after, CAST(1 AS double precision) + error_before + error_after, 0
  FROM errors
  WHERE side = 'study'
  UNION ALL
  SELECT study_id, square, (root + square / root) / 2, step + 1 FROM roots WHERE step < 60
),
welch AS (
  SELECT
    e.study_id,
    r.root AS standard_error_s,
    CASE
      WHEN r.square > 0 THEN r.square * r.square / (
        e.error_before * e.error_before / (m.n_before - 1) + e.error_after * e.error_after / (m.n_after - 1)
      )
    END AS df
  FROM errors AS e
  JOIN roots AS r ON r.study_id = e.study_id AND r.step = 60
  JOIN means AS m ON m.study_id = e.study_id AND m.side = e.side
  WHERE e.side = 'study'
),
margins AS (
  SELECT
    study_id,
    df,
    CASE
      WHEN standard_error_s < 0.000000001 THEN 0
      ELSE standard_error_s * (SELECT t975 FROM t_quantiles WHERE t_quantiles.df <= welch.df ORDER BY df DESC LIMIT 1)
    END AS margin_s
  FROM welch
),
changed_links AS (
  SELECT s.study_id, count(*) AS changes
  FROM studies AS s
  JOIN link_history AS h
    ON h.valid_from > s.before_from AND h.valid_from <= s.after_to
  WHERE EXISTS (
    SELECT 1 FROM corridor_links AS c
    WHERE c.link_id = h.link_id AND (c.corridor_id = s.corridor_id OR c.corridor_id = s.control_corridor_id)
  )
  GROUP BY s.study_id
),
moved_links AS (
  SELECT s.study_id, count(*) AS moves
  FROM studies AS s
  JOIN corridor_links AS c ON c.corridor_id = s.corridor_id OR c.corridor_id = s.control_corridor_id
  WHERE (c.valid_from > s.before_from AND c.valid_from <= s.after_to)
    OR (c.valid_to > s.before_from AND c.valid_to <= s.after_to)
  GROUP BY s.study_id
)
SELECT
  s.study_id,
  s.name,
  s.corridor_id,
  s.period_name,
  s.before_from,
  s.before_to,
  s.after_from,
  s.after_to,
  COALESCE(m.n_before, 0) AS n_days_before,
  COALESCE(m.n_after, 0) AS n_days_after,
  m.mean_before_s AS mean_s_before,
  m.mean_after_s AS mean_s_after,
  m.mean_after_s - m.mean_before_s AS change_s,
  100 * (m.mean_after_s - m.mean_before_s) / m.mean_before_s AS change_pct,
  m.mean_after_s - m.mean_before_s - g.margin_s AS ci95_low_s,
  m.mean_after_s - m.mean_before_s + g.margin_s AS ci95_high_s,
  s.control_corridor_id,
  k.mean_after_s - k.mean_before_s AS control_change_s,
  100 * (k.mean_after_s - k.mean_before_s) / k.mean_before_s AS control_change_pct,
  100 * (m.mean_after_s - m.mean_before_s) / m.mean_before_s
    - 100 * (k.mean_after_s - k.mean_before_s) / k.mean_before_s AS net_change_pct,
  COALESCE(m.n_bins, 0) AS n_bins,
  CASE WHEN COALESCE(m.n_before, 0) < r.min_days OR COALESCE(m.n_after, 0) < r.min_days
    THEN 'too few days; ' ELSE '' END
  || CASE WHEN n.local_date <= s.after_to THEN 'the time after is not over; ' ELSE '' END
  || CASE WHEN g.margin_s IS NULL THEN 'no confidence interval; '
    WHEN m.mean_after_s - m.mean_before_s - g.margin_s <= 0 AND m.mean_after_s - m.mean_before_s + g.margin_s >= 0
    THEN 'no change beyond chance; ' ELSE '' END
  || CASE WHEN s.control_corridor_id IS NULL THEN 'no control corridor; '
    WHEN k.mean_after_s IS NULL OR k.mean_before_s IS NULL THEN 'the control corridor has no data; ' ELSE '' END
  || CASE WHEN m.is_expanded = 1 OR k.is_expanded = 1 THEN 'links were missing and made up by free flow; ' ELSE '' END
  || CASE WHEN h.changes > 0 THEN 'the configuration of links changed, see link_history; ' ELSE '' END
  || CASE WHEN v.moves > 0 THEN 'the corridor got other links; ' ELSE '' END AS warnings
FROM studies AS s
CROSS JOIN index_floors AS r
LEFT JOIN data_now AS n ON r.min_days >= 0
LEFT JOIN means AS m ON m.study_id = s.study_id AND m.side = 'study'
LEFT JOIN means AS k ON k.study_id = s.study_id AND k.side = 'control'
LEFT JOIN margins AS g ON g.study_id = s.study_id
LEFT JOIN changed_links AS h ON h.study_id = s.study_id
LEFT JOIN moved_links AS v ON v.study_id = s.study_id
