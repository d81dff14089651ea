-- Which links do we have?
SELECT link_id, name, data_source, length_m, free_flow_speed_kmh, sensors, last_observed_at_local
FROM links_active
ORDER BY name, link_id
