"""Files that a setting may name.

A type for each; a file that is none is a ValueError with the reason. Keep out: which setting it is (`settings.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from inode_pipeline.endpoints.fieldmap import read_field_map
from inode_pipeline.errors import ConfigError


def absolute_path(path: Path) -> Path:
    """A relative path starts at the folder of `.env`, which is the current one."""
    try:
        return path.expanduser().absolute()
    except RuntimeError as problem:
        raise ValueError(f"{path.parts[0]} is nobody's home folder on this machine; write the whole path") from problem
    except FileNotFoundError as problem:
        raise ValueError("the current folder has been removed; change to another one") from problem


def _readable_file(path: Path) -> Path:
    path = absolute_path(path)
    if not path.is_file():
        raise ValueError("no such file")
    return path


def _field_map(path: Path) -> Path:
    path = _readable_file(path)
    try:
        read_field_map(path)
    except ConfigError as problem:
        raise ValueError(problem.message) from problem
    return path


ReadableFile = Annotated[Path, AfterValidator(_readable_file)]
FieldMapFile = Annotated[Path, AfterValidator(_field_map)]
