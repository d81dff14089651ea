"""Synthetic measurements by hour, weekday and direction, and the API records with them.

They depend only on the seed and the 5-minute interval, so the same seed and time always give the same bytes.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from zoneinfo import ZoneInfo

from inode_pipeline.emulator.city import CITY_ZONE
from inode_pipeline.emulator.network import Link

INTERVAL = timedelta(minutes=5)

_ZONE = ZoneInfo(CITY_ZONE)
_AM_BY_WEEKDAY = (0.95, 1.0, 1.02, 1.04, 0.84, 0.0, 0.0)
_PM_BY_WEEKDAY = (0.95, 1.0, 1.04, 1.10, 1.06, 0.0, 0.0)
_MIDDAY_BY_WEEKDAY = (0.12, 0.12, 0.12, 0.13, 0.18, 0.34, 0.24)
_STATUS = {"reporting": "Collecting", "silent": "Not Collected", "disabled": "Disabled"}


@dataclass(frozen=True, slots=True)
class Interval:
    """A whole interval of 5 minutes, with its hour, weekday and day in the city's local time."""

    end: datetime
    number: int
    hour: float
    weekday: int
    day: int

    @classmethod
    def before(cls, now: datetime) -> Interval:
        """The last interval that ended by `now`, which must be aware."""
        seconds = int(INTERVAL.total_seconds())
        number = math.floor(now.timestamp()) // seconds
        end = datetime.fromtimestamp(number * seconds, UTC)
        local = (end - INTERVAL / 2).astimezone(_ZONE)
        return cls(end, number, local.hour + local.minute / 60, local.weekday(), local.toordinal())


@dataclass(frozen=True, slots=True)
class Measurement:
    """A link's travel time in seconds, speed in km/h (`3.6 * length / travel_time_s`, rounded) and vehicles."""

    travel_time_s: float
    speed_kmh: float
    samples: int


class Traffic:
    """Generates the traffic of a seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def record(self, link: Link, interval: Interval) -> dict[str, object]:
        """The link as the API would return it just after the interval."""
        measured = self.measure(link, interval) if link.condition == "reporting" else None
        has_sensors = not link.is_crowdsourced
        return {
            "id": link.id,
            "name": link.name,
            "status": _STATUS[link.condition],
            "data_source": "Sensor" if has_sensors else "Crowdsourced",
            "grid": link.grid,
            "origin": link.origin.as_json() if has_sensors else None,
            "destination": link.destination.as_json() if has_sensors else None,
            "distance": link.length_m,
            "free_flow_speed": link.free_flow_kmh,
            "last_speed": measured.speed_kmh if measured else None,
            "last_travel_time": measured.travel_time_s if measured else None,
            "sample_size": measured.samples if measured else None,
            "last_updated": _stamp(interval.end if measured else _last_heard(link, interval)),
            "geometry": {"type": "LineString", "coordinates": link.line},
            "is_synthetic": True,
        }

    def measure(self, link: Link, interval: Interval) -> Measurement:
        """The link's measurement in the interval, whether or not it reports."""
        first, second = self._random_pair(1, link.id, interval.number)
        noise = math.sqrt(-2 * math.log(first)) * math.cos(2 * math.pi * second)
        today = 1 + 0.12 * (self._random_pair(2, link.id, interval.day)[0] - 0.5)
        delay = max(0.0, today * _delay(link, interval) + self._incident(link, interval))
        free_flow_s = 3.6 * link.length_m / link.free_flow_kmh
        slowness = max(0.92, (1 + delay) * (1 + (0.025 + 0.03 * min(delay, 1)) * noise))
        travel_time_s = max(1.0, round(free_flow_s * slowness, 1))
        samples = max(1, round(link.corridor.road_class.volume * _demand(interval) * (0.7 + 0.6 * second)))
        return Measurement(travel_time_s, round(3.6 * link.length_m / travel_time_s, 2), samples)

    def _incident(self, link: Link, interval: Interval) -> float:
        """The delay of a rare incident, which affects a whole corridor for an hour."""
        chance, weight = self._random_pair(3, link.corridor.number, interval.day * 24 + int(interval.hour))
        return 0.4 + weight if chance < 0.004 else 0.0

    def _random_pair(self, purpose: int, which: int, when: int) -> tuple[float, float]:
        """Two numbers in (0, 1] that depend only on the seed and the arguments."""
        key = struct.pack(">qqqq", self._seed, purpose, which, when)
        one, other = struct.unpack(">QQ", blake2b(key, digest_size=16).digest())
        return (one + 1) / 2**64, (other + 1) / 2**64


def _delay(link: Link, interval: Interval) -> float:
    """The expected delay as a share of free flow: inbound in the morning, outbound in the evening."""
    am = _AM_BY_WEEKDAY[interval.weekday] * _bell_curve(interval.hour, 8.0, 1.1)
    pm = _PM_BY_WEEKDAY[interval.weekday] * _bell_curve(interval.hour, 17.2, 1.5)
    midday = _MIDDAY_BY_WEEKDAY[interval.weekday] * _bell_curve(interval.hour, 13.5, 2.8)
    load = am * (0.6 + 0.4 * link.inbound) + pm * (0.6 - 0.4 * link.inbound) + midday
    return 1.5 * link.severity * link.corridor.road_class.sensitivity * (0.55 + 0.45 * link.closeness) * load


def _demand(interval: Interval) -> float:
    """The vehicles on the road, as a share of the busiest interval's."""
    is_weekend = interval.weekday >= 5
    day = _bell_curve(interval.hour, 14.0, 4.2)
    peaks = max(_bell_curve(interval.hour, 8.0, 1.3), _bell_curve(interval.hour, 17.0, 1.8))
    return 0.03 + (0.7 * day if is_weekend else max(0.65 * day, peaks))


def _bell_curve(hour: float, centre: float, width: float) -> float:
    return math.exp(-(((hour - centre) / width) ** 2) / 2)


def _last_heard(link: Link, interval: Interval) -> datetime | None:
    return link.last_heard_at if link.last_heard_at is not None and link.last_heard_at < interval.end else None


def _stamp(instant: datetime | None) -> str | None:
    """ISO 8601 as written by Django REST framework: with `Z`, and without microseconds if they are 0."""
    return None if instant is None else instant.isoformat().replace("+00:00", "Z")
