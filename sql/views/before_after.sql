-- One row per study: did the change help? The day is the unit: the mean of the corridor's 15-minute bins on each day of
-- the study's period, days before against days after. change_s is after minus before, so a negative one is an
-- improvement. Days of study_exclusions, excluded days and holidays do not count, and neither do days of which less
-- than min_coverage_pct was measured (days_left_out). Links whose length or sensors changed during the study, or that
-- joined or left the corridor, are left out of both sides (links_left_out). The 95 % confidence interval of change_s is
-- Welch's (unequal variances; B. L. Welch, Biometrika 34, 1947). Those of change_pct and net_change_pct come from the
-- same variances of the daily means by the delta method, with the degrees of freedom of Welch and Satterthwaite; the
-- days of the two corridors are taken to be independent. net_change_pct is the change less that of the control
-- corridor, in percentage points.
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
-- days_left_out (bigint): days of the study of which too little was measured, before and after together
-- mean_s_before (double): the mean of those days before
-- mean_s_after (double): the mean of those days after
-- change_s: after less before; below 0 is faster
-- ci95_low_s: the lower end of the 95 % confidence interval of change_s
-- ci95_high_s: its upper end
-- change_pct: the change as a share of before
-- ci95_low_pct: the lower end of the 95 % confidence interval of change_pct
-- ci95_high_pct: its upper end
-- control_corridor_id: the corridor to compare with; NULL for none
-- control_change_s: the control corridor's change
-- control_change_pct: the same as a share of before
-- net_change_pct: change_pct less control_change_pct, in percentage points
-- net_ci95_low_pct: the lower end of the 95 % confidence interval of net_change_pct
-- net_ci95_high_pct: its upper end
-- n_bins: the bins it rests on
-- links_total: the links of the corridor
-- links_left_out: those that changed during the study
-- expanded_pct: the share of the bins in which a link was missing and its time made up by free flow
-- warnings: what speaks against the comparison, each followed by a semicolon; empty for nothing
WITH RECURSIVE sides AS (
  SELECT study_id, 'study' AS side, corridor_id, period_name, before_from, before_to, after_from, after_to FROM studies
  UNION ALL
  SELECT study_id, 'control', control_corridor_id, period_name, before_from, before_to, after_from, after_to
  FROM studies
  WHERE control_corridor_id IS NOT NULL
),
-- Each link that is in the corridor on any of the study's dates.
members AS @once() (
  SELECT
    s.study_id,
    s.side,
    c.link_id,
    max(f.free_flow_s) AS free_flow_s,
    max(CASE WHEN c.valid_from > s.before_from OR c.valid_to <= s.after_to THEN 1 ELSE 0 END) = 1 AS has_moved,
    count(DISTINCT r.valid_from) > 1 AS has_changed
  FROM sides AS s
  JOIN corridor_links AS c
    ON c.corridor_id = s.corridor_id AND c.valid_from <= s.after_to
    AND (c.valid_to IS NULL OR c.valid_to > s.before_from)
  LEFT JOIN internal_link_configurations AS r
    ON r.link_id = c.link_id AND r.valid_from <= s.after_to AND r.valid_to > s.before_from
  LEFT JOIN internal_link_months AS f ON f.link_id = c.link_id AND f.month = @month(86400 * @day(s.before_from))
  GROUP BY s.study_id, s.side, c.link_id
),
wholes AS @once() (
  SELECT
    study_id,
    side,
    count(*) AS links_total,
    count(CASE WHEN has_moved OR has_changed THEN 1 END) AS links_left_out,
    count(CASE WHEN has_changed THEN 1 END) AS links_changed,
    count(CASE WHEN has_moved THEN 1 END) AS links_moved,
    count(CASE WHEN NOT (has_moved OR has_changed) THEN 1 END) AS links,
    sum(CASE WHEN NOT (has_moved OR has_changed) THEN free_flow_s END) AS free_flow_s,
    count(CASE WHEN NOT (has_moved OR has_changed) THEN free_flow_s END) AS links_with_baseline
  FROM members
  GROUP BY study_id, side
),
study_periods AS @once() (
  SELECT
    s.study_id,
    s.side,
    p.day_number,
    CASE WHEN p.local_date >= s.after_from THEN 1 ELSE 0 END AS is_after,
    p.starts_at,
    p.ends_at,
    p.bins_expected
  FROM sides AS s
  JOIN internal_periods AS p ON p.period_name = s.period_name
  WHERE (p.local_date BETWEEN s.before_from AND s.before_to OR p.local_date BETWEEN s.after_from AND s.after_to)
    AND NOT EXISTS (
      SELECT 1 FROM study_exclusions AS e WHERE e.study_id = s.study_id AND e.local_date = p.local_date
    )
),
placed AS (
  SELECT p.study_id, p.side, p.day_number, p.starts_at, p.ends_at, m.link_id, m.free_flow_s
  FROM study_periods AS p
  JOIN members AS m ON m.study_id = p.study_id AND m.side = p.side
  WHERE NOT (m.has_moved OR m.has_changed)
),
bins AS (
  SELECT
    p.study_id,
    p.side,
    p.day_number,
    b.bin_start_at,
    sum(b.mean_travel_time_s) AS covered_s,
    sum(p.free_flow_s) AS covered_free_flow_s,
    count(*) AS links_with_data
  FROM placed AS p
  CROSS JOIN @bins_of(p)
  GROUP BY p.study_id, p.side, p.day_number, b.bin_start_at
),
measured AS @once() (
  SELECT
    b.study_id,
    b.side,
    b.day_number,
    avg(
      CASE
        WHEN b.links_with_data = w.links THEN b.covered_s
        ELSE b.covered_s * w.free_flow_s / b.covered_free_flow_s
      END
    ) AS mean_s,
    count(*) AS n_bins,
    count(CASE WHEN b.links_with_data < w.links THEN 1 END) AS n_expanded
  FROM bins AS b
  JOIN wholes AS w ON w.study_id = b.study_id AND w.side = b.side
  CROSS JOIN internal_floors AS f
  WHERE b.links_with_data = w.links
    OR (
      w.links_with_baseline = w.links
      AND 100.0000001 * b.covered_free_flow_s >= f.corridor_min_coverage_pct * w.free_flow_s
    )
  GROUP BY b.study_id, b.side, b.day_number
),
expected AS (
  SELECT study_id, side, day_number, is_after, CAST(sum(bins_expected) AS bigint) AS bins_expected
  FROM study_periods
  GROUP BY study_id, side, day_number, is_after
),
days AS @once() (
  SELECT
    study_id,
    side,
    CASE WHEN is_enough THEN 0 ELSE 1 END AS is_left_out,
    CASE WHEN is_enough AND is_after = 0 THEN mean_s END AS before_s,
    CASE WHEN is_enough AND is_after = 1 THEN mean_s END AS after_s,
    CASE WHEN is_enough THEN n_bins END AS n_bins,
    CASE WHEN is_enough THEN n_expanded END AS n_expanded
  FROM (
    SELECT
      e.study_id,
      e.side,
      e.is_after,
      m.mean_s,
      m.n_bins,
      m.n_expanded,
      m.n_bins IS NOT NULL AND 100 * m.n_bins >= f.min_coverage_pct * e.bins_expected AS is_enough
    FROM expected AS e
    CROSS JOIN internal_floors AS f
    LEFT JOIN measured AS m ON m.study_id = e.study_id AND m.side = e.side AND m.day_number = e.day_number
  ) AS judged
),
means AS @once() (
  SELECT
    study_id,
    side,
    count(before_s) AS n_before,
    count(after_s) AS n_after,
    CAST(sum(is_left_out) AS bigint) AS days_left_out,
    avg(before_s) AS mean_before_s,
    avg(after_s) AS mean_after_s,
    CAST(sum(n_bins) AS bigint) AS n_bins,
    CAST(100 * sum(n_expanded) AS double precision) / sum(n_bins) AS expanded_pct
  FROM days
  GROUP BY study_id, side
),
-- The squared standard error of each of the two means.
errors AS @once() (
  SELECT
    m.study_id,
    m.side,
    m.n_before - 1 AS df_before,
    m.n_after - 1 AS df_after,
    m.mean_before_s,
    m.mean_after_s,
    sum((d.before_s - m.mean_before_s) * (d.before_s - m.mean_before_s)) / (m.n_before - 1) / m.n_before
      AS error_before,
    sum((d.after_s - m.mean_after_s) * (d.after_s - m.mean_after_s)) / (m.n_after - 1) / m.n_after
      AS error_after
  FROM means AS m
  JOIN days AS d ON d.study_id = m.study_id AND d.side = m.side
  WHERE m.n_before > 1 AND m.n_after > 1
  GROUP BY m.study_id, m.side, m.n_before, m.n_after, m.mean_before_s, m.mean_after_s
),
-- What each mean adds to the squared standard error of a measure: of 100 * (after / before - 1) the square of its
-- derivative by that mean.
relative_errors AS (
  SELECT
    study_id,
    side,
    error_before * slope * slope AS error_before,
    df_before,
    error_after * (100 / mean_before_s) * (100 / mean_before_s) AS error_after,
    df_after
  FROM (SELECT *, 100 * mean_after_s / mean_before_s / mean_before_s AS slope FROM errors) AS e
),
parts AS (
  SELECT study_id, 'change_s' AS measure, error_before AS error, df_before AS df FROM errors WHERE side = 'study'
  UNION ALL
  SELECT study_id, 'change_s', error_after, df_after FROM errors WHERE side = 'study'
  UNION ALL
  SELECT study_id, 'change_pct', error_before, df_before FROM relative_errors WHERE side = 'study'
  UNION ALL
  SELECT study_id, 'change_pct', error_after, df_after FROM relative_errors WHERE side = 'study'
  UNION ALL
  SELECT study_id, 'net_change_pct', error_before, df_before FROM relative_errors
  UNION ALL
  SELECT study_id, 'net_change_pct', error_after, df_after FROM relative_errors
),
spreads AS @once() (
  SELECT
    study_id,
    measure,
    sum(error) AS square,
    CASE WHEN sum(error) > 0 THEN sum(error) * sum(error) / sum(error * error / df) END AS df
  FROM parts
  GROUP BY study_id, measure
  HAVING measure <> 'net_change_pct' OR count(*) = 4
),
-- The square root by Newton's method from above, for want of one that every SQLite has.
roots (study_id, measure, square, root, step) AS (
  SELECT study_id, measure, square, CAST(1 AS double precision) + square, 0 FROM spreads
  UNION ALL
  SELECT study_id, measure, square, (root + square / root) / 2, step + 1 FROM roots WHERE step < 60
),
-- Between two rows of t_quantiles the quantile is nearly linear in 1 / df.
quantiles AS (
  SELECT
    s.study_id,
    s.measure,
    a.t975 + COALESCE(
      (b.t975 - a.t975) * (1 / CAST(a.df AS double precision) - 1 / s.df)
        / (1 / CAST(a.df AS double precision) - 1 / CAST(b.df AS double precision)), 0
    ) AS t975
  FROM spreads AS s
  JOIN t_quantiles AS a ON a.df = (SELECT max(q.df) FROM t_quantiles AS q WHERE q.df <= s.df OR q.df = 1)
  LEFT JOIN t_quantiles AS b ON b.df = (SELECT min(q.df) FROM t_quantiles AS q WHERE q.df > s.df AND q.df > 1)
),
margins AS @once() (
  SELECT r.study_id, r.measure, CASE WHEN r.root < 0.000000001 THEN 0 ELSE r.root * q.t975 END AS margin
  FROM roots AS r
  LEFT JOIN quantiles AS q ON q.study_id = r.study_id AND q.measure = r.measure
  WHERE r.step = 60
),
changes AS (
  SELECT
    study_id,
    side,
    mean_after_s - mean_before_s AS change_s,
    100 * (mean_after_s - mean_before_s) / mean_before_s AS change_pct
  FROM means
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
  COALESCE(m.days_left_out, 0) AS days_left_out,
  m.mean_before_s AS mean_s_before,
  m.mean_after_s AS mean_s_after,
  c.change_s,
  c.change_s - g.margin AS ci95_low_s,
  c.change_s + g.margin AS ci95_high_s,
  c.change_pct,
  c.change_pct - p.margin AS ci95_low_pct,
  c.change_pct + p.margin AS ci95_high_pct,
  s.control_corridor_id,
  k.change_s AS control_change_s,
  k.change_pct AS control_change_pct,
  c.change_pct - k.change_pct AS net_change_pct,
  c.change_pct - k.change_pct - n.margin AS net_ci95_low_pct,
  c.change_pct - k.change_pct + n.margin AS net_ci95_high_pct,
  COALESCE(m.n_bins, 0) AS n_bins,
  COALESCE(w.links_total, 0) AS links_total,
  COALESCE(w.links_left_out, 0) AS links_left_out,
  m.expanded_pct,
  CASE WHEN COALESCE(m.n_before, 0) < r.min_days OR COALESCE(m.n_after, 0) < r.min_days
    THEN 'too few days; ' ELSE '' END
  || CASE WHEN d.local_date <= s.after_to THEN 'the time after is not over; ' ELSE '' END
  || CASE WHEN g.margin IS NULL THEN 'no confidence interval; '
    WHEN c.change_s - g.margin <= 0 AND c.change_s + g.margin >= 0 THEN 'no change beyond chance; ' ELSE '' END
  || CASE WHEN s.control_corridor_id IS NULL THEN 'no control corridor; '
    WHEN k.change_s IS NULL THEN 'the control corridor has no data; ' ELSE '' END
  || CASE WHEN w.links_changed > 0 OR o.links_changed > 0
    THEN 'the configuration of links changed, see link_history; ' ELSE '' END
  || CASE WHEN w.links_moved > 0 OR o.links_moved > 0 THEN 'the corridor got other links; ' ELSE '' END AS warnings
FROM studies AS s
CROSS JOIN internal_floors AS r
LEFT JOIN data_now AS d ON r.min_days >= 0
LEFT JOIN means AS m ON m.study_id = s.study_id AND m.side = 'study'
LEFT JOIN changes AS c ON c.study_id = s.study_id AND c.side = 'study'
LEFT JOIN changes AS k ON k.study_id = s.study_id AND k.side = 'control'
LEFT JOIN wholes AS w ON w.study_id = s.study_id AND w.side = 'study'
LEFT JOIN wholes AS o ON o.study_id = s.study_id AND o.side = 'control'
LEFT JOIN margins AS g ON g.study_id = s.study_id AND g.measure = 'change_s'
LEFT JOIN margins AS p ON p.study_id = s.study_id AND p.measure = 'change_pct'
LEFT JOIN margins AS n ON n.study_id = s.study_id AND n.measure = 'net_change_pct'
