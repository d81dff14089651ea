-- Internal: one row per link of a corridor and month, with its length and the baseline in force in that month;
-- valid_from and valid_to say on which of its days the link belongs to the corridor.
--
-- corridor_id: the corridor
-- link_id: the link
-- month: the local month, such as 2026-10
-- valid_from (date): the first local date on which it belongs to the corridor
-- valid_to (date): the first local date on which it no longer does; NULL if it still does
-- length_m: the length along the road in that month
-- is_left_out: the corridor does without it in that month, since its length or a sensor changed; see link_history
-- free_flow_s: the travel time at free flow, of the baseline in force in that month
-- baseline_method: which baseline it is measured against; see link_baselines; NULL where there is none
-- baseline_version (bigint): the version of that baseline; NULL where there is none, or where there are several
WITH placed AS @once() (
  SELECT
    c.corridor_id,
    c.link_id,
    m.month,
    c.valid_from,
    c.valid_to,
    f.length_m,
    COALESCE(f.configuration_changed, false) AS is_left_out,
    f.free_flow_s,
    f.baseline_method,
    f.baseline_version
  FROM corridor_links AS c
  CROSS JOIN (SELECT DISTINCT month FROM internal_days) AS m
  LEFT JOIN internal_link_months AS f ON f.link_id = c.link_id AND f.month = m.month
)
SELECT
  corridor_id, link_id, month, valid_from, valid_to, length_m, is_left_out, free_flow_s, baseline_method,
  baseline_version
FROM placed
