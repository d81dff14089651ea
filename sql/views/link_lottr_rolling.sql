-- One row per link: the measure of link_lottr_annual over the 365 days before today. It is provisional, and every row
-- says so: 23 CFR 490.511 defines the ratio for a calendar year only, and this one changes every day. As there, it is
-- NULL if one of the four periods is below the floors.
--
-- link_id: the link
-- name: its name
-- status: provisional, in every row
-- from_date (date): the first local date
-- to_date (date): the last local date, which is included
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
  'provisional: the last 365 days, not a calendar year' AS status,
  @date(86400 * y.first_day) AS from_date,
  @date(86400 * y.next_first_day - 86400) AS to_date,
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
WHERE y.year IS NULL
