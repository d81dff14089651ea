-- Internal: one row: the rules of the table index_rules side by side, with the shipped value where a rule was deleted.
--
-- min_coverage_pct: below it an index is NULL
-- min_days: below it an index is NULL
-- min_days_p95 (double): below it what rests on P95 is NULL
-- congested_threshold_pct: below this share of free flow a link is congested
-- corridor_min_coverage_pct: below this share of its free-flow time a corridor has no travel time
-- unusual_delay_min_weeks (double): below it an unusual delay is NULL
WITH floors AS @once() (  -- PostgreSQL would compute it again for every row that it is joined to
  SELECT
    COALESCE(max(CASE WHEN name = 'min_coverage_pct' THEN value END), 50) AS min_coverage_pct,
    COALESCE(max(CASE WHEN name = 'min_days' THEN value END), 10) AS min_days,
    COALESCE(max(CASE WHEN name = 'min_days_p95' THEN value END), 15) AS min_days_p95,
    COALESCE(max(CASE WHEN name = 'congested_threshold_pct' THEN value END), 90) AS congested_threshold_pct,
    COALESCE(max(CASE WHEN name = 'corridor_min_coverage_pct' THEN value END), 80) AS corridor_min_coverage_pct,
    COALESCE(max(CASE WHEN name = 'unusual_delay_min_weeks' THEN value END), 6) AS unusual_delay_min_weeks
  FROM index_rules
)
SELECT
  min_coverage_pct,
  min_days,
  min_days_p95,
  congested_threshold_pct,
  corridor_min_coverage_pct,
  unusual_delay_min_weeks
FROM floors
