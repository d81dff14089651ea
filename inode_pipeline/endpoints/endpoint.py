"""The vocabulary in which an endpoint is declared: one `Endpoint`, a tuple of `Column`s.

The declaration is the single source of dtypes, tables, the data dictionary, comments and Dagster's column schema.
Not here: reading a record, see `normalise/`; making a table, see `warehouse/tables.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

Kind = Literal["key", "configuration", "state", "measurement", "rest"]
"""`configuration` is what `content_hash` covers; `rest` holds the fields that no column claims."""

Type = Literal["text", "double", "bigint", "timestamp", "geometry", "json"]

CONTAINED: tuple[Type, ...] = ("geometry", "json")
"""The types that an object or a list on the wire can fill; for the others it is a place to look into."""

Scalar = str | int | float | bool | None

TO_WAREHOUSE: Mapping[str, Mapping[str, float]] = {
    "km/h": {"km/h": 1.0, "mph": 1.609344, "m/s": 3.6},
    "m": {"m": 1.0, "km": 1000.0, "mi": 1609.344, "ft": 0.3048},
    "s": {"s": 1.0, "ms": 0.001, "min": 60.0},
}
"""Factors by which a value in a unit of the wire (inner key) becomes one in the warehouse's unit (outer key)."""

GEOMETRY_FORMATS = ("geojson", "wkt", "polyline", "lat,lon pairs")
"""Without a format, an object is GeoJSON, and a string is WKT if it begins with a WKT keyword, else a polyline."""

TIME_FORMATS = ("iso8601", "unix", "unix_ms")
"""A strptime format is allowed too; without a format a time is ISO 8601."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the warehouse and how the wire fills it.

    `sources` are dotted paths into a record, likeliest first; the first one that a record has fills the column.
    No source: the column is always NULL. `is_mapped`: a field map has named the source.
    `unit` is the warehouse's and never changes; `source_unit` is the wire's.
    """

    name: str
    kind: Kind
    type: Type
    description: str
    sources: tuple[str, ...] = ()
    unit: str | None = None
    source_unit: str | None = None
    format: str | None = None
    timezone: str | None = None
    null_values: tuple[Scalar, ...] = ()
    null_if: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    required: bool = False
    is_mapped: bool = False

    def sources_in(self, place: str) -> tuple[str, ...]:
        """The sources inside an object of the record; of mapped sources, those that lie there."""
        if self.is_mapped:
            return tuple(path for path in self.sources if path.rpartition(".")[0] == place)
        return tuple(f"{place}.{path}" for path in self.sources) if place else self.sources

    @property
    def factor(self) -> float:
        """The factor from the wire's unit to the warehouse's."""
        if self.unit is None or self.source_unit is None:
            return 1.0
        return TO_WAREHOUSE[self.unit][self.source_unit]


@dataclass(frozen=True, slots=True)
class Motion:
    """Three columns that physics ties together: `3.6 * length / time = speed`, in metres, seconds and km/h."""

    length: str
    time: str
    speed: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One list of the API: its path, and the columns of its table. `columns` begins with the key.

    The units of `measured` are checked by physics; where a record gives no time for `free_flow`, physics gives it.
    `measurement_objects` are the names of objects that may hold the last measurement.
    """

    name: str
    path: str
    description: str
    columns: tuple[Column, ...]
    measured: Motion | None = None
    free_flow: Motion | None = None
    measurement_objects: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def observed_at(self) -> Column | None:
        """The time of the measurements; of records with the same key, the one measured last counts."""
        return next((c for c in self.columns if c.kind == "measurement" and c.type == "timestamp"), None)

    @property
    def key(self) -> Column:
        """The column that identifies a record."""
        return self.columns[0]

    @property
    def mapped_sources(self) -> tuple[str, ...]:
        """The sources that a field map has named; none if the endpoint is as it was declared."""
        return tuple(path for column in self.columns if column.is_mapped for path in column.sources)

    def place_of_measurements(self, has: HasField) -> str | None:
        """Where the measurements are: "" for the record itself, or the path of an object in it; None if nowhere.

        All come from one place, which holds a time and at least one value, preferably a speed or a travel time. Places
        named by the field map are tried first, then the record itself, then `measurement_objects` in order.
        """
        mapped = (c for c in self.columns if c.kind == "measurement" and c.is_mapped)
        named = (path.rpartition(".")[0] for column in mapped for path in column.sources)
        places = dict.fromkeys([*filter(None, named), "", *self.measurement_objects])
        best = [place for place in places if self.measures_motion(place, has)]
        others = (place for place in places if self._measures(place, has, self.columns))
        return best[0] if best else next(others, None)

    def measures_motion(self, place: str, has: HasField) -> bool:
        """Whether the record itself ("") or an object of it has a time, and a speed or a travel time."""
        motion = self.measured
        return motion is not None and self._measures(place, has, [self[motion.speed], self[motion.time]])

    def _measures(self, place: str, has: HasField, columns: Iterable[Column]) -> bool:
        time = self.observed_at

        def holds(column: Column) -> bool:
            return column.kind == "measurement" and any(has(column, path) for path in column.sources_in(place))

        return time is not None and holds(time) and any(holds(column) for column in columns if column != time)

    def measured_at(self, place: str | None) -> Endpoint:
        """The endpoint with the sources of its measurements in one place.

        None: no value has a time beside it, so a time alone (such as an `updated_at` of the record) is not read as a
        measurement's. Columns that a field map names are read where it says.
        """
        if place == "":
            return self

        def moved(column: Column) -> Column:
            if column.kind != "measurement" or column.is_mapped:
                return column
            if place is None:
                return replace(column, sources=()) if column == self.observed_at else column
            return replace(column, sources=column.sources_in(place))

        return replace(self, columns=tuple(map(moved, self.columns)))


HasField = Callable[[Column, str], bool]
"""Whether there is a value at a path that can fill a column."""
