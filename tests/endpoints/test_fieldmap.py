"""The user's field map: what it may say, and how everything that is wrong with it is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from inode_pipeline.endpoints.endpoint import Endpoint
from inode_pipeline.endpoints.fieldmap import read_field_map
from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.errors import ConfigError

DOCUMENTED = """
[links.columns.link_id]
source = "linkId"
[links.columns.last_speed_kmh]
source = "Speed"
unit = "mph"
null_if = { Status = ["-101", -101], "road.state" = "closed" }
[links.columns.last_observed_at]
source = "DataAsOf"
format = "%m/%d/%Y %H:%M:%S"
timezone = "America/New_York"
[links.columns.geometry]
source = "linkPoints"
format = "lat,lon pairs"
[links.columns.grid]
source = ""
null_values = ["", "N/A"]
"""


@pytest.fixture
def mapped(tmp_path: Path):
    def read(text: str | bytes) -> Endpoint:
        path = tmp_path / "map.toml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_field_map(path).apply(LINKS)

    return read


def test_a_map_overrides_what_the_wire_calls_things(mapped) -> None:
    """Every documented key reaches its column."""
    endpoint = mapped(DOCUMENTED)
    speed, time = endpoint["last_speed_kmh"], endpoint["last_observed_at"]
    assert endpoint["link_id"].sources == ("linkId",)
    assert (speed.sources, speed.source_unit, speed.factor) == (("Speed",), "mph", 1.609344)
    assert speed.null_if == {"Status": ("-101", -101), "road.state": ("closed",)}
    assert (time.format, time.timezone) == ("%m/%d/%Y %H:%M:%S", "America/New_York")
    assert endpoint["geometry"].format == "lat,lon pairs"
    assert (endpoint["grid"].sources, endpoint["grid"].null_values) == ((), ("", "N/A"))


def test_a_map_never_changes_the_warehouses_side(mapped) -> None:
    """Names, types and units of the columns stay, and so do columns that the map does not mention."""
    endpoint = mapped(DOCUMENTED)
    assert [(c.name, c.type, c.unit, c.kind) for c in endpoint.columns] == [
        (c.name, c.type, c.unit, c.kind) for c in LINKS.columns
    ]
    assert endpoint["name"] == LINKS["name"]
    assert (endpoint.measured, endpoint.path) == (LINKS.measured, LINKS.path)


def test_an_empty_map_changes_nothing(mapped) -> None:
    """A file with comments only, even with a byte order mark, is a valid map."""
    assert mapped(b"\xef\xbb\xbf# nothing yet\n") == LINKS


def test_every_problem_is_told_at_once_with_its_place(mapped) -> None:
    """One error names each wrong table, column, key and value, and the setting."""
    with pytest.raises(ConfigError) as caught:
        mapped("""
typo = 1
[devices.columns.x]
[links]
other = 2
[links.columns.link_id]
source = ""
null_values = ["a"]
[links.columns.name]
unit = "m"
sauce = "x"
[links.columns.length_m]
source = 3
unit = ["m"]
timezone = "UTC"
format = "wkt"
[links.columns.last_speed_kmh]
unit = "furlong"
null_if = { Status = [2020-01-01] }
null_values = [nan]
[links.columns.last_observed_at]
format = "%Q"
timezone = "America/Nowhere"
[links.columns.geometry]
format = "shapefile"
[links.columns.speed]
[links.columns.extra]
source = "x"
[links.columns]
status = 5
""")
    message = caught.value.message
    assert "INODE_FIELD_MAP_FILE" in message
    places = [
        "typo: no such table",
        "devices: no such table",
        "links.other: unknown key",
        "links.columns.link_id.source: link_id must have a source",
        "links.columns.link_id.null_values: link_id identifies the records",
        "links.columns.name.unit: name has no unit",
        "links.columns.name.sauce: unknown key",
        "links.columns.length_m.source: must be a text",
        "links.columns.length_m.unit: \"['m']\" is not one of m, km, mi, ft",
        "links.columns.length_m.timezone: length_m is not a time",
        "links.columns.length_m.format: only a time or a geometry has a format",
        "links.columns.last_speed_kmh.unit: 'furlong' is not one of km/h, mph, m/s",
        "links.columns.last_speed_kmh.null_if: must be a list of texts, numbers, true or false",
        "links.columns.last_speed_kmh.null_values: must not hold nan or inf",
        "links.columns.last_observed_at.format: '%Q' is neither iso8601, unix, unix_ms nor a strptime format",
        "links.columns.last_observed_at.timezone: 'America/Nowhere' is not a time zone",
        "links.columns.geometry.format: 'shapefile' is not one of geojson, wkt, polyline, lat,lon pairs",
        "links.columns.speed: no such column",
        "links.columns.extra: this column holds what no other column claims",
        "links.columns.status: must be a table",
    ]
    assert [place for place in places if place not in message] == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[links", "is not TOML"),
        ("[links]\n[links]\n", "is not TOML"),
        ("a = 1\na = 2\n", "is not TOML"),
        (b"\xff\xfe", "is not UTF-8 text"),
        ("links = 5", "links: must be a table"),
        ("[links]\ncolumns = 1", "links.columns: must be a table"),
        ("[links.columns.link_id]\nsource = '\x1b[31m'\nunit = '\x1b[31m'", "is not TOML"),
    ],
)
def test_a_file_that_is_no_map_is_a_configerror(mapped, text: str | bytes, reason: str) -> None:
    """Whatever the file holds, the error is a ConfigError of one clean line."""
    with pytest.raises(ConfigError) as caught:
        mapped(text)
    assert reason in caught.value.message
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_that_cannot_be_read_is_a_configerror(tmp_path: Path, name: str) -> None:
    """A missing file and a folder name the setting and the path."""
    with pytest.raises(ConfigError, match=r"INODE_FIELD_MAP_FILE .* cannot be read"):
        read_field_map(tmp_path / name)


@pytest.mark.parametrize("text", ["%d.%m.%Y %H:%M", "%Y-%m-%dT%H:%M:%S.%f%z", "%y%m%d%H%M%S", "%b %d %Y %I:%M %p"])
def test_a_strptime_format_of_a_whole_time_is_accepted(mapped, text: str) -> None:
    """Seconds may be missing, the date and the hour may not."""
    assert mapped(f'[links.columns.last_observed_at]\nformat = "{text}"')["last_observed_at"].format == text


@pytest.mark.parametrize("text", ["%H:%M:%S", "%d.%m. %H:%M", "%Y-%m-%d", "%I:%M %d.%m.%Y", "soon", "%", ""])
def test_a_format_that_cannot_give_an_instant_is_refused(mapped, text: str) -> None:
    """A time of day, a date alone or half a day would be read as a wrong instant."""
    with pytest.raises(ConfigError, match=r"links\.columns\.last_observed_at\.format"):
        mapped(f'[links.columns.last_observed_at]\nformat = "{text}"')
