"""The synthetic road network: links in both directions between neighbouring sensors, generated from a seed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from random import Random
from typing import Literal

from inode_pipeline.emulator.city import City, Corridor, Sensor, build_city, position

Point = tuple[float, float]
"""Longitude and latitude: GeoJSON's order."""

Condition = Literal["reporting", "silent", "disabled"]

_EARTH_RADIUS_M = 6_371_000.0
_SILENT_FROM = datetime(2025, 11, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Link:
    """One direction of the road between two neighbouring crossings.

    `length_m` is the length of `line`. `inbound` is 1 towards the city's centre and -1 away from it; `closeness` is 1
    in the centre and 0 at the edge; `severity` is the congestion relative to its road class.
    `last_heard_at` is when a silent link last reported; None if it never did.
    """

    id: int
    name: str
    corridor: Corridor
    grid: str
    origin: Sensor
    destination: Sensor
    is_crowdsourced: bool
    condition: Condition
    last_heard_at: datetime | None
    length_m: float
    free_flow_kmh: float
    line: tuple[Point, ...]
    inbound: float
    closeness: float
    severity: float


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The road and geometry of a link."""

    corridor: Corridor
    heading: str
    start: Sensor
    end: Sensor
    line: tuple[Point, ...]
    free_flow_kmh: float


def build_network(count: int, seed: int) -> tuple[Link, ...]:
    """Generate `count` links in order of their ids; the same count and seed give the same links on every machine."""
    if count == 0:
        return ()
    rng = Random(seed)  # noqa: S311 - not used for secrets
    rows, columns = _grid_for(math.ceil(count / 2))
    city = build_city(rows, columns, rng)
    conditions, crowdsourced = _draw_conditions(count, rng)
    links: list[Link] = []
    number = 4000
    for place, stretch in enumerate(islice(_stretches(city, rng), count)):
        number += rng.randrange(1, 4)
        link = _link(number, stretch, city, rng, condition=conditions[place], is_crowdsourced=crowdsourced[place])
        links.append(link)
    return tuple(links)


def _grid_for(roads: int) -> tuple[int, int]:
    """The smallest nearly square grid with at least `roads` stretches between neighbouring crossings."""
    rows = columns = 1
    while rows * (columns - 1) + columns * (rows - 1) < roads:
        if rows < columns:
            rows += 1
        else:
            columns += 1
    return rows, columns


def _stretches(city: City, rng: Random) -> Iterator[_Stretch]:
    """Both directions of every road between neighbouring crossings."""
    for row, sensors in zip(city.rows, city.sensors, strict=True):
        for west, east in pairwise(sensors):
            yield from _both_ways(row, ("EB", "WB"), west, east, rng)
    for column, sensors in zip(city.columns, zip(*city.sensors, strict=True), strict=True):
        for south, north in pairwise(sensors):
            yield from _both_ways(column, ("NB", "SB"), south, north, rng)


def _both_ways(
    corridor: Corridor, headings: tuple[str, str], start: Sensor, end: Sensor, rng: Random
) -> Iterator[_Stretch]:
    line = _line(start, end, rng)
    speed = float(rng.randrange(corridor.road_class.slowest, corridor.road_class.fastest + 1))
    yield _Stretch(corridor, headings[0], start, end, line, speed)
    yield _Stretch(corridor, headings[1], end, start, line[::-1], speed)


def _draw_conditions(count: int, rng: Random) -> tuple[list[Condition], list[bool]]:
    """Choose the links that are disabled (2 %), silent (4 %) and crowdsourced (10 %), at least one each of 20 links."""
    order = list(range(count))
    rng.shuffle(order)
    disabled, silent = _share(count, 0.02), _share(count, 0.04)
    conditions: list[Condition] = ["reporting"] * count
    for rank, place in enumerate(order[: disabled + silent]):
        conditions[place] = "disabled" if rank < disabled else "silent"
    crowdsourced = [False] * count
    for place in order[disabled : disabled + silent // 4]:
        crowdsourced[place] = True
    for place in order[disabled + silent :][: _share(count, 0.1)]:
        crowdsourced[place] = True
    return conditions, crowdsourced


def _share(count: int, fraction: float) -> int:
    return max(1, round(count * fraction)) if count >= 20 else 0


def _line(start: Sensor, end: Sensor, rng: Random) -> tuple[Point, ...]:
    """A slightly curved line from one sensor to the other, longitude first."""
    along_east, along_north = end.east - start.east, end.north - start.north
    distance = math.hypot(along_east, along_north)
    bow = rng.uniform(-0.05, 0.05) * distance
    steps = rng.randrange(4, 8)
    points = [(start.longitude, start.latitude)]
    for step in range(1, steps):
        share = step / steps
        aside = (bow * math.sin(math.pi * share) + rng.uniform(-4, 4)) / distance
        latitude, longitude = position(
            start.east + share * along_east - aside * along_north,
            start.north + share * along_north + aside * along_east,
        )
        points.append((longitude, latitude))
    points.append((end.longitude, end.latitude))
    return tuple(points)


def _link(
    number: int, stretch: _Stretch, city: City, rng: Random, *, condition: Condition, is_crowdsourced: bool
) -> Link:
    start, end, corridor = stretch.start, stretch.end, stretch.corridor
    before, after = math.hypot(start.east, start.north), math.hypot(end.east, end.north)
    heard = _SILENT_FROM + timedelta(minutes=5 * rng.randrange(45 * 288))
    has_reported = condition == "silent" and rng.random() < 0.6
    return Link(
        id=number,
        name=f"{corridor.name} {stretch.heading}: {_crossing(start, corridor)} to {_crossing(end, corridor)}",
        corridor=corridor,
        grid=_district((start.east + end.east) / 2, (start.north + end.north) / 2, city.radius_m),
        origin=start,
        destination=end,
        is_crowdsourced=is_crowdsourced,
        condition=condition,
        last_heard_at=heard if has_reported else None,
        length_m=math.ceil(length_of(stretch.line) * 10) / 10,
        free_flow_kmh=stretch.free_flow_kmh,
        line=stretch.line,
        inbound=(before - after) / math.hypot(end.east - start.east, end.north - start.north),
        closeness=max(0.0, 1 - (before + after) / 2 / city.radius_m),
        severity=rng.uniform(0.5, 1.3),
    )


def _crossing(sensor: Sensor, corridor: Corridor) -> str:
    """The other road at a crossing."""
    first, second = sensor.name.split(" @ ")
    return second if first == corridor.name else first


def _district(east: float, north: float, radius: float) -> str:
    if math.hypot(east, north) < 0.3 * radius:
        return "Centre"
    if abs(east) > abs(north):
        return "East" if east > 0 else "West"
    return "North" if north > 0 else "South"


def length_of(line: tuple[Point, ...]) -> float:
    """The length of a line in metres, along great circles."""
    return sum(_great_circle(one, other) for one, other in pairwise(line))


def _great_circle(one: Point, other: Point) -> float:
    (lon_1, lat_1), (lon_2, lat_2) = ((math.radians(value) for value in point) for point in (one, other))
    half = math.sin((lat_2 - lat_1) / 2) ** 2 + math.cos(lat_1) * math.cos(lat_2) * math.sin((lon_2 - lon_1) / 2) ** 2
    return 2 * _EARTH_RADIUS_M * math.asin(math.sqrt(half))
