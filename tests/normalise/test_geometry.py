"""Geometries: every documented way to write a line becomes the same GeoJSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inode_pipeline.endpoints.links import LINKS
from inode_pipeline.normalise import Normaliser
from inode_pipeline.normalise.geometry import GeometryReader

LINE = {"type": "LineString", "coordinates": [[-120.2, 38.5], [-120.95, 40.7], [-126.453, 43.252]]}
POLYLINE = "_p~iF~ps|U_ulLnnqC_mqNvxq`@"  # the example of the algorithm's own description


@pytest.fixture(scope="session")
def geometry(mapped):
    """What a format makes of a value: the parsed GeoJSON, None for NULL, or the reason."""

    def read(raw: Any, form: str | None = None) -> Any:
        [text], reasons = GeometryReader(mapped("geometry", format=form)["geometry"]).read([raw])
        if reasons:
            return f"unreadable: {reasons[0]}"
        return None if text is None else json.loads(text)

    return read


@pytest.mark.parametrize(
    ("form", "raw"),
    [
        (None, LINE),
        ("geojson", LINE),
        (None, json.dumps(LINE)),
        ("geojson", json.dumps(LINE)),
        (None, "LINESTRING (-120.2 38.5, -120.95 40.7, -126.453 43.252)"),
        ("wkt", "linestring(-120.2 38.5,-120.95 40.7,-126.453 43.252)"),
        ("wkt", "SRID=4326;LINESTRING (-120.2 38.5, -120.95 40.7, -126.453 43.252)"),
        (None, POLYLINE),
        ("polyline", POLYLINE),
        ("lat,lon pairs", "38.5,-120.2 40.7,-120.95 43.252,-126.453"),
        ("lat,lon pairs", " 38.5,-120.2  40.7,-120.95\n43.252,-126.453 "),
    ],
)
def test_one_line_is_the_same_in_every_format(geometry, form: str | None, raw: object) -> None:
    """Longitude stands before latitude, whatever came first on the wire."""
    assert geometry(raw, form) == LINE


@pytest.mark.parametrize(
    "raw",
    [
        {"type": "Point", "coordinates": [1.5, 2.5]},
        {"type": "MultiLineString", "coordinates": [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0, 9.0]]]},
        {"type": "LineString", "coordinates": [[1.0, 2.0], [1.0, 2.0]], "bbox": [1, 2, 1, 2]},
    ],
)
def test_points_and_lines_of_geojson_are_kept_whole(geometry, raw: object) -> None:
    """Heights and further members stay."""
    assert geometry(raw) == raw


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("POINT (1 2)", {"type": "Point", "coordinates": [1.0, 2.0]}),
        ("POINT Z (1 2 3)", {"type": "Point", "coordinates": [1.0, 2.0, 3.0]}),
        (
            "MULTILINESTRING ((1 2, 3 4), (5 6, 7 8))",
            {"type": "MultiLineString", "coordinates": [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]},
        ),
    ],
)
def test_points_and_several_lines_of_wkt_are_read(geometry, raw: str, expected: object) -> None:
    """The same three shapes as in GeoJSON."""
    assert geometry(raw) == expected


@pytest.mark.parametrize("raw", [None, {"type": "LineString", "coordinates": []}, "LINESTRING EMPTY"])
def test_a_geometry_without_coordinates_is_null(geometry, raw: object) -> None:
    """A link that was never drawn is no reason to set its record aside."""
    assert geometry(raw) is None


def test_equal_coordinates_are_written_alike(typed, link) -> None:
    """Integers, signs of zero, key order and the height of nothing do not change the text."""
    first = typed(link(geometry={"type": "LineString", "coordinates": [[0, -0.0], [1, 2]]}))
    second = typed(link(geometry={"coordinates": [[0.0, 0.0], [1.0, 2.0]], "type": "LineString"}))
    assert first.frame["geometry"][0] == '{"coordinates":[[0.0,0.0],[1.0,2.0]],"type":"LineString"}'
    assert first.frame["record_hash"][0] == second.frame["record_hash"][0]


@pytest.mark.parametrize(
    ("form", "raw", "reason"),
    [
        (None, {"type": "Polygon", "coordinates": [[[1, 2]]]}, "not a GeoJSON Point"),
        (None, {"type": ["LineString"], "coordinates": []}, "not a GeoJSON Point"),
        (None, {"lat": 1, "lon": 2}, "not a GeoJSON Point"),
        (None, {"type": "LineString"}, "without coordinates"),
        (None, {"type": "LineString", "coordinates": {"x": 1}}, "without coordinates"),
        (None, {"type": "LineString", "coordinates": [[1, 2]]}, "fewer than two points"),
        (None, {"type": "LineString", "coordinates": [1, 2]}, "two to four numbers"),
        (None, {"type": "LineString", "coordinates": [[1, 2], [3]]}, "two to four numbers"),
        (None, {"type": "LineString", "coordinates": [[1, 2], [3, None]]}, "finite numbers"),
        (None, {"type": "LineString", "coordinates": [[1, 2], [3, True]]}, "finite numbers"),
        (None, {"type": "LineString", "coordinates": [[1, 2], ["3", "4"]]}, "finite numbers"),
        (None, {"type": "LineString", "coordinates": [[1, 2], [3.0, float("nan")]]}, "finite numbers"),
        (None, {"type": "LineString", "coordinates": [[1.0, 2.0], [3.0, float("nan")]]}, "finite numbers"),
        (None, {"type": "LineString", "coordinates": [[500000.0, 4.6e6], [5e5, 4.6e6]]}, "outside longitude"),
        (None, {"type": "MultiLineString", "coordinates": [[]]}, "fewer than two points"),
        (None, {"type": "Point", "coordinates": [[1, 2]]}, "two to four numbers"),
        (None, {"type": "Point", "coordinates": [1, 2], "name": "\ud800"}, "half of a surrogate pair"),
        (None, {"type": "Point", "coordinates": [1, 2], "name": "\x00"}, "NUL"),
        (None, [[1, 2], [3, 4]], "not a GeoJSON Point"),
        (None, 5, "not a GeoJSON Point"),
        (None, True, "not a GeoJSON Point"),
        (None, "", "an empty text"),
        (None, "{broken", "not JSON"),
        (None, "0102000020E6100000", "neither WKT nor an encoded polyline"),
        (None, "POLYGON ((1 2, 3 4, 5 6, 1 2))", "not a WKT POINT"),
        ("wkt", "LINESTRING (1 2)", "fewer than two points"),
        ("wkt", "LINESTRING (1 2, x 3)", "not a number"),
        ("wkt", "LINESTRING (1 2, 3)", "two to four numbers"),
        ("wkt", "LINESTRING ((1 2, 3 4))", "not a number"),
        ("wkt", "MULTILINESTRING (1 2, 3 4)", "brackets"),
        ("wkt", "SRID=3857;LINESTRING (1 2, 3 4)", "not a WKT POINT"),
        ("wkt", "POINT (1 2, 3 4)", "more than one point"),
        ("wkt", LINE, "not a text"),
        ("polyline", "_p~iF~ps|U_ulL", "ends inside a point"),
        ("polyline", POLYLINE[:-1], "ends inside a number"),
        ("polyline", "_p~iF~ps|U", "fewer than two points"),
        ("polyline", "~~~~~~~~~~~~~~~~~~?", "neither WKT nor an encoded polyline"),
        ("lat,lon pairs", "38.5 -120.2", "not a list of lat,lon"),
        ("lat,lon pairs", "-120.2,38.5 -120.95,40.7", "not a list of lat,lon"),
        ("lat,lon pairs", "38.5,-120.2", "fewer than two points"),
        ("lat,lon pairs", "   ", "an empty text"),
    ],
)
def test_what_is_no_geometry_has_a_reason(geometry, form: str | None, raw: object, reason: str) -> None:
    """Nothing is drawn by guess."""
    result = geometry(raw, form)
    assert str(result).startswith("unreadable: ")
    assert reason in result


def test_a_geometry_that_cannot_be_read_is_null_and_counted(link) -> None:
    """A night must not fail because two lines are drawn badly: their records are kept."""
    normaliser = Normaliser(LINKS)
    batch = normaliser.page(1, [link(geometry=LINE), link(id=2, geometry="nonsense"), link(id=3, geometry=[[1, 2]])])
    assert [True, False, False] == list(batch.frame["geometry"].notna())
    assert (0, 2) == (len(batch.rejected), normaliser.counts.geometries)


@pytest.mark.parametrize(
    "last", ["40.7607405,-7", "40.63086,-", "40.6178", "40.713,-74", "40.69944,-73.", "40.75041,-73.99", "4", "40.6,"]
)
def test_a_last_point_that_was_cut_off_is_dropped_and_counted(mapped, link, last: str) -> None:
    """Feeds that cut their text at a length leave a last number that may even read well, a continent away."""
    normaliser = Normaliser(mapped("geometry", sources=("g",), format="lat,lon pairs"))
    batch = normaliser.page(1, [link(g=f"40.74047,-74.009251 40.74137,-74.00893 {last}")])
    assert json.loads(batch.frame["geometry"][0])["coordinates"] == [[-74.009251, 40.74047], [-74.00893, 40.74137]]
    assert normaliser.counts.broken_points == 1


@pytest.mark.parametrize("text", ["40.74047,-74.009251 40.74137,-74.0 ", "40,-74 41,-74 42,-7", "40.7,-74.01 40.8,-74"])
def test_a_last_point_that_was_not_cut_off_is_kept(mapped, link, text: str) -> None:
    """A blank behind it, the same digits as the others, or a line of two points only."""
    normaliser = Normaliser(mapped("geometry", sources=("g",), format="lat,lon pairs"))
    batch = normaliser.page(1, [link(g=text)])
    assert len(json.loads(batch.frame["geometry"][0])["coordinates"]) == len(text.split())
    assert normaliser.counts.broken_points == 0


def test_two_points_that_run_together_are_dropped_and_counted(mapped, link) -> None:
    """As in a real feed: a blank is missing in the middle of the line."""
    normaliser = Normaliser(mapped("geometry", sources=("g",), format="lat,lon pairs"))
    text = "40.75831,-73.83897 40.75788,-73.8389340.75562,-73.83847 40.75513,-73.83834 40.75455,-73.83811"
    batch = normaliser.page(1, [link(g=text)])
    assert len(json.loads(batch.frame["geometry"][0])["coordinates"]) == 3
    assert normaliser.counts.broken_points == 1


NUMBERS = st.sampled_from([1.5, -89.5, 179.5, 0.0, -0.0, 200.0, 7, None, float("nan"), float("inf")])
POINTS = st.lists(NUMBERS, min_size=2, max_size=2) | st.just([1.5]) | st.just(5)
SHAPES = st.none() | st.fixed_dictionaries(
    {"type": st.sampled_from(["LineString", "Point"]), "coordinates": st.lists(POINTS, max_size=3)},
    optional={"name": st.sampled_from(["x", "\x00"])},
)


@settings(max_examples=200)
@given(st.lists(st.one_of(st.just(LINE), SHAPES), max_size=4))
def test_a_geometry_is_typed_alike_alone_and_among_others(mapped, shapes: list[Any]) -> None:
    """The quick path for a page of plain lines gives what the careful path gives."""
    column = mapped("geometry")["geometry"]
    alone = [GeometryReader(column).read([shape]) for shape in shapes]
    typed, reasons = GeometryReader(column).read(shapes)
    assert typed == [values[0] for values, _ in alone]
    assert reasons == {row: found[0] for row, (_, found) in enumerate(alone) if found}


@given(st.lists(st.tuples(st.integers(-9000000, 9000000), st.integers(-18000000, 18000000)), min_size=2, max_size=8))
def test_every_encoded_polyline_is_read_back(geometry, points: list[tuple[int, int]]) -> None:
    """Against an encoder of its own, in 1e-5 degrees."""
    text, before = "", (0, 0)
    for point in points:
        for value, old in zip(point, before, strict=True):
            step = (value - old) << 1
            step = ~step if value < old else step
            while step >= 32:
                text += chr((32 | step & 31) + 63)
                step >>= 5
            text += chr(step + 63)
        before = point
    expected = [[longitude / 1e5, latitude / 1e5] for latitude, longitude in points]
    assert geometry(text, "polyline") == {"type": "LineString", "coordinates": expected}
