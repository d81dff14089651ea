"""The map of a fictional city: named corridors on an irregular grid, with a sensor at each crossing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Literal

CITY_ZONE = "America/Toronto"
CITY_CENTRE = (44.062, -77.214)
"""Latitude and longitude."""

METRES_PER_DEGREE = 111_195.0

Axis = Literal["east-west", "north-south"]


@dataclass(frozen=True, slots=True)
class RoadClass:
    """A kind of road: free-flow speeds in km/h, sensitivity to peaks, and vehicles detected in 5 busy minutes."""

    name: str
    slowest: int
    fastest: int
    sensitivity: float
    volume: float


FREEWAY = RoadClass("freeway", 95, 105, 1.0, 46.0)
PARKWAY = RoadClass("parkway", 70, 82, 0.85, 30.0)
ARTERIAL = RoadClass("arterial", 50, 62, 0.75, 18.0)
COLLECTOR = RoadClass("collector", 40, 50, 0.45, 7.0)


@dataclass(frozen=True, slots=True)
class Corridor:
    """A named road that crosses the whole city along one axis."""

    number: int
    name: str
    road_class: RoadClass


@dataclass(frozen=True, slots=True)
class Sensor:
    """A roadside sensor at a crossing; `east` and `north` are metres from the city's centre."""

    id: int
    name: str
    latitude: float
    longitude: float
    east: float
    north: float

    def as_json(self) -> dict[str, object]:
        """The sensor as nested in a link by the API."""
        return {"id": self.id, "name": self.name, "latitude": self.latitude, "longitude": self.longitude}


@dataclass(frozen=True, slots=True)
class City:
    """`rows` run east-west from south to north, `columns` north-south from west to east; `sensors[row][column]`."""

    rows: tuple[Corridor, ...]
    columns: tuple[Corridor, ...]
    sensors: tuple[tuple[Sensor, ...], ...]
    radius_m: float


_BASE_NAMES = (
    "Alder", "Ashcombe", "Bellwether", "Birchmount", "Bramble", "Brickworks", "Calloway", "Cannery", "Carling", "Cedar",
    "Chandler", "Church", "Cobbler", "Copperfield", "Creekside", "Dairy", "Dunmore", "Eastgate", "Elgin", "Fairmeadow",
    "Ferry", "Fountain", "Foundry", "Glenhaven", "Granary", "Grove", "Harbour", "Hawthorn", "Heron", "Hillcrest",
    "Ironbridge", "Juniper", "Kestrel", "King", "Lakeview", "Lantern", "Linden", "Maple", "Market", "Mercer", "Mill",
    "Millpond", "Northfield", "Oakridge", "Old Post", "Orchard", "Pinehurst", "Quarry", "Queen", "Railway", "Ridgeway",
    "Rosewood", "Sandpiper", "Shipyard", "Southbank", "Station", "Stonegate", "Tannery", "Thornbury", "Union",
    "Victoria", "Water", "Wellington", "Willow",
)  # fmt: skip
_SUFFIXES: dict[Axis, tuple[str, ...]] = {
    "east-west": ("Street", "Road", "Lane"),
    "north-south": ("Avenue", "Drive", "Way"),
}


def build_city(rows: int, columns: int, rng: Random) -> City:
    """Generate a city with `rows` east-west and `columns` north-south corridors."""
    names = list(_BASE_NAMES)
    rng.shuffle(names)
    east_west = _corridors("east-west", rows, 0, names[0::2])
    north_south = _corridors("north-south", columns, rows, names[1::2])
    norths, easts = _spread(rows, rng), _spread(columns, rng)
    sensors, number = [], 100
    for row, north in zip(east_west, norths, strict=True):
        line = []
        for column, east in zip(north_south, easts, strict=True):
            number += 1
            where = (east + rng.uniform(-70, 70), north + rng.uniform(-70, 70))
            line.append(_sensor(number, f"{row.name} @ {column.name}", *where))
        sensors.append(tuple(line))
    radius = max(1.0, math.hypot(easts[-1], norths[-1]))
    return City(tuple(east_west), tuple(north_south), tuple(sensors), radius)


def _corridors(axis: Axis, count: int, first: int, names: list[str]) -> list[Corridor]:
    """The corridors of one axis: a freeway a third of the way across, the others in a fixed pattern of classes."""
    corridors: list[Corridor] = []
    for place in range(count):
        beat = (place - count // 3) % 9
        if beat == 0:
            highway = 9 + 2 * len(corridors) + (axis == "north-south")
            corridors.append(Corridor(first + place, f"Highway {highway}", FREEWAY))
        elif beat == 4:
            corridors.append(Corridor(first + place, _name(place, names, ("Parkway", "Boulevard")), PARKWAY))
        else:
            road_class = ARTERIAL if beat % 2 else COLLECTOR
            corridors.append(Corridor(first + place, _name(place, names, _SUFFIXES[axis]), road_class))
    return corridors


def _name(place: int, names: list[str], suffixes: tuple[str, ...]) -> str:
    round_, index = divmod(place, len(names))
    if round_ < len(suffixes):
        return f"{names[index]} {suffixes[round_]}"
    return f"{names[index]} {suffixes[0]} {round_}"


def _spread(count: int, rng: Random) -> list[float]:
    """The positions of the corridors of one axis in metres from the centre, 520 to 1,080 m apart."""
    places = [0.0]
    for _ in range(count - 1):
        places.append(places[-1] + rng.uniform(520, 1080))
    middle = (places[0] + places[-1]) / 2
    return [place - middle for place in places]


def _sensor(number: int, name: str, east: float, north: float) -> Sensor:
    latitude, longitude = position(east, north)
    return Sensor(number, name, latitude, longitude, east, north)


def position(east: float, north: float) -> tuple[float, float]:
    """Latitude and longitude, to 6 decimals, of a point given in metres from the city's centre."""
    latitude = CITY_CENTRE[0] + north / METRES_PER_DEGREE
    longitude = CITY_CENTRE[1] + east / (METRES_PER_DEGREE * math.cos(math.radians(CITY_CENTRE[0])))
    return round(latitude, 6), round(longitude, 6)
