"""A command's environment: its `INODE_` variables and the machine's time zone.

Not here: the settings themselves, see `config/`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PREFIX = "INODE_"


@contextmanager
def only(variables: Mapping[str, str]) -> Iterator[None]:
    """Replace the `INODE_` variables of the process by these within the context."""
    before = {name: value for name, value in os.environ.items() if name.upper().startswith(PREFIX)}
    try:
        _replace(variables)
        yield
    finally:
        _replace(before)


def _replace(variables: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        del os.environ[name]
    os.environ.update(variables)


def machine_zone() -> str | None:
    """The IANA name of this machine's time zone, from TZ or the target of /etc/localtime; None if neither has one."""
    from zoneinfo import ZoneInfo

    _, found, linked = str(Path("/etc/localtime").resolve()).partition("/zoneinfo/")
    for name in (os.environ.get("TZ", "").lstrip(":"), linked if found else ""):
        try:
            return ZoneInfo(name).key if name else None
        except (ValueError, OSError):
            continue
    return None


def unknown_variables() -> list[tuple[str, str]]:
    """Each `INODE_` variable that is not a setting, most likely a typo, and what to do about it."""
    from inode_pipeline.config import unknown_variables as unknown

    return [
        (
            f"{name[:60]} is set but is not a known setting.",
            f"Did you mean {similar}?" if similar else "Remove it; .env.example lists every setting.",
        )
        for name, similar in unknown().items()
    ]
