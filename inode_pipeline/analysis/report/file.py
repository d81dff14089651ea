"""The report as a file: whole or not at all, so that whoever opens it never sees half a page."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from inode_pipeline.analysis.report.contents import read_contents
from inode_pipeline.analysis.report.units import units
from inode_pipeline.config import LocalSettings
from inode_pipeline.errors import ConfigError
from inode_pipeline.warehouse.engine import Warehouse

DEFAULT = Path("data") / "network_report.html"
"""Where it is written unless a person says otherwise; it starts at the current folder."""


@dataclass(frozen=True, slots=True)
class Written:
    """The file and what it is of; `data_as_of` is None if nothing was loaded yet."""

    path: Path
    size_bytes: int
    data_as_of: datetime | None


def write_report(
    warehouse: Warehouse, settings: LocalSettings, path: Path, display_units: Literal["metric", "us"] | None = None
) -> Written:
    """Read the warehouse, draw and write, in INODE_DISPLAY_UNITS unless others are given; only the file is written.

    Raises:
        NotMigratedError: its tables or views are missing.
        ConfigError: the file cannot be written; an earlier one stays as it is.

    """
    from inode_pipeline.analysis.report.page import page  # it loads matplotlib, which is for the report alone

    path = path.expanduser().absolute()
    contents = read_contents(warehouse, settings)
    content = page(contents, units(display_units or settings.display_units), datetime.now(UTC)).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, content)
    except OSError as problem:
        raise ConfigError(
            f"The report cannot be written to {path}: {problem.strerror or type(problem).__name__}.",
            remedy="Name another file with --output, or give this user the right to write there.",
        ) from None
    return Written(path, len(content), contents.status.data_as_of)


def _replace(path: Path, content: bytes) -> None:
    """Write beside it, then put it in its place in one step; readable by whom the umask allows."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        umask = os.umask(0o077)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
