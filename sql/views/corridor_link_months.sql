-- One row per link of a corridor and month, with the baseline that is in force in that month; valid_from and valid_to
-- tell on which of its days the link belongs to the corridor.
--
-- corridor_id: the corridor
-- link_id: the link
-- month: the local month, such as 2026-10
-- valid_from (date): the first local date on which it belongs to the corridor
-- valid_to (date): the first local date on which it no longer does; NULL if it still does
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
    f.free_flow_s,
    f.baseline_method,
    f.baseline_version
  FROM corridor_links AS c
  CROSS JOIN (SELECT DISTINCT month FROM local_days) AS m
  LEFT JOIN baselines_in_force AS f ON f.link_id = c.link_id AND f.month = m.month
)
SELECT corridor_id, link_id, month, valid_from, valid_to, free_flow_s, baseline_method, baseline_version
FROM placed
