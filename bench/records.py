"""The records that the benchmark's API serves, in two kinds, the same in every run.

`varied` records look as a Django REST server sends them: objects that are null, lists of texts, missing fields,
escapes, Unicode, notes with quotes, brackets and colons, lines of 2 to 200 points. `flat` records have one shape and
about the same size.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, overload

Kind = Literal["varied", "flat"]

MEASURED_AT = datetime(2026, 11, 2, 7, 30, tzinfo=UTC)
FLAT_POINTS = 29
"""Points of a flat record's line: with them the two kinds take about the same number of bytes."""

_NOTES = (
    'closed "until further notice": see [permit 17], {lane: 2}',
    "Baustelle Überführung – Umleitung über Königstraße",
    "C:\\sensors\\north\tcalibrated; 99,5 %",
    "détour: « pont fermé »",
    "工事中 🚧",
)
_TAGS = ("school", "bus lane", "priority: high", "snow [route]", "événement", 'so-called "rat run"')


class Records(Sequence[bytes]):
    """`count` records as JSON; each is made when it is asked for, so that a million take no memory.

    `quarters` moves the time of measurement by that many quarters of an hour, with other values for every link.
    """

    def __init__(self, count: int, *, kind: Kind = "varied", quarters: int = 0) -> None:
        self._numbers = range(count)
        self._make = _varied if kind == "varied" else _flat
        self._quarters = quarters

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        if isinstance(place, slice):
            return [self._record(number) for number in self._numbers[place]]
        return self._record(self._numbers[place])

    def _record(self, number: int) -> bytes:
        chance = random.Random(number)
        record = self._make(number, chance, self._quarters)
        # Django REST framework sends Unicode as it is; other servers escape it.
        return json.dumps(record, separators=(",", ":"), ensure_ascii=number % 5 == 0).encode()


def _flat(number: int, chance: random.Random, quarters: int) -> dict[str, Any]:
    line = _line(chance, FLAT_POINTS)
    return {
        "id": number + 1,
        "name": f"Foundry Street {number} EB: Cobbler Avenue to Birchmount Avenue",
        "status": "Collecting",
        "data_source": "Sensor",
        "grid": f"Grid {number % 12}",
        "origin": _sensor(number, line[0]),
        "destination": _sensor(number + 1, line[-1]),
        "free_flow_speed": 50.0,
        **_measurement(chance, quarters),
        "geometry": {"type": "LineString", "coordinates": line},
        "note": "inspected in spring, nothing to report",
    }


def _varied(number: int, chance: random.Random, quarters: int) -> dict[str, Any]:
    record = _flat(number, chance, quarters)
    record["geometry"]["coordinates"] = _line(chance, 2 + int(199 * chance.random() ** 6))
    record["tags"] = chance.sample(_TAGS, chance.randrange(4))
    record["note"] = chance.choice(_NOTES) if chance.random() < 0.5 else None
    kind = chance.random()
    if kind < 0.15:
        record |= {"data_source": "Crowdsourced", "origin": None, "destination": None}
    if kind > 0.95:
        record |= {"status": "Not Collected", "last_speed": None, "last_travel_time": None, "sample_size": None}
    for name in ("grid", "free_flow_speed", "note", "sample_size"):
        if chance.random() < 0.05:
            del record[name]
    return record


def _measurement(chance: random.Random, quarters: int) -> dict[str, Any]:
    length_m, speed_kmh = round(chance.uniform(300, 3000), 1), round(chance.uniform(30, 90), 2) - quarters % 7
    return {
        "distance": length_m,
        "last_speed": round(speed_kmh, 2),
        "last_travel_time": round(3.6 * length_m / speed_kmh, 1),
        "sample_size": (chance.randrange(60) + quarters) % 60,
        "last_updated": (MEASURED_AT + timedelta(minutes=15 * quarters)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _line(chance: random.Random, points: int) -> list[list[float]]:
    longitude, latitude = chance.uniform(-80, -75), chance.uniform(43, 46)
    return [[round(longitude + step * 0.0013, 6), round(latitude + step * 0.0007, 6)] for step in range(points)]


def _sensor(number: int, place: list[float]) -> dict[str, Any]:
    return {"id": number, "name": f"Sensor {number} @ Cobbler Avenue", "latitude": place[1], "longitude": place[0]}


def mean_bytes(kind: Kind) -> float:
    """The mean size of a record of this kind."""
    return sum(map(len, Records(10_000, kind=kind)[:])) / 10_000
