"""Coordinates of a line that are written already as they would be stored: told by one regular expression.

Each point is longitude and latitude in degrees, within their bounds and not a negative zero, and each number has a
fraction, no needless zero, and so few digits that a double holds it as written. RE2 reads them in linear time.
Keep out: every other way to write a geometry (`geometry.py`).
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

_FRACTION: Final = r"\.(?:0|[0-9]{0,11}[1-9])"
_SMALL: Final = r"0\.0{0,2}(?:[1-9]|[1-9][0-9]{0,8}[1-9])"
_LONGITUDE: Final = rf"-?(?:(?:1[0-7][0-9]|[1-9][0-9]?){_FRACTION}|{_SMALL})"
_LATITUDE: Final = rf"-?(?:(?:[1-8][0-9]|[1-9]){_FRACTION}|{_SMALL})"
_POINT: Final = rf"\[{_LONGITUDE},{_LATITUDE}\]"
_LINE: Final = rf"\A\[{_POINT}(?:,{_POINT})+\]\z"


def plain_lines(coordinates: list[bytes]) -> list[str] | None:
    """Lines as canonical GeoJSON text, from the JSON of their coordinates; None if any needs a closer look."""
    texts = pa.array(coordinates, pa.binary()).cast(pa.string())
    if not pc.all(pc.match_substring_regex(texts, _LINE)).as_py():
        return None
    return [(b'{"coordinates":' + line + b',"type":"LineString"}').decode() for line in coordinates]
