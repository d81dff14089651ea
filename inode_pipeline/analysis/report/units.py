"""Kilometres or miles: in which the report gives speeds and lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inode_pipeline.analysis.answers import KM_PER_MILE


@dataclass(frozen=True, slots=True)
class Units:
    """The names of the units, and how many kilometres the longer one has."""

    speed: str
    length: str
    km: float

    def speed_of(self, kmh: float) -> float:
        """A speed in km/h, in these units."""
        return kmh / self.km


METRIC = Units("km/h", "km", 1.0)
US = Units("mph", "mi", KM_PER_MILE)


def units(name: Literal["metric", "us"]) -> Units:
    """The units that INODE_DISPLAY_UNITS and `--units` call so."""
    return US if name == "us" else METRIC
