"""What Dagster shows of the tables."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from inode_pipeline.defs.metadata import _preview, table_schema
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.warehouse.tables import LINKS_TABLE


def test_the_column_schema_has_every_column_with_description_and_unit() -> None:
    """Each column of the table stands in the schema, described as the endpoint describes it, with its unit."""
    columns = {column.name: column for column in table_schema(LINKS).columns}
    assert list(columns) == [column.name for column in LINKS_TABLE.columns]
    assert all(column.description for column in columns.values())
    assert columns["length_m"].type == "double"
    assert columns["length_m"].description == f"{LINKS['length_m'].description} Unit: m."
    assert columns["snapshot_date"].type == "date"
    assert columns["first_seen_at"].type == "timestamp"
    assert columns["link_id"].constraints == dg.TableColumnConstraints(nullable=False, unique=True)
    assert columns["name"].constraints == dg.TableColumnConstraints(nullable=True, unique=False)


def test_m46_hostile_values_stay_cells_of_the_preview() -> None:
    """Markup, control characters and a megabyte of text are a short cell of a table, not a page of their own."""
    row = {"link_id": "<b>|\x1b[31m\r\n", "name": "x" * 1_000_000, "last_speed_kmh": None}
    [record] = _preview([row], list(row)).records
    assert record.data == {"link_id": "<b>|?[31m??", "name": "x" * 27 + "…", "last_speed_kmh": None}


def test_numbers_and_times_are_shown_as_they_are() -> None:
    """A number stays one, and an instant is in UTC."""
    row = {"link_id": "7", "observed_at": datetime(2026, 1, 2, 3, tzinfo=UTC), "speed_kmh": 1.5}
    [record] = _preview([row], ["link_id", "observed_at", "speed_kmh"]).records
    assert record.data == {"link_id": "7", "observed_at": "2026-01-02T03:00:00Z", "speed_kmh": 1.5}


def test_an_empty_table_has_a_preview_that_says_so() -> None:
    """Without rows there are no columns to show."""
    assert _preview([], ["link_id"]) == dg.MetadataValue.text("no rows")
