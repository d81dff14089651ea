"""The recorded snapshots of New York City's link feed, typed with nothing but a field map.

They lie beside the project and are not part of it; without them this test is skipped.
"""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from inode_pipeline.endpoints.fieldmap import read_field_map
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.normalise import Normaliser

FEED = Path(__file__).parents[3] / "shared" / "data" / "nyc_dot_links" / "snapshots.ndjson.gz"

FIELD_MAP = """
[links.columns.link_id]
source = "linkId"
[links.columns.name]
source = "linkName"
[links.columns.last_speed_kmh]
source = "Speed"
unit = "mph"
null_if = { Status = ["-101", -101] }
[links.columns.last_travel_time_s]
source = "TravelTime"
null_if = { Status = ["-101", -101] }
[links.columns.last_observed_at]
source = "DataAsOf"
format = "%m/%d/%Y %H:%M:%S"
timezone = "America/New_York"
[links.columns.geometry]
source = "linkPoints"
format = "lat,lon pairs"
"""


def expected(record: dict[str, Any]) -> tuple[Any, ...]:
    """Read one record without the pipeline."""
    has_data = str(record["Status"]) != "-101"
    local = datetime.strptime(record["DataAsOf"], "%m/%d/%Y %H:%M:%S").replace(tzinfo=ZoneInfo("America/New_York"))
    return (
        str(record["linkId"]),
        record["linkName"],
        float(record["Speed"]) * 1.609344 if has_data else None,
        float(record["TravelTime"]) if has_data else None,
        local.astimezone(UTC) if local.year >= 2000 else None,  # 1978 stands for no date
    )


@pytest.mark.skipif(not FEED.is_file(), reason="the recorded feed does not lie beside the project (../shared/data)")
def test_every_record_of_the_recorded_feed_is_typed(tmp_path: Path) -> None:
    """Numbers and strings mixed from day to day, sentinels, local times and broken points; no record is lost."""
    path = tmp_path / "map.toml"
    path.write_text(FIELD_MAP)
    endpoint = read_field_map(path).apply(LINKS)
    with gzip.open(FEED) as lines_of_file:
        snapshots = [json.loads(line)["records"] for line in lines_of_file]
    assert sum(map(len, snapshots)) == 2069

    previous = None
    for records in snapshots:
        normaliser = Normaliser(endpoint)
        frame = normaliser.page(1, records).frame
        normaliser.check(previous, 0.0)
        previous = normaliser.fields
        columns = ["link_id", "name", "last_speed_kmh", "last_travel_time_s", "last_observed_at"]
        rows = frame[columns].astype(object).where(frame[columns].notna(), None)
        assert [tuple(row) for row in rows.to_numpy()] == [expected(record) for record in records]
        lines = frame["geometry"].map(json.loads)
        assert not frame["geometry"].isna().any()
        bounds = [point for line in lines for point in line["coordinates"]]
        points = pd.DataFrame(bounds, columns=["longitude", "latitude"])
        assert points["longitude"].between(-75, -73.5).all()
        assert points["latitude"].between(40.4, 41.0).all()
