"""One record of the links endpoint as it is thought to be, and its row, both written by hand."""

from __future__ import annotations

import pandas as pd

from inode_pipeline.api.answer import read_answer
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.normalise import Normaliser

BODY = b"""
{"count": 1, "next": null, "previous": null, "results": [{
  "id": 9007199254740993, "name": "King St: Main \\u2192 Oak", "status": "Collecting", "data_source": "Sensor",
  "grid": {"id": 4, "name": "Downtown"},
  "origin": {"id": 11, "name": "King / Main", "latitude": "45.4215", "longitude": "-75.6972"},
  "destination": {"id": 12, "name": "King / Oak", "latitude": "45.4301", "longitude": "-75.6850"},
  "distance": "1340.5000", "free_flow_speed": 50, "last_speed": 38.5, "last_travel_time": "125.00",
  "sample_size": 17, "last_updated": "2026-03-08T02:59:30.250000-05:00",
  "geometry": {"type": "LineString", "coordinates": [[-75.6972, 45.4215], [-75.685, 45.4301]]},
  "is_enabled": true
}]}
"""

ROW = {
    "link_id": "9007199254740993",
    "name": "King St: Main → Oak",
    "status": "Collecting",
    "data_source": "Sensor",
    "grid": "Downtown",
    "origin_sensor_id": "11",
    "origin_sensor_name": "King / Main",
    "destination_sensor_id": "12",
    "destination_sensor_name": "King / Oak",
    "length_m": 1340.5,
    "free_flow_speed_kmh": 50.0,
    "free_flow_travel_time_s": 96.516,
    "last_speed_kmh": 38.5,
    "last_travel_time_s": 125.0,
    "last_sample_count": 17,
    "last_observed_at": pd.Timestamp("2026-03-08 07:59:30.25", tz="UTC"),
    "geometry": '{"coordinates":[[-75.6972,45.4215],[-75.685,45.4301]],"type":"LineString"}',
    "extra": '{"destination":{"latitude":"45.4301","longitude":"-75.6850"},"grid":{"id":4},"is_enabled":true,'
    '"origin":{"latitude":"45.4215","longitude":"-75.6972"}}',
    "page": 3,
    "position": 1,
}

FIELDS = [
    "data_source",
    "destination.id",
    "destination.latitude",
    "destination.longitude",
    "destination.name",
    "distance",
    "free_flow_speed",
    "geometry.coordinates",
    "geometry.type",
    "grid.id",
    "grid.name",
    "id",
    "is_enabled",
    "last_speed",
    "last_travel_time",
    "last_updated",
    "name",
    "origin.id",
    "origin.latitude",
    "origin.longitude",
    "origin.name",
    "sample_size",
    "status",
]


def test_the_golden_record_becomes_its_row() -> None:
    """Every column, the inventory of fields, and the units by physics."""
    normaliser = Normaliser(LINKS)
    frame = normaliser.page(3, read_answer(BODY).records).frame
    assert frame.drop(columns=["record_hash", "content_hash"]).to_dict("records") == [ROW]
    assert normaliser.fields == dict.fromkeys(FIELDS, 1)
    normaliser.check(None, 0.0)
    assert normaliser.units_checked == 1
