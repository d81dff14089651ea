"""A real serializer's JSON, typed by the pipeline, is what stood in the server's database."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

import pandas as pd
import pytest

from inode_pipeline.api.answer import read_answer
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.normalise import Normaliser


def typed(server) -> pd.DataFrame:
    """Fetch all links of a server with its API key and type them."""
    answer = server.links(query="?page_size=100", Authorization=f"Token {server.credentials['api_key']}")
    normaliser = Normaliser(LINKS)
    batch = normaliser.page(1, read_answer(answer.content).records)
    normaliser.check(None, 0.0)
    return batch.frame.sort_values("link_id", ignore_index=True)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns"])
def test_m40_whatever_the_servers_zone_the_same_instants_are_stored(reference, zone):
    """Times with and without microseconds and on both sides of a clock change are the instants of the database."""
    server = reference(time_zone=zone)
    with sqlite3.connect(server.database) as connection:
        rows = connection.execute("SELECT last_updated FROM server_link ORDER BY id").fetchall()
    connection.close()
    stored = [None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC) for (text,) in rows]
    assert [None if pd.isna(time) else time.to_pydatetime() for time in typed(server)["last_observed_at"]] == stored


def test_every_field_of_a_real_serializer_finds_its_column(reference):
    """Nested sensors, nulls and numbers arrive in the columns that the endpoint declares for them."""
    server = reference()
    frame = typed(server)
    expected = [
        {
            "link_id": str(row["id"]),
            "name": row["name"],
            "origin_sensor_id": None if row["origin"] is None else str(row["origin"]["id"]),
            "destination_sensor_name": None if row["destination"] is None else row["destination"]["name"],
            "length_m": row["distance"],
            "last_speed_kmh": row["last_speed"],
            "last_travel_time_s": row["last_travel_time"],
            "last_sample_count": row["sample_size"],
        }
        for row in server.rows()
    ]
    columns = frame[list(expected[0])].astype(object)
    assert columns.where(columns.notna(), None).to_dict("records") == expected
