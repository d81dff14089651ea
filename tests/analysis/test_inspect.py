"""The fields that `inspect` shows of a page, and the field map that it writes."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inode_pipeline.analysis.inspect import FieldRow, inspect_page, starting_map
from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.endpoints.fieldmap import read_field_map
from inode_pipeline.endpoints.links import LINKS

PAGE: list[Any] = [
    {"id": 1, "name": "A", "origin": {"id": 5, "lat": 1.5}, "distance": 10, "tags": ["x"], "ok": True},
    {"id": "2", "name": None, "origin": None, "distance": "10.0"},
    {"id": 3, "name": "C", "origin": {"id": 6}, "Speed": 5.5, "empty": {}},
    {"id": 4, "name": "D", "origin": {"id": 7, "lat": None}, "length": 3},
]


def test_every_field_is_a_row_with_its_types_and_column() -> None:
    """In the API's order; null and missing count as null; the fields of objects are listed, those in lists are not."""
    assert inspect_page(LINKS, PAGE) == [
        FieldRow("id", ("integer", "text"), 0.0, "link_id"),
        FieldRow("name", ("text", "null"), 0.25, "name"),
        FieldRow("origin", ("object", "null"), 0.25, "-"),
        FieldRow("origin.id", ("integer",), 0.25, "origin_sensor_id"),
        FieldRow("origin.lat", ("number", "null"), 0.75, "extra"),
        FieldRow("distance", ("integer", "text"), 0.5, "length_m"),
        FieldRow("tags", ("list",), 0.75, "extra"),
        FieldRow("ok", ("true/false",), 0.75, "extra"),
        FieldRow("Speed", ("number",), 0.75, "extra"),
        FieldRow("empty", ("object",), 0.75, "extra"),
        FieldRow("length", ("integer",), 0.75, "length_m"),
    ]


def test_an_object_that_feeds_nothing_itself_is_marked() -> None:
    """Its fields have their own rows, except those of a geometry."""
    rows = {
        row.path: row.column
        for row in inspect_page(
            LINKS, [{"id": 1, "name": "A", "origin": {"id": 5}, "geometry": {"type": "Point", "coordinates": [1, 2]}}]
        )
    }
    assert rows == {
        "id": "link_id",
        "name": "name",
        "origin": "-",
        "origin.id": "origin_sensor_id",
        "geometry": "geometry",
        "geometry.type": "geometry",
        "geometry.coordinates": "geometry",
    }


def test_what_is_no_object_is_not_shown() -> None:
    """It has no fields."""
    rows = inspect_page(LINKS, [{"id": 1}, None])
    assert rows == [FieldRow("id", ("integer",), 0.0, "link_id")]
    assert inspect_page(LINKS, []) == []


@pytest.fixture
def reread(tmp_path: Path):
    def read(text: str, endpoint: Endpoint = LINKS) -> Endpoint:
        path = tmp_path / "map.toml"
        path.write_text(text, encoding="utf-8")
        return read_field_map(path).apply(endpoint)

    return read


def test_the_starting_map_maps_what_was_recognised(reread) -> None:
    """A valid field map with source and unit; what was not recognised is a comment with a likely field."""
    text = starting_map(LINKS, PAGE)
    columns = tomllib.loads(text)["links"]["columns"]
    assert columns == {
        "link_id": {"source": "id"},
        "name": {"source": "name"},
        "origin_sensor_id": {"source": "origin.id"},
        "length_m": {"source": "distance", "unit": "m"},
    }
    assert reread(text)["length_m"].sources == ("distance",)
    assert '# [links.columns.last_speed_kmh]\n# source = "Speed"' in text
    assert "#   origin.lat (number, null)" in text


def test_the_starting_map_says_what_is_needed(reread) -> None:
    """Without an id the map is still valid and says what is missing."""
    text = starting_map(LINKS, [{"linkNumber": 1}])
    assert reread(text) == LINKS
    assert '# Needed, but no field was recognised.\n# [links.columns.link_id]\n# source = "..."' in text


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ("2026-01-01T00:00:00Z", []),
        ("2026-01-01T00:00:00", ['# timezone = "America/Toronto"  # needed']),
        ("01/02/2026 00:00:00", ['# format = "%m/%d/%Y %H:%M:%S"  # needed', '# timezone = "America/Toronto"']),
        (1774742460, ['format = "unix"']),
        (1774742460000, ['format = "unix_ms"']),
        (None, []),
    ],
)
def test_the_starting_map_knows_how_times_are_written(reread, value: object, lines: list[str]) -> None:
    """Or asks for what only the user can know."""
    text = starting_map(LINKS, [{"id": 1, "name": "A", "last_updated": value, "speed": 5}])
    section = text.partition("[links.columns.last_observed_at]")[2].partition("[links.columns.geometry]")[0]
    assert [line for line in lines if line not in section] == []
    assert ("format" in section or "timezone" in section) is bool(lines)
    reread(text)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ({"type": "Point", "coordinates": [1, 2]}, 'format = "geojson"'),
        ("LINESTRING (1 2, 3 4)", 'format = "wkt"'),
        ("_p~iF~ps|U_ulLnnqC_mqNvxq`@", 'format = "polyline"'),
        ("1.5,2.5 3.5,4.5", 'format = "lat,lon pairs"'),
        ("somewhere", '# format = "..."'),
    ],
)
def test_the_starting_map_knows_the_geometry(reread, value: object, line: str) -> None:
    """The first format that reads all geometries of the page."""
    text = starting_map(LINKS, [{"id": 1, "name": "A", "geometry": value}])
    assert f'source = "geometry"  # {"object" if isinstance(value, dict) else "text"}\n{line}' in text
    reread(text)


def test_a_mapped_endpoint_keeps_its_map(reread) -> None:
    """Writing a new map keeps the units, formats and null values of the existing one."""
    before = reread("""
[links.columns.last_speed_kmh]
source = "Speed"
unit = "mph"
null_values = ["", -1, true, 1.5]
null_if = { Status = ["-101", -101] }
[links.columns.last_observed_at]
source = "At"
format = "%m/%d/%Y %H:%M:%S"
timezone = "America/New_York"
""")
    text = starting_map(before, [{"id": 1, "name": "A", "Speed": 5, "At": "01/02/2026 00:00:00"}])
    after = reread(text)
    for column in ("last_speed_kmh", "last_observed_at"):
        assert after[column] == before[column]


NAMES = st.text(st.characters(), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(NAMES, st.none() | st.text() | st.integers() | st.dictionaries(NAMES, st.integers())))
def test_m44_whatever_fields_are_called_the_map_can_be_read(reread, record: dict[str, Any]) -> None:
    """Quotes, line breaks, control characters and half surrogates in names cannot break out of the file."""
    text = starting_map(LINKS, [record | {"id": 1}])
    assert reread(text)["link_id"].sources == ("id",)
    assert "\x1b" not in text


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "a\x7fb", "é🚗", "a # b", "a.b"])
def test_m44_a_source_with_an_odd_name_is_written_exactly(reread, name: str) -> None:
    """The written source is the field's name again."""
    columns = tuple(replace(c, sources=(name,)) if c.name == "status" else c for c in LINKS.columns)
    text = starting_map(replace(LINKS, columns=columns), [{"id": 1, "name": "A", name: "x"}])
    assert reread(text)["status"].sources == (name,)


def test_no_value_of_a_record_is_shown() -> None:
    """Neither in the rows nor in the map, because a page may contain confidential values."""
    text = starting_map(LINKS, [{"id": "SECRET1", "name": "SECRET2", "x": "SECRET3", "last_updated": "SECRET4"}])
    assert "SECRET" not in text + repr(inspect_page(LINKS, [{"id": "SECRET1", "x": ["SECRET3"]}]))
