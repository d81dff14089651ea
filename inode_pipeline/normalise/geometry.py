"""Geometries: from GeoJSON, WKT, encoded polylines and lists of points to GeoJSON as canonical JSON text.

Coordinates are degrees, longitude before latitude. A geometry without coordinates is no geometry: NULL.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import chain
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import polyline

from inode_pipeline.endpoints.endpoint import Column
from inode_pipeline.normalise.values import Typed, UnreadableError, canonical_json, canonical_lines, read_each

Point = tuple[float, float]

_PARSER = msgspec.json.Decoder()
_WKT = re.compile(
    r"\s*(?:SRID=4326;)?\s*(MULTILINESTRING|LINESTRING|POINT)\s*(?:ZM|Z|M)?\s*(EMPTY|\(.*\))\s*", re.I | re.S
)
_WKT_WORD = re.compile(r"\s*(?:SRID=[0-9]+;)?\s*(?:MULTI)?(?:POINT|LINESTRING|POLYGON|GEOMETRYCOLLECTION)\b", re.I)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_NEGATIVE_ZERO = re.compile(r"-0\.0[,\]]")
_POLYLINE_NUMBER_END = re.compile("[?-^]")
_POLYLINE = re.compile(f"(?:[_-~]{{0,6}}{_POLYLINE_NUMBER_END.pattern})+")
"""Numbers of at most seven characters, of which all but the last say that another follows."""

_Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]
_Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]


class _Line(TypedDict):
    """A GeoJSON line of points without a height."""

    type: Literal["LineString"]
    coordinates: Annotated[list[tuple[_Longitude, _Latitude]], msgspec.Meta(min_length=2)]


_DEPTH = {"Point": 0, "LineString": 1, "MultiLineString": 2}


class GeometryReader:
    """Reads one column. `broken_points` counts the points that were unreadable and dropped."""

    def __init__(self, column: Column) -> None:
        self.broken_points = 0
        readers: dict[str | None, Callable[[Any], dict[str, Any] | None]] = {
            None: self._any,
            "geojson": _geojson,
            "wkt": _wkt,
            "polyline": _polyline,
            "lat,lon pairs": self._pairs,
        }
        self._read = readers[column.format]
        self._takes_objects = column.format in (None, "geojson")

    def read(self, values: list[Any]) -> Typed:
        """Return each geometry as GeoJSON text with sorted keys and all coordinates written as doubles."""
        objects = [value for value in values if value is not None]
        if self._takes_objects and (lines := _plain_lines(objects)) is not None:
            following = iter(lines)
            return [None if value is None else next(following) for value in values], {}
        return read_each(values, self._text)

    def _text(self, value: object) -> str | None:
        geometry = self._read(value)
        if geometry is None:
            return None
        text = canonical_json(geometry)
        if text is None:
            raise UnreadableError("a geometry with a text that holds a NUL or half of a surrogate pair")
        return text

    def _any(self, value: object) -> dict[str, Any] | None:
        if isinstance(value, str) and not value.lstrip().startswith("{"):
            return _wkt(value) if _WKT_WORD.match(value) else _polyline(value)
        return _geojson(value)

    def _pairs(self, value: object) -> dict[str, Any] | None:
        """Read "lat,lon lat,lon ...".

        A broken point is dropped and counted, whether it is the last one, cut off with the text, or two run together by
        a missing blank. If half of them are broken, it is not such a list.
        """
        words = _string(value).split()
        points = [_pair(word) for word in words]
        if points[-1] is not None and _is_cut(words, str(value)):
            points[-1] = None
        whole = [point for point in points if point is not None]
        if len(whole) * 2 <= len(points):
            raise UnreadableError("not a list of lat,lon in degrees, with blanks between the points")
        line = _line(whole)
        self.broken_points += len(points) - len(whole)
        return line


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise UnreadableError("not a text, as the geometry's format needs")
    if not value.strip():
        raise UnreadableError("an empty text; null_values can make it NULL")
    return value


def _line(points: list[Point]) -> dict[str, Any]:
    if len(points) < 2:
        raise UnreadableError("a line of fewer than two points")
    return {"type": "LineString", "coordinates": points}


def _pair(word: str) -> Point | None:
    parts = word.split(",")
    if len(parts) != 2 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    latitude, longitude = float(parts[0]) + 0.0, float(parts[1]) + 0.0
    return (longitude, latitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None


def _is_cut(words: list[str], text: str) -> bool:
    """Whether the last longitude is a number but was cut off, such as -7 of -73.99.

    A text that ends in a blank was not cut inside a number. Otherwise a longitude with fewer than four decimals (worse
    than 10 m), and fewer than every other one of the line, counts as cut. A line of two points is always kept.
    """
    if text[-1:].isspace() or len(words) < 3:
        return False
    decimals = [len(word.rpartition(",")[2].partition(".")[2]) for word in words]
    return decimals[-1] < min(4, *decimals[:-1])


def _geojson(value: object) -> dict[str, Any] | None:
    if isinstance(value, str):
        value = _parsed(_string(value))
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(kind, str) or kind not in _DEPTH:
        raise UnreadableError("not a GeoJSON Point, LineString or MultiLineString")
    coordinates = value.get("coordinates")
    if not isinstance(coordinates, list):
        raise UnreadableError("a GeoJSON geometry without coordinates")
    if not coordinates:
        return None
    depth = _DEPTH[kind]
    lines: list[Any] = [[coordinates]] if depth == 0 else [coordinates] if depth == 1 else coordinates
    checked = [_positions(line, depth) for line in lines]
    return value | {"coordinates": checked[0][0] if depth == 0 else checked[0] if depth == 1 else checked}


def _parsed(text: str) -> object:
    try:
        return _PARSER.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        raise UnreadableError("a text that is not JSON") from None


def _plain_lines(values: list[Any]) -> list[str] | None:
    """The JSON texts of geometries that are all a `_Line` and nothing more, else None. Checks all points at once."""
    try:
        lines = msgspec.convert(values, list[_Line])
    except msgspec.ValidationError:
        return None
    texts = canonical_lines(lines)
    # Other members are to be kept, and a negative zero is to be written as zero.
    is_plain = all(len(value) == 2 for value in values) and not any(map(_NEGATIVE_ZERO.search, texts))
    return texts if is_plain else None


def _positions(line: object, depth: int) -> list[list[float]]:
    if not isinstance(line, list):
        raise UnreadableError("coordinates that are not lists of numbers")
    if depth and len(line) < 2:
        raise UnreadableError("a line of fewer than two points")
    return [_position(position) for position in line]


def _position(position: object) -> list[float]:
    if not isinstance(position, list | tuple) or not 2 <= len(position) <= 4:
        raise UnreadableError("a point that is not two to four numbers")
    if not all(type(number) in (int, float) and abs(number) < 1e12 for number in position):
        raise UnreadableError("a point that is not two to four finite numbers")
    if abs(position[0]) > 180 or abs(position[1]) > 90:
        raise UnreadableError("a point outside longitude ±180 and latitude ±90")
    return [float(number) + 0.0 for number in position]


def _wkt(value: object) -> dict[str, Any] | None:
    found = _WKT.fullmatch(_string(value))
    if found is None:
        raise UnreadableError("not a WKT POINT, LINESTRING or MULTILINESTRING in longitude and latitude")
    word, body = found[1].upper(), found[2]
    if body.upper() == "EMPTY":
        return None
    if word == "MULTILINESTRING":
        lines = [_wkt_line(line) for line in re.split(r"\)\s*,\s*\(", _inner(_inner(body)))]
        return {"type": "MultiLineString", "coordinates": [_positions(line, 1) for line in lines]}
    line = _wkt_line(_inner(body))
    if word == "POINT":
        if len(line) != 1:
            raise UnreadableError("a WKT POINT of more than one point")
        return {"type": "Point", "coordinates": _position(line[0])}
    return {"type": "LineString", "coordinates": _positions(line, 1)}


def _inner(body: str) -> str:
    text = body.strip()
    if not (text.startswith("(") and text.endswith(")")):
        raise UnreadableError("a WKT geometry whose brackets do not match")
    return text[1:-1]


def _wkt_line(text: str) -> list[list[float]]:
    words = [point.split() for point in text.split(",")]
    if not all(_NUMBER.fullmatch(word) for word in chain.from_iterable(words)):
        raise UnreadableError("a WKT geometry with something that is not a number")
    return [[float(word) for word in point] for point in words]


def _polyline(value: object) -> dict[str, Any] | None:
    """Read Google's encoded polyline: differences of latitude and longitude in 1e-5 degrees."""
    text = _string(value).strip()
    if not _POLYLINE.fullmatch(text):
        if _POLYLINE.fullmatch(f"{text}?"):
            raise UnreadableError("an encoded polyline that ends inside a number")
        raise UnreadableError("neither WKT nor an encoded polyline; format in the field map can say what it is")
    if len(_POLYLINE_NUMBER_END.findall(text)) % 2:
        raise UnreadableError("an encoded polyline that ends inside a point")
    points = polyline.decode(text, geojson=True)
    if any(abs(longitude) > 180 or abs(latitude) > 90 for longitude, latitude in points):
        raise UnreadableError("not an encoded polyline: a point lies outside longitude ±180 and latitude ±90")
    return _line(points)
