"""The links endpoint: what the API may call each field of a link, and what the warehouse calls it.

The JSON of `GET /api/v1/links/` is not published. The names under `sources` are assumptions, drawn from what iNode's
own pages call these things and from the feeds of comparable systems; a user confirms them with `inode-pipeline inspect`
and corrects them with a field map. Names and units on the warehouse's side are a contract and never change.
"""

from __future__ import annotations

from inode_pipeline.endpoints.endpoint import Column, Endpoint, Motion

LINKS = Endpoint(
    name="links",
    path="v1/links/",
    description="One row per link, the present: a stretch of road between two sensors whose travel time is measured.",
    columns=(
        Column(
            "link_id",
            "key",
            "text",
            "The API's id of the link, as text.",
            sources=("id", "link_id", "linkId", "uuid", "pk"),
            required=True,
        ),
        Column(
            "name",
            "configuration",
            "text",
            "The link's name in iNode.",
            sources=("name", "link_name", "linkName", "title"),
            required=True,
        ),
        Column(
            "status",
            "state",
            "text",
            "The link's status in iNode, for example Collecting; not configuration.",
            sources=("status", "state"),
        ),
        Column(
            "data_source",
            "configuration",
            "text",
            "What measures the link: Sensor or Crowdsourced.",
            sources=("data_source", "dataSource", "source_type", "source"),
        ),
        Column(
            "grid",
            "configuration",
            "text",
            "The grid the link belongs to in iNode.",
            sources=("grid", "grid.name", "grid_name", "gridName"),
        ),
        Column(
            "origin_sensor_id",
            "configuration",
            "text",
            "The API's id of the sensor at which the link begins.",
            sources=(
                "origin.id",
                "origin_sensor.id",
                "origin_sensor_id",
                "origin_id",
                "originId",
                "origin",
                "origin_sensor",
            ),
        ),
        Column(
            "origin_sensor_name",
            "configuration",
            "text",
            "The name of the sensor at which the link begins.",
            sources=("origin.name", "origin_sensor.name", "origin_sensor_name", "origin_name", "originName"),
        ),
        Column(
            "destination_sensor_id",
            "configuration",
            "text",
            "The API's id of the sensor at which the link ends.",
            sources=(
                "destination.id",
                "destination_sensor.id",
                "destination_sensor_id",
                "destination_id",
                "destinationId",
                "destination",
                "destination_sensor",
            ),
        ),
        Column(
            "destination_sensor_name",
            "configuration",
            "text",
            "The name of the sensor at which the link ends.",
            sources=(
                "destination.name",
                "destination_sensor.name",
                "destination_sensor_name",
                "destination_name",
                "destinationName",
            ),
        ),
        Column(
            "length_m",
            "configuration",
            "double",
            "The link's length along the road.",
            unit="m",
            source_unit="m",
            sources=("distance", "length", "distance_m", "length_m", "link_length"),
        ),
        Column(
            "free_flow_speed_kmh",
            "configuration",
            "double",
            "The free-flow speed configured on the link.",
            unit="km/h",
            source_unit="km/h",
            sources=("free_flow_speed", "freeFlowSpeed", "free_flow_speed_kmh", "freeflow_speed"),
        ),
        Column(
            "free_flow_travel_time_s",
            "configuration",
            "double",
            "The travel time at free flow; where the API gives none, length over free-flow speed.",
            unit="s",
            source_unit="s",
            sources=("free_flow_travel_time", "freeFlowTravelTime", "free_flow_time", "free_flow_travel_time_s"),
        ),
        Column(
            "last_speed_kmh",
            "measurement",
            "double",
            "The mean speed of the last interval.",
            unit="km/h",
            source_unit="km/h",
            sources=("last_speed", "lastSpeed", "speed", "last_speed_kmh", "current_speed"),
        ),
        Column(
            "last_travel_time_s",
            "measurement",
            "double",
            "The mean travel time of the last interval.",
            unit="s",
            source_unit="s",
            sources=("last_travel_time", "lastTravelTime", "travel_time", "travelTime", "last_travel_time_s"),
        ),
        Column(
            "last_sample_count",
            "measurement",
            "bigint",
            "How many vehicles the last interval's values rest on.",
            sources=("sample_size", "last_sample_size", "sample_count", "sampleCount", "samples", "count"),
        ),
        Column(
            "last_observed_at",
            "measurement",
            "timestamp",
            "When the last interval was measured, in UTC.",
            sources=("last_updated", "lastUpdated", "updated_at", "last_update", "timestamp", "observed_at"),
        ),
        Column(
            "geometry",
            "configuration",
            "geometry",
            "The link's line as GeoJSON, longitude before latitude.",
            sources=("geometry", "geom", "shape", "polyline", "path"),
        ),
        Column("extra", "rest", "json", "Every field of the record that no other column holds, as JSON."),
    ),
    measured=Motion("length_m", "last_travel_time_s", "last_speed_kmh"),
    free_flow=Motion("length_m", "free_flow_travel_time_s", "free_flow_speed_kmh"),
    measurement_objects=("last_record", "last_measurement", "measurement", "latest", "current", "last"),
)
"""One row per link. `link_id` and `name` must be found; every other column may be absent and is NULL then."""
