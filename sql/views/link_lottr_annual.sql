-- One row per link and year: P80 over P50 of the year's 15-minute bins in each of four periods of local time, weekdays
-- 06-10, 10-16, 16-20 and weekends 06-20, holidays included. Travel times are rounded to whole seconds, missing bins
-- are not imputed, a ratio is rounded to the nearest hundredth, and the link is reliable only if all four are below
-- 1.50. The same formula as 23 CFR 490.511, not the reported measure: that one rests on NPMRDS travel times and
-- segments and is weighted by traffic and occupancy. An incomplete year has NULLs: one that is not over, or of which
-- one of the four periods is below index_rules, where coverage is of the whole calendar year, from 1 January on. The
-- ratio needs no free flow, so there is no baseline.
--
-- link_id: the link
-- name: its name
-- year (bigint): the local year
-- lottr_weekday_06_10 (double): P80 over P50, weekdays 06:00 to 10:00
-- lottr_weekday_10_16 (double): P80 over P50, weekdays 10:00 to 16:00
-- lottr_weekday_16_20 (double): P80 over P50, weekdays 16:00 to 20:00
-- lottr_weekend_06_20 (double): P80 over P50, weekends 06:00 to 20:00
-- is_reliable: all four are below 1.50
-- n_bins: the bins it rests on
-- n_days: the local dates with data it rests on
-- coverage_pct: quarter hours with data over those of the calendar, of the period with the least
-- configuration_changed (boolean): no ratio, since the length or a sensor changed in that time
SELECT
  y.link_id,
  l.name,
  y.year,
  y.lottr_weekday_06_10,
  y.lottr_weekday_10_16,
  y.lottr_weekday_16_20,
  y.lottr_weekend_06_20,
  y.is_reliable,
  y.n_bins,
  y.n_days,
  y.coverage_pct,
  y.configuration_changed
FROM internal_lottr AS y
JOIN links AS l ON l.link_id = y.link_id
WHERE y.year IS NOT NULL
