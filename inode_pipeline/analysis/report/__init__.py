"""The report: a self-contained HTML file about the whole network, one link or one corridor.

    contents.py                reads the data of the network report in one transaction
    place.py                   reads the data of the report on one link or corridor
    links.py                   the links now, their speed bands and units
    map.py, figures.py         the pictures
    page.py, *.html, page.css  the page, which escapes every text from the API and contains no script

The views define what a number means. Only `page.py` and the pictures import jinja2 and matplotlib, so that a sync does
not load them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from inode_pipeline.analysis.answers import write_atomically
from inode_pipeline.analysis.report.contents import read_contents
from inode_pipeline.analysis.report.links import units
from inode_pipeline.analysis.report.place import Kind
from inode_pipeline.config import LocalSettings
from inode_pipeline.errors import ConfigError
from inode_pipeline.warehouse.engine import Warehouse

DEFAULT = Path("data") / "network_report.html"
"""The default path of the network report, relative to the current folder."""


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """The report's file; `data_as_of` is None if nothing was loaded yet."""

    path: Path
    size_bytes: int
    data_as_of: datetime | None


def default_path(place: tuple[Kind, str] | None) -> Path:
    """The default path of a report; that of a link or corridor is in the same folder and named after its id."""
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
) -> WrittenReport:
    """Write a report, by default in INODE_DISPLAY_UNITS; the warehouse is only read.

    `place` is a link or corridor, `("link", "7")`; without it the report is about the whole network.

    Raises:
        NotMigratedError: the warehouse's tables or views are missing.
        ConfigError: there is no such link or corridor, or the file cannot be written; an existing file is unchanged.

    """
    from inode_pipeline.analysis.report.page import page  # here, because it loads matplotlib

    path = (path or default_path(place)).expanduser().absolute()
    contents = read_contents(warehouse, settings, place)
    content = page(contents, units(display_units or settings.display_units), datetime.now(UTC)).encode()
    try:
        write_atomically(path, content)
    except OSError as problem:
        raise ConfigError(
            f"The report cannot be written to {path}: {problem.strerror or type(problem).__name__}.",
            remedy="Name another file with --output, or give this user the right to write there.",
        ) from None
    return WrittenReport(path, len(content), contents.status.data_as_of)
