"""The report: one HTML file about the whole network, one link or one corridor.

It is read without a database, the internet or this program.

    contents.py   what the network report says, asked of the tables and views in one transaction
    place.py      what the report on one link or corridor says
    links.py      the links at present, their bands of speed and units
    map.py, figures.py             the pictures
    page.py, *.html, page.css      the page: every text from the wire is escaped and nothing can run

The views define what a number means. Only `page.py` and the pictures import jinja2 and matplotlib, so a sync loads
neither.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from inode_pipeline.analysis.answers import write_whole
from inode_pipeline.analysis.report.contents import read_contents
from inode_pipeline.analysis.report.links import units
from inode_pipeline.analysis.report.place import Kind
from inode_pipeline.config import LocalSettings
from inode_pipeline.errors import ConfigError
from inode_pipeline.warehouse.engine import Warehouse

DEFAULT = Path("data") / "network_report.html"
"""Where the report on the network is written unless a person says otherwise; it starts at the current folder."""


@dataclass(frozen=True, slots=True)
class Written:
    """The file and as of when its data is; `data_as_of` is None if nothing was loaded yet."""

    path: Path
    size_bytes: int
    data_as_of: datetime | None


def default_path(place: tuple[Kind, str] | None) -> Path:
    """Where a report is written: that on a link or corridor beside that on the network, under its id."""
    if place is None:
        return DEFAULT
    kind, place_id = place
    return DEFAULT.with_name(f"{kind}_{re.sub(r'[^A-Za-z0-9-]+', '_', place_id)[:80]}.html")


def write_report(
    warehouse: Warehouse,
    settings: LocalSettings,
    path: Path | None = None,
    display_units: Literal["metric", "us"] | None = None,
    place: tuple[Kind, str] | None = None,
) -> Written:
    """Read the warehouse, draw and write, in INODE_DISPLAY_UNITS unless others are given; only the file is written.

    `place` is a link or corridor, `("link", "7")`; without it the report is about the whole network.

    Raises:
        NotMigratedError: its tables or views are missing.
        ConfigError: there is no such link or corridor, or the file cannot be written; an earlier one stays as it is.

    """
    from inode_pipeline.analysis.report.page import page  # it loads matplotlib, which is for the report alone

    path = (path or default_path(place)).expanduser().absolute()
    contents = read_contents(warehouse, settings, place)
    content = page(contents, units(display_units or settings.display_units), datetime.now(UTC)).encode()
    try:
        write_whole(path, content)
    except OSError as problem:
        raise ConfigError(
            f"The report cannot be written to {path}: {problem.strerror or type(problem).__name__}.",
            remedy="Name another file with --output, or give this user the right to write there.",
        ) from None
    return Written(path, len(content), contents.status.data_as_of)
