-- What is congested right now?
-- :limit (number) how many links; without it 20
--   SELECT 20
SELECT link_id, name, last_speed_kmh, free_flow_speed_kmh, speed_ratio, last_sample_count, minutes_old
FROM congested_now
ORDER BY speed_ratio, link_id
LIMIT :limit
