-- One row per link with a geometry: its line as Well-Known Text in WGS 84 (EPSG:4326), longitude first. QGIS reads it
-- as it is; in PostGIS ST_GeomFromText(wkt, 4326) makes a geometry of it.
--
-- link_id: the link
-- name: its name
-- status: its status in iNode
-- length_m: the length along the road, as iNode has it today
-- free_flow_speed_kmh: the free-flow speed that iNode states today
-- deleted_at: when iNode was first seen without it; NULL if it is listed
-- wkt: LINESTRING, MULTILINESTRING or POINT, in degrees
SELECT
  link_id,
  name,
  status,
  length_m,
  free_flow_speed_kmh,
  deleted_at,
  upper(kind) || ' ' || replace(replace(replace(replace(replace(replace(replace(
    replace(replace(replace(replace(coordinates, ' ', ''), '],[', '];['), ',', ' '), '[[[', '(('),
    ']];[[', '), ('), ']]]', '))'), '];[', ', '), '[[', '('), ']]', ')'), '[', '('), ']', ')') AS wkt
FROM (
  SELECT l.*, @geometry_kind(l.geometry) AS kind, @coordinates(l.geometry) AS coordinates
  FROM links AS l
  WHERE l.geometry IS NOT NULL
) AS located
