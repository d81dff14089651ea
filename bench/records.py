"""The records that the benchmark's API serves: links of about 1 KB, ready to be sent, the same in every run.

Keep out: how a page is cut from them (the emulator does that).
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta

POINTS = 17
"""Points of a geometry: with them a record takes about 1,000 bytes."""

MEASURED_AT = datetime(2026, 11, 2, 7, 30, tzinfo=UTC)


def rendered(count: int, *, changed_every: int = 0, quarters: int = 1) -> list[bytes]:
    """Return `count` records as JSON; where `changed_every` is given, each so many-th was measured `quarters` later."""
    return [
        _record(number, quarters if changed_every and number % changed_every == 0 else 0) for number in range(count)
    ]


def _record(number: int, quarters: int) -> bytes:
    chance = random.Random(number)
    longitude, latitude = chance.uniform(-80, -75), chance.uniform(43, 46)
    line = [[round(longitude + step * 0.0013, 6), round(latitude + step * 0.0007, 6)] for step in range(1, POINTS + 1)]
    length_m = round(chance.uniform(300, 3000), 1)
    speed_kmh = round(chance.uniform(20, 90), 2) - (1 + quarters % 7 if quarters else 0)
    record = {
        "id": number + 1,
        "name": f"Foundry Street {number} EB: Cobbler Avenue to Birchmount Avenue",
        "status": "Collecting",
        "data_source": "Sensor",
        "grid": f"Grid {number % 12}",
        "origin": _sensor(number, line[0]),
        "destination": _sensor(number + 1, line[-1]),
        "distance": length_m,
        "free_flow_speed": 50.0,
        "last_speed": speed_kmh,
        "last_travel_time": round(3.6 * length_m / speed_kmh, 1),
        "sample_size": chance.randrange(1, 60),
        "last_updated": (MEASURED_AT + timedelta(minutes=15 * quarters)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "geometry": {"type": "LineString", "coordinates": line},
        "is_synthetic": True,
    }
    return json.dumps(record, separators=(",", ":")).encode()


def _sensor(number: int, place: list[float]) -> dict[str, object]:
    longitude, latitude = place
    return {"id": number, "name": f"Sensor {number} @ Cobbler Avenue", "latitude": latitude, "longitude": longitude}
